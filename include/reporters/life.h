/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_LIFE_H
#define VFIO_STRESS_REPORTERS_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What webhooks hear while a run lives: a few small events beside the report at its end. */
enum life_kind {
	LIFE_STARTED,
	LIFE_ALIVE, /* every so often; what does not come tells that the host or its network is dead */
	LIFE_FAILING, /* the first failure, at once */
	LIFE_RESUMED, /* the host is back from a crash */
};

struct life_lane {
	const char *name;
	uint64_t done, failed; /* cycles */
	uint64_t cycle; /* it is at; 0 = none yet, or in `before` */
	const char *step; /* it is at; NULL = between two steps */
	bool over;
};

struct life {
	enum life_kind kind;
	uint64_t number; /* of its kind in this run, from 1 */
	const char *run, *scenario, *host;
	int64_t started_ns, now_ns; /* wall */
	int64_t next_ms; /* the next LIFE_ALIVE comes within; 0 = nobody knows */
	const struct life_lane *lanes;
	size_t nlanes;
	uint64_t failures; /* failed steps and incidents over budget */
	const char *why; /* the first one in a sentence, NULL = none; RESUMED: how the host died */
};

const char *life_word(enum life_kind kind);
/* "RUN.started", "RUN.alive.7", "RUN.failing", "RUN.resumed.1" */
void life_id(const struct life *life, char *buf, size_t size);
/*
 * As a CloudEvents 1.0 event, or its data alone, in at most `max` bytes: lanes are left out, and counted,
 * when they are too many. Heap.
 */
char *life_event(const struct life *life, size_t max, size_t *len_out);
char *life_data(const struct life *life, size_t max, size_t *len_out);

#endif

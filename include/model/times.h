/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_TIMES_H
#define VFIO_STRESS_MODEL_TIMES_H

#include <stddef.h>
#include <stdint.h>

/*
 * How long each of many took, in ms: exactly, in memory that does not grow with how many they are, for
 * what is short is counted, and of what is long no run has millions.
 */
struct times {
	uint32_t *counts; /* of those of 0, 1, 2 ... ms; NULL while all of them are in the list */
	int64_t *list;
	size_t listed, cap;
	uint64_t n;
};

void times_add(struct times *t, int64_t dur_ns);
/* Percentiles by nearest rank. Untouched when there are none. */
void times_spread(struct times *t, int64_t *p50_ms, int64_t *p95_ms, int64_t *max_ms);
void times_finish(struct times *t);

#endif

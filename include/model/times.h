/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_TIMES_H
#define VFIO_STRESS_MODEL_TIMES_H

#include <stddef.h>
#include <stdint.h>

/* How long each of many took, in ms. Empty it with `n = 0`: the room is used again. */
struct times {
	int64_t *v;
	size_t n, cap;
};

void times_add(struct times *t, int64_t dur_ns);
/* Sorts them; percentiles by nearest rank. Untouched when there are none. */
void times_spread(struct times *t, int64_t *p50_ms, int64_t *p95_ms, int64_t *max_ms);
void times_finish(struct times *t);

#endif

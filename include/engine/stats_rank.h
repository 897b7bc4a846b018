/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_STATS_RANK_H
#define VFIO_STRESS_ENGINE_STATS_RANK_H

#include "engine/stats.h"

#include <stddef.h>
#include <stdint.h>

/* Sorted, smallest first. */
struct sample {
	const int64_t *v;
	size_t n;
};

/* With fewer on a side the test's distribution is not known well enough (Brunner and Munzel 2000). */
#define RANKS_MIN 10

/*
 * Two samples by rank: no shape of their distributions is assumed, nor that both have the same; ties
 * are allowed. Brunner and Munzel 2000. `b` is later, so a positive shift is slower.
 */
struct rank_test {
	double p; /* two-sided, of: neither tends to be longer */
	double statistic, df;
	double superiority; /* P(a < b) + P(a = b) / 2; 0.5 = none */
	struct interval superiority_range;
	double shift; /* Hodges and Lehmann: the median of all differences b - a */
	struct interval shift_range; /* shifts that the test would not refuse */
};

/* Each of at least RANKS_MIN; takes time and no memory in proportion to the sum of both. */
void stats_ranks(struct sample a, struct sample b, double level, struct rank_test *out);

#endif

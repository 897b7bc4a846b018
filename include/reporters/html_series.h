/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_SERIES_H
#define VFIO_STRESS_REPORTERS_HTML_SERIES_H

#include "base/err.h"
#include "model/time_bins.h"

#include <stddef.h>
#include <stdint.h>

struct html_tally;
struct run_view;

/*
 * Times of a whole run, thinned for a chart: so many points for each series, each with the least, the
 * mean and the most of the cycles that fell into it. Extremes are never lost.
 */
struct point {
	double x; /* of its first: cycle, or Unix time */
	uint64_t n;
	int64_t sum_us, min_us, max_us;
};

struct series {
	struct point *points;
	size_t npoints; /* some of them may be empty */
	uint64_t n, per_point; /* times; cycles that share a point, 1 = each has its own */
	double from, to; /* x of the whole run: not all of it has a point */
	struct time_bins bins;
};

struct run_series {
	struct series *lanes; /* of each lane: its cycles over time */
	struct series *rows; /* of each row of each lane, one lane after the other */
	size_t nlanes, nrows;
};

/* `tally` (NULL = none) is fed by the way: one reading of a long run is enough. */
int run_series_init(const struct run_view *run, struct html_tally *tally, struct run_series *out,
	struct err *err) must_check;
void run_series_finish(struct run_series *s);

#endif

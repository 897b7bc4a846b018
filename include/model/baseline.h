/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_BASELINE_H
#define VFIO_STRESS_MODEL_BASELINE_H

#include <stddef.h>
#include <stdint.h>

/* How a run came out against its baseline. */
struct baseline_result {
	const char *run; /* the baseline's id */
	const char *result; /* "worse", "same", "better", "cannot tell" */
	const char *text; /* a sentence: what is worse, or why it cannot be told */
	struct baseline_row { /* of a step's times, the worst first */
		uint32_t lane, step; /* of the run's own cycle, from 0 */
		const char *device; /* the run's own; "" = none */
		const char *
			what; /* "time", "slow", "usable"; "match": the baseline has no such step */
		const char *result, *text; /* as above, of this row, with its figures */
		struct baseline_times {
			uint64_t n; /* of executions that passed */
			int64_t p50_us, p95_us, max_us; /* -1 = there are none */
			const char *bins; /* model/time_bins.h */
		} before, now;
	} * rows;
	size_t nrows;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_KINDS_H
#define VFIO_STRESS_MODEL_RUN_KINDS_H

#include "base/bdf.h"
#include "model/outcome.h"

#include <stddef.h>

struct run_view;

/* One fault of one device in one lane: in how many cycles the kernel told it. */
struct run_kind {
	char id[48];
	char bdf[BDF_LEN]; /* "" = of no device */
	int32_t lane; /* -1 = none or several */
	enum severity severity; /* the worst of them */
	/*
	 * A storm in one cycle is one, as are several incidents in it. What came again within a minute is
	 * stored as one incident with its count: it then is in as many cycles as went by, but in no more
	 * than it was counted. What is told before the first cycle counts as one.
	 */
	uint64_t cycles;
	bool over_budget; /* some of them */
};

#define RUN_KINDS_MAX                                                                              \
	4096 /* more are not told; a run of that many kinds has one trouble: its log */

/*
 * Those that are at least warnings and that their step did not expect, by lane, id and device. The store
 * of `run` must be open. Heap: an array.
 */
int run_kinds_load(const struct run_view *run, struct run_kind **out, size_t *n_out,
	struct err *err) must_check;
/* The lane whose cycles count what is in no single lane: the one with the most. */
size_t run_longest_lane(const struct run_view *run);

#endif

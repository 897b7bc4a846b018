/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_WAY_OUT_H
#define VFIO_STRESS_ENGINE_WAY_OUT_H

#include <stdint.h>

/*
 * The way out of the program: from the moment when nothing of a run is waited for any more to its end.
 * All that may hang there (processes of lanes, children that deliver and report, a store that refuses)
 * shares this one deadline, so that several that hang do not add up. docs/design.md says what has a
 * bound of its own, and is not cut short by it.
 */
struct way_out {
	int64_t ask_until_ns; /* CLOCK_MONOTONIC: who was asked to end may take so long, then it is killed */
	int64_t until_ns; /* who was killed may take so long to be gone, then it is left behind */
};

#define WAY_OUT_NS (5 * INT64_C(1000000000))

/* It begins now. */
struct way_out way_out_begin(void);
/* What ends when asked to and has less to do than others: not later than dur_ns from now. */
int64_t way_out_ask_until(const struct way_out *out, int64_t dur_ns);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/way_out.h"

#include "base/clock.h"

#define KILLED_NS NS_PER_S /* of it: longer, and what was killed sleeps in the kernel */

struct way_out way_out_begin(void)
{
	int64_t now = clock_mono_ns();

	return (struct way_out){
		.ask_until_ns = now + WAY_OUT_NS - KILLED_NS, .until_ns = now + WAY_OUT_NS};
}

int64_t way_out_ask_until(const struct way_out *out, int64_t dur_ns)
{
	int64_t own = clock_mono_ns() + dur_ns;

	return own < out->ask_until_ns ? own : out->ask_until_ns;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_TALLY_H
#define VFIO_STRESS_REPORTERS_HTML_TALLY_H

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct page;

/* What events say in one cycle after the other is told once, with how often. */
struct html_tally {
	VEC(struct tally_row) rows;
	uint64_t left_out; /* events, for want of room */
};

void html_tally_add(struct html_tally *t, const struct event *ev);
void html_tally_finish(struct html_tally *t);

/* What looks at devices found changed, whether a step failed of it or not. */
void html_differences(struct page *p);
/* Steps that were not done, and why; false: there is none, and nothing was written. */
bool html_skipped(struct page *p);

#endif

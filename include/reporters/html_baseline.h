/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_BASELINE_H
#define VFIO_STRESS_REPORTERS_HTML_BASELINE_H

#include <stdbool.h>
#include <stddef.h>

struct page;
struct run_view;
struct step_row;

/* Is there something to show? A store of an older program has but a sentence. */
bool html_has_baseline(const struct run_view *run);
/* How long each step takes, beside the baseline's times. */
void html_baseline(struct page *p);
/* The baseline's times of a step of a lane's cycle; NULL = there are none. */
const struct baseline_times *html_baseline_times(
	const struct run_view *run, size_t lane, const struct step_row *step);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_CHARTS_H
#define VFIO_STRESS_REPORTERS_HTML_CHARTS_H

#include <stdint.h>
#include <stdio.h>

struct page;
struct series;
struct step_row;

/* Of a lane over time, or of a row of it (not NULL) over cycles; it needs two points. */
void html_chart(struct page *p, const struct series *s, int32_t lane, const struct step_row *row);
/* From the shortest to the longest. */
void html_histogram(FILE *out, const struct series *s);

#endif

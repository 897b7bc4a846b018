/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_CHARTS_H
#define VFIO_STRESS_REPORTERS_HTML_CHARTS_H

#include <stdint.h>

struct page;
struct series;
struct step_row;

/* What the charts that follow are of; no foreign text. */
void html_charts_key(struct page *p, const char *what);
/* Of a lane over time, or of a row of it (not NULL) over cycles; it needs two points. */
void html_chart(struct page *p, const struct series *s, int32_t lane, const struct step_row *row);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_RESETS_H
#define VFIO_STRESS_REPORTERS_HTML_RESETS_H

struct page;

/* The matrix of methods and states: what was tried, and what worked. */
void html_resets(struct page *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_PREFLIGHT_H
#define VFIO_STRESS_REPORTERS_HTML_PREFLIGHT_H

struct page;

/* What preflight answered when the run began. */
void html_preflight(struct page *p);

#endif

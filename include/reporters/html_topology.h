/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_TOPOLOGY_H
#define VFIO_STRESS_REPORTERS_HTML_TOPOLOGY_H

struct page;

/* The tree above the lanes' devices, from the run's snapshot, with the failing path marked. */
void html_topology(struct page *p);

#endif

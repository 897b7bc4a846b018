/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_DEVICES_TEXT_H
#define VFIO_STRESS_CLI_DEVICES_TEXT_H

#include <stddef.h>
#include <stdio.h>

struct pick;
struct topology;

/* The views for people, at most `columns` wide. */
typedef void devices_view(
	const struct topology *t, const struct pick *p, size_t columns, FILE *out);

devices_view devices_write_table;
devices_view devices_write_tree; /* below the ports that lead to them */
devices_view devices_write_groups; /* whole IOMMU groups; who was not picked is marked */

#endif

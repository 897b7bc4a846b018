/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_NODES_H
#define VFIO_STRESS_DEVICE_NODES_H

#include "device/holders.h"

struct pcidev;
struct things;

/* Nodes through which somebody may be using a function: to be looked for by holders_find. */
struct node_list {
	struct node *v;
	size_t n, cap;
};

/* One that is known by its path only. */
void nodes_add(struct node_list *out, const char *path);
/* Of a function that is on VFIO: its group's, and that of the device itself (iommufd, Linux 6.6). */
void nodes_of_vfio(const struct host *host, const struct pcidev *dev, struct node_list *out);
/* Of what its driver made below it in sysfs. */
void nodes_of_things(const struct things *things, struct node_list *out);
/* Those that a driver makes elsewhere, for all its devices. */
void nodes_of_driver(const char *driver, struct node_list *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_MODALIAS_H
#define VFIO_STRESS_WORLD_MODALIAS_H

#include <stdbool.h>

struct arena;
struct host;
struct pcidev_list;

/*
 * Which kernel modules would drive each function, from depmod's list of the running kernel:
 * "nouveau nvidiafb" at the function's index, "" = none. The texts are the arena's. False: there is
 * no such list.
 */
bool modalias_drivers(const struct host *host, const struct pcidev_list *devs, struct arena *arena,
	const char **out);

#endif

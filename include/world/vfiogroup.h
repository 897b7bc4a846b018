/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VFIOGROUP_H
#define VFIO_STRESS_WORLD_VFIOGROUP_H

#include "base/bdf.h"

#include <stdbool.h>

struct host;

/*
 * Is the VFIO group of a device held by somebody? A group opens once (drivers/vfio/group.c), so
 * this opens and closes it: only for devices that no VM should hold any more. False as well when
 * the device has no group, or the group is not VFIO's now. `group_out` gets its number or -1.
 */
bool vfiogroup_held(const struct host *host, struct bdf bdf, int *group_out);

#endif

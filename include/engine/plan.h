/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_PLAN_H
#define VFIO_STRESS_ENGINE_PLAN_H

#include <stddef.h>
#include <stdio.h>

struct host;
struct lane_device;
struct pcidev_list;
struct scenario;
struct vm;

/* What is known of a lane's domain and devices; zeroed = nobody has looked. */
struct plan_lane {
	struct vm *vm;
	struct lane_device *devs; /* in BDF order */
	size_t ndevs;
	const struct pcidev_list *topology; /* NULL: the devices are not known */
};

/*
 * Says in words what a scenario will do: lanes, steps, how long at most, and whom each reset of a
 * known device disturbs. `lanes` has one entry per lane of the scenario. Changes nothing.
 */
void plan_print(const struct scenario *sc, const struct host *host, const struct plan_lane *lanes,
	FILE *out);

#endif

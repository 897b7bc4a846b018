/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_LANE_DEVICE_H
#define VFIO_STRESS_MODEL_LANE_DEVICE_H

#include "world/pcidev.h"

struct event;
struct guard_allow;

/* A device that a lane holds for the run. */
struct lane_device {
	struct pcidev
		pci; /* as it was when the lane was prepared, or when a step last changed it */
	const struct guard_allow *allow; /* device/guard.h; NULL: nothing is lifted */
	int lock_fd; /* lock in /run/vfio-stress; held until the lane ends */
	uint64_t undo_driver; /* undo record of its binding, 0 = not rebound */
	char driver_was[32], override_was[64]; /* what that record says */
	/* record of drivers_autoprobe, which stays off while this lane misses a device; 0 = it does not */
	uint64_t undo_autoprobe;
	void *oracle; /* device/oracle.h: reference state */
};

/* Identity as text in EV_LANE_DEVICE and back. */
void lane_device_pack(const struct pcidev *dev, struct event *ev);
void lane_device_unpack(const struct event *ev, struct pcidev *dev);

#endif

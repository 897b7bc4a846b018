/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_SLOT_H
#define VFIO_STRESS_DEVICE_SLOT_H

#include "base/bdf.h"

#include <stdbool.h>

struct host;

/* The hotplug slot that a function sits in: /sys/bus/pci/slots/NAME. */
struct slot {
	char name[32];
	char driver[32]; /* pciehp, acpiphp, shpchp ...; "" = unknown */
	bool has_power; /* its power can be switched */
};

/* False when it sits in none that the kernel knows of. */
bool slot_of(const struct host *host, struct bdf bdf, struct slot *out);

#endif

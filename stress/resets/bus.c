/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

/* The kernel refuses it with company on the bus; the scope is what the signal would reach. */
const struct reset_method reset_bus = {
	.name = "bus",
	.summary = "secondary bus reset by the bridge above; for a function alone on its bus",
	.scope = SCOPE_BUS,
	.typical_ms = 1200, /* up to 1 s until config space may be read (PCIe r6.0, 6.6.1) */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

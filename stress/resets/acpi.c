/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_acpi = {
	.name = "acpi",
	.summary = "the firmware's _RST method of the device",
	.scope = SCOPE_FUNCTION,
	.typical_ms = 1000, /* nobody knows: it is the firmware's */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

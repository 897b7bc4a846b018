/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_device_specific = {
	.name = "device_specific",
	.summary = "a quirk of the kernel for this model",
	.scope = SCOPE_FUNCTION,
	.typical_ms = 1000, /* nobody knows: 100 ms to some seconds */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

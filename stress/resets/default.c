/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

/* Any of the device's methods may be the one, so the widest of them counts. */
const struct reset_method reset_default = {
	.name = "default",
	.summary = "whatever the kernel takes: each of the device's methods until one works",
	.scope = SCOPE_BUS,
	.typical_ms = 1200, /* as of the slowest of the common ones */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

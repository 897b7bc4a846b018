/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_pm = {
	.name = "pm",
	.summary = "through power state D3hot and back to D0",
	.scope = SCOPE_FUNCTION,
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

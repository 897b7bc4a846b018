/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_flr = {
	.name = "flr",
	.summary = "Function Level Reset",
	.scope = SCOPE_FUNCTION,
	.typical_ms = 200, /* of which the kernel waits 100 ms (pcie_flr) */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_af_flr = {
	.name = "af_flr",
	.summary = "Function Level Reset of a conventional PCI device (Advanced Features)",
	.scope = SCOPE_FUNCTION,
	.typical_ms = 200, /* as an FLR */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

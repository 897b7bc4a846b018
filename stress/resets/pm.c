/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_pm = {
	.name = "pm",
	.summary = "through power state D3hot and back to D0",
	.scope = SCOPE_FUNCTION,
	.typical_ms = 100, /* 10 ms down, 10 ms up (pci_pm_reset) */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

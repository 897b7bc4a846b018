/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/resets.h"
#include "resets/sysfs_reset.h"

const struct reset_method reset_cxl_bus = {
	.name = "cxl_bus",
	.summary = "secondary bus reset that unmasks CXL ports first (CXL type 2 devices)",
	.scope = SCOPE_BUS,
	.typical_ms = 1200, /* as of `bus` */
	.available = sysfs_reset_available,
	.fire = sysfs_reset_fire,
	.diagnose = sysfs_reset_diagnose,
};

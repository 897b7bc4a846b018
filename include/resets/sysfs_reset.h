/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_RESETS_SYSFS_RESET_H
#define VFIO_STRESS_RESETS_SYSFS_RESET_H

#include "device/reset.h"

/*
 * What the methods behind the attributes reset and reset_method have in common: they differ by the
 * word. `default` leaves the list alone and lets the kernel choose.
 */
int sysfs_reset_available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not);
int sysfs_reset_fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err);
void sysfs_reset_diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err);

#endif

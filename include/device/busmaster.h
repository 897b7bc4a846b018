/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_BUSMASTER_H
#define VFIO_STRESS_DEVICE_BUSMASTER_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stdint.h>

/*
 * Switches off bus mastering that was left on: VFIO does it when the last user closes the device, which
 * one that is dark at that moment does not hear; and no reset does, because the kernel restores the
 * command register. Nothing is done to one that somebody has enabled. In a child, with a deadline.
 */
int busmaster_off(
	const struct host *host, struct bdf bdf, int64_t deadline_ns, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_INJECTOR_H
#define VFIO_STRESS_WORLD_INJECTOR_H

#include "base/bdf.h"
#include "base/err.h"

struct host;

/* Who can raise an error of a device on demand. */
enum injector {
	INJECTOR_AER, /* /dev/aer_inject: in software, the kernel takes it for real */
	INJECTOR_EINJ, /* the firmware's, by ACPI's EINJ table in debugfs */
};

/* "aer_inject", "EINJ" */
const char *injector_name(enum injector injector);
/* The first that is there. -1: none; err says what is missing, its hint what to load. */
int injector_find(const struct host *host, enum injector *out, struct err *err) must_check;
/*
 * A corrected error of this device: harmless, the hardware (or what plays it) has dealt with it.
 * With aer_inject it is INJECTED_BIT; with EINJ the firmware chooses.
 */
#define INJECTED_BIT "BadTLP"
int inject_corrected(const struct host *host, enum injector injector, struct bdf bdf,
	struct err *err) must_check;

#endif

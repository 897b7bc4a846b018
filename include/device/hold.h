/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_HOLD_H
#define VFIO_STRESS_DEVICE_HOLD_H

#include "device/guard.h"

/* The VFIO groups of what a reset disturbs, held open: a group opens once, so no VM can start. */
struct hold {
	int *v; /* descriptors */
	size_t n, cap;
};

/*
 * Right after guard_check agreed, with the same arguments. Refuses (ERR_REFUSED) when a group was
 * opened or a driver bound since. Groups that the friendly QEMU has, or that are busy and allowed,
 * are left alone. Nothing else is opened: the devices see nothing of it.
 */
int hold_take(const struct host *host, const struct pcidev_list *all, const struct bdf *disturbed,
	size_t n, const struct guard_friends *friends, struct hold *out,
	struct err *err) must_check;
void hold_release(struct hold *hold);

#endif

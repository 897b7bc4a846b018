/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_LOCK_H
#define VFIO_STRESS_DEVICE_LOCK_H

#include "world/host.h"

/*
 * One flock per device in /run/vfio-stress. Children inherit it, so that a task asleep in the kernel
 * keeps its device quarantined, across runs too. ERR_REFUSED says who holds it. Released by close().
 */
int lock_take(const struct host *host, struct bdf bdf, int *fd_out, struct err *err) must_check;

#endif

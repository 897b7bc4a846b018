/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_DRIVER_H
#define VFIO_STRESS_DEVICE_DRIVER_H

#include "model/lane_device.h"

struct emitter;

/*
 * Binds the device to vfio-pci for the run, when it is not bound already: undo record first. Refuses
 * (ERR_REFUSED) what the guard would not allow and groups that are not viable.
 */
int driver_take(const struct host *host, const struct pcidev_list *all, struct lane_device *dev,
	struct emitter *out, struct err *err) must_check;
/* Back to the driver and the override that it had; nothing to do when it was not taken. */
int driver_give_back(const struct host *host, struct lane_device *dev, struct emitter *out,
	struct err *err) must_check;

#endif

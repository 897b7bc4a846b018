/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_DRIVER_H
#define VFIO_STRESS_DEVICE_DRIVER_H

#include "model/lane_device.h"

struct emitter;
struct guard_allow;

/*
 * Whether drivers bind by themselves to what appears: one switch for all lanes and runs of the host.
 * Whoever writes to it holds the lock of this name (lock_wait).
 */
#define DRIVERS_AUTOPROBE      "/sys/bus/pci/drivers_autoprobe"
#define DRIVERS_AUTOPROBE_LOCK "drivers_autoprobe"

/*
 * Prepare phase, read-only: could the lane that has these devices take this one for vfio-pci? There
 * must be an IOMMU group, nobody may use it, and no other function of the group may stay with a
 * host driver. -1 (ERR_REFUSED) says what to do.
 */
int driver_check(const struct host *host, const struct pcidev_list *all, const struct pcidev *dev,
	const struct bdf *lane, size_t nlane, const struct guard_allow *allow,
	struct err *err) must_check;

/*
 * Binds the device to vfio-pci for the run, when it is not bound already: undo record first. Refuses
 * (ERR_REFUSED) what the guard would not allow. Updates dev->pci.driver.
 */
int driver_take(const struct host *host, const struct pcidev_list *all, struct lane_device *dev,
	struct emitter *out, struct err *err) must_check;
/*
 * Unbinds it and binds it to `driver`, also when that is the one it has. The undo record is made by
 * the first change of a run.
 */
int driver_rebind(const struct host *host, struct lane_device *dev, const char *driver,
	struct emitter *out, int64_t deadline_ns, struct err *err) must_check;
/*
 * The undo record alone, for a step that will change the binding by other means. Of a device that is
 * gone: the driver that dev->pci says.
 */
int driver_record(const struct host *host, struct lane_device *dev, struct emitter *out,
	struct err *err) must_check;
/*
 * Back to the driver and the override that it had; nothing to do when it was not taken. One that is gone
 * keeps its undo record.
 */
int driver_give_back(const struct host *host, struct lane_device *dev, struct emitter *out,
	struct err *err) must_check;

/*
 * The plain change: unbinds from another driver, sets driver_override ("" = none) and binds ("" =
 * stays unbound). Nothing to do when it is so already.
 */
int driver_bind(const struct host *host, struct bdf bdf, const char *driver, const char *override,
	int64_t deadline_ns, struct err *err) must_check;
/* Could it be bound? Read-only: vfio-pci counts as there, since it is loaded on demand. */
int driver_known(const struct host *host, const char *driver, struct err *err) must_check;

#endif

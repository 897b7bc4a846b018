/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/driver.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/attr.h"
#include "device/guard.h"
#include "model/event.h"
#include "model/undo.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VFIO_PCI      "vfio-pci"
#define BIND_NS       (120 * NS_PER_S) /* some GPU drivers take half a minute to probe */
#define ATTR_NS       (30 * NS_PER_S)
#define AWAIT_STEP_MS 10

static void driver_of(const struct host *host, struct bdf bdf, char *buf, size_t size)
{
	char text[BDF_LEN], path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf_text(bdf, text));
	host_link_name(host, path, buf, size);
}

static bool exists(const struct host *host, struct bdf bdf)
{
	char path[HOST_PATH_MAX];

	return access(host_dev_path(host, path, bdf, ""), F_OK) == 0;
}

/* A driver may probe asynchronously; no event tells when it is done. */
static bool await_driver(
	const struct host *host, struct bdf bdf, const char *driver, int64_t deadline_ns)
{
	char now[32];

	for (;;) {
		driver_of(host, bdf, now, sizeof(now));
		if (str_eq(now, driver))
			return true;
		if (clock_mono_ns() >= deadline_ns)
			return false;
		poll(NULL, 0, AWAIT_STEP_MS);
	}
}

/* ---- is the driver there? ---- */

static int run_modprobe(void *arg, int reply_fd)
{
	(void)reply_fd;
	execl("/sbin/modprobe", "modprobe", (const char *)arg, (char *)NULL);
	return 127;
}

static bool loaded(const struct host *host, const char *driver)
{
	char path[HOST_PATH_MAX];

	return access(host_path(host, path, "/sys/bus/pci/drivers/%s", driver), F_OK) == 0;
}

int driver_known(const struct host *host, const char *driver, struct err *err)
{
	if (loaded(host, driver) || str_eq(driver, VFIO_PCI))
		return 0;
	err_set(err, ERR_REFUSED, 0, "the kernel has no PCI driver '%.32s' loaded", driver);
	return err_hint(err, "modprobe %.32s", driver);
}

/* Is the driver there? vfio-pci is loaded when it is not. */
static int make_ready(const struct host *host, const char *driver, struct err *err)
{
	struct child_result res;
	struct err ignored;
	char name[] = VFIO_PCI;

	if (driver_known(host, driver, err) != 0)
		return -1;
	if (!loaded(host, driver) && host->root[0] == '\0' &&
		child_call(run_modprobe, name, NULL, 0, clock_mono_ns() + ATTR_NS, &res,
			&ignored) != 0)
		return err_set(err, ERR_REFUSED, 0, "modprobe %s: %s", name, ignored.msg);
	if (loaded(host, driver))
		return 0;
	err_set(err, ERR_REFUSED, 0, "the kernel has no PCI driver '%s'", driver);
	return err_hint(err, "does this kernel have CONFIG_VFIO_PCI? try: modprobe %s", driver);
}

/* ---- the plain change ---- */

/* Turns the errno of bind into what is behind it. */
static int diagnose_bind(
	const struct host *host, struct bdf bdf, const char *driver, struct err *err)
{
	char text[BDF_LEN], path[HOST_PATH_MAX], has[32];
	int sys = err->sys;

	bdf_text(bdf, text);
	if (!exists(host, bdf)) {
		err_set(err, ERR_ABSENT, sys, "%s is gone while it is bound to %s", text, driver);
		return err_hint(err, "look into the kernel log: did the link or the slot go down?");
	}
	driver_of(host, bdf, has, sizeof(has));
	err_wrap(err, "binding %s to %s", text, driver);
	if (has[0] != '\0' && !str_eq(has, driver))
		return err_hint(err, "driver %s has it: something else binds drivers here", has);
	if (pcidev_vfio_driver(driver) &&
		access(host_dev_path(host, path, bdf, "iommu_group"), F_OK) != 0)
		return err_hint(err,
			"it has no IOMMU group: switch the IOMMU on (firmware setup; "
			"intel_iommu=on)");
	switch (sys) {
	case ENODEV:
		return err_hint(err,
			"the driver does not know this device, or gave it up: see the "
			"kernel log");
	case EBUSY:
		return err_hint(err,
			"something else holds the device or its group: see the "
			"kernel log, and who has /dev/vfio/* open");
	case EINVAL:
		return err_hint(err, "the driver refused it: see the kernel log");
	case EACCES:
	case EPERM:
		return err_hint(err, "run as root");
	}
	return -1;
}

static int write_override(const struct host *host, struct bdf bdf, const char *override,
	int64_t deadline_ns, struct err *err)
{
	char text[BDF_LEN], path[128], value[80];

	snprintf(
		path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf_text(bdf, text));
	/* an empty line clears it */
	snprintf(value, sizeof(value), "%s\n", override);
	return attr_write(host, path, value, deadline_ns, NULL, err);
}

static int unbind(const struct host *host, struct bdf bdf, int64_t deadline_ns, struct err *err)
{
	char text[BDF_LEN], path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", bdf_text(bdf, text));
	if (attr_write(host, path, text, deadline_ns, NULL, err) != 0)
		return err_wrap(err, "unbinding %s", text);
	if (!await_driver(host, bdf, "", deadline_ns))
		return err_set(err, ERR_TIMEOUT, 0, "%s does not let its driver go", text);
	return 0;
}

static int bind(const struct host *host, struct bdf bdf, const char *driver, int64_t deadline_ns,
	struct err *err)
{
	char text[BDF_LEN], path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	if (attr_write(host, path, bdf_text(bdf, text), deadline_ns, NULL, err) != 0)
		return diagnose_bind(host, bdf, driver, err);
	if (!await_driver(host, bdf, driver, deadline_ns)) {
		err_set(err, ERR_TIMEOUT, 0, "no driver on it");
		return diagnose_bind(host, bdf, driver, err);
	}
	return 0;
}

/* The PF's driver made the VFs: they go with it, and vfio-pci takes no PF that has any (EBUSY). */
static int check_vfs(const struct pcidev *dev, struct err *err)
{
	char text[BDF_LEN];

	if (!dev->is_pf_with_vfs)
		return 0;
	err_set(err, ERR_REFUSED, 0, "%s has virtual functions, which its driver %s made",
		bdf_text(dev->bdf, text), dev->driver[0] ? dev->driver : "");
	return err_hint(err, "write 0 to its sriov_numvfs first, or leave the driver on it");
}

/* Unbinding from under somebody sleeps until he lets go, or takes away what the host needs. */
static int nobody_uses(
	const struct host *host, struct bdf bdf, const struct guard_allow *allow, struct err *err)
{
	const struct guard_friends friends = {
		.lane = &bdf, .nlane = 1, .while_bound = true, .allow = allow};
	struct pcidev_list all = {0};
	const struct pcidev *dev;
	int rc;

	if (pcidev_scan_nameless(host, &all, err) != 0)
		return -1;
	dev = pcidev_find(&all, bdf);
	rc = dev != NULL ? check_vfs(dev, err) : 0;
	if (rc == 0)
		rc = guard_check(host, &all, &bdf, 1, &friends, err);
	pcidev_list_finish(&all);
	return rc;
}

static int change(const struct host *host, struct bdf bdf, const char *now, const char *driver,
	const char *override, int64_t deadline_ns, struct err *err)
{
	/* first, so that nothing else claims it while it has no driver */
	if (write_override(host, bdf, override, deadline_ns, err) != 0)
		return -1;
	if (now[0] != '\0' && unbind(host, bdf, deadline_ns, err) != 0)
		return -1;
	return driver[0] ? bind(host, bdf, driver, deadline_ns, err) : 0;
}

/* The driver it has now. Refuses when it is not there, or in use and to be unbound. */
static int may_change(const struct host *host, struct bdf bdf, const char *driver,
	const struct guard_allow *allow, char *now, size_t size, struct err *err)
{
	char text[BDF_LEN];

	if (!exists(host, bdf)) {
		err_set(err, ERR_ABSENT, 0, "%s is not there (any more)", bdf_text(bdf, text));
		return err_hint(err, "echo 1 > /sys/bus/pci/rescan may bring it back");
	}
	if (driver[0] != '\0' && make_ready(host, driver, err) != 0)
		return -1;
	driver_of(host, bdf, now, size);
	return now[0] ? nobody_uses(host, bdf, allow, err) : 0;
}

int driver_bind(const struct host *host, struct bdf bdf, const char *driver, const char *override,
	int64_t deadline_ns, struct err *err)
{
	char now[32];

	driver_of(host, bdf, now, sizeof(now));
	if (exists(host, bdf) && str_eq(now, driver))
		return write_override(host, bdf, override, deadline_ns, err);
	if (may_change(host, bdf, driver, NULL, now, sizeof(now), err) != 0)
		return -1;
	return change(host, bdf, now, driver, override, deadline_ns, err);
}

/* ---- for a run ---- */

static int read_override(
	const struct host *host, struct bdf bdf, char *buf, size_t size, struct err *err)
{
	char text[BDF_LEN], path[128];

	snprintf(
		path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf_text(bdf, text));
	if (attr_read(host, path, buf, size, clock_mono_ns() + ATTR_NS, err) != 0)
		return -1;
	if (str_eq(buf, "(null)"))
		buf[0] = '\0';
	return 0;
}

int driver_record(
	const struct host *host, struct lane_device *dev, struct emitter *out, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_DRIVER};

	if (dev->undo_driver != 0)
		return 0;
	if (!exists(host, dev->pci.bdf)) {
		dev->override_was[0] = '\0';
		str_set(dev->driver_was, dev->pci.driver);
	} else if (read_override(host, dev->pci.bdf, dev->override_was, sizeof(dev->override_was),
			   err) != 0) {
		return -1;
	} else {
		driver_of(host, dev->pci.bdf, dev->driver_was, sizeof(dev->driver_was));
	}
	bdf_text(dev->pci.bdf, rec.subject);
	str_set(rec.path, dev->override_was);
	str_set(rec.value, dev->driver_was);
	return undo_begin(out, &rec, &dev->undo_driver, err);
}

int driver_rebind(const struct host *host, struct lane_device *dev, const char *driver,
	struct emitter *out, int64_t deadline_ns, struct err *err)
{
	struct bdf bdf = dev->pci.bdf;
	char now[32];

	if (may_change(host, bdf, driver, dev->allow, now, sizeof(now), err) != 0 ||
		driver_record(host, dev, out, err) != 0 ||
		change(host, bdf, now, driver, driver, deadline_ns, err) != 0)
		return -1;
	str_set(dev->pci.driver, driver);
	return 0;
}

/* Without interrupt remapping VFIO refuses the device when a VM opens it, with a bare EPERM. */
static void note_interrupt_remapping(
	const struct host *host, const struct lane_device *dev, struct emitter *out)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	char path[HOST_PATH_MAX], line[512], allowed[8];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/interrupts"), "re");
	bool remapped = false;
	struct err ignored;

	if (f == NULL)
		return;
	/* the chips' names: "IR-PCI-MSI", "IR-IO-APIC" (arch/x86/kernel/apic/vector.c) */
	while (!remapped && fgets(line, sizeof(line), f) != NULL)
		remapped = strstr(line, " IR-") != NULL;
	if (remapped ||
		(host_read(host, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
			 allowed, sizeof(allowed), &ignored) == 0 &&
			str_eq(allowed, "Y")))
		return;
	bdf_text(dev->pci.bdf, ev.subject);
	str_set(ev.text, "interrupt remapping is off: VFIO will refuse to give the device to a VM");
	str_set(ev.hint,
		"switch it on in the firmware, or (unsafe) load vfio_iommu_type1 with "
		"allow_unsafe_interrupts=1");
	emit(out, &ev);
}

static bool may_stay(const struct pcidev *dev)
{
	return dev->driver[0] == '\0' || dev->is_bridge || str_eq(dev->driver, "pci-stub") ||
		pcidev_vfio_driver(dev->driver);
}

static bool listed(const struct bdf *list, size_t n, struct bdf bdf)
{
	while (n-- > 0)
		if (bdf_eq(list[n], bdf))
			return true;
	return false;
}

/* VFIO gives out no group in which a host driver still has a function (vfio_dev_viable). */
static int check_group(const struct pcidev_list *all, const struct pcidev *dev,
	const struct bdf *lane, size_t nlane, struct err *err)
{
	char text[BDF_LEN], other[BDF_LEN];
	size_t i;

	bdf_text(dev->bdf, text);
	if (dev->iommu_group < 0) {
		err_set(err, ERR_REFUSED, 0, "%s has no IOMMU group: the IOMMU is off", text);
		return err_hint(err,
			"enable VT-d or AMD-Vi in the firmware setup; on Intel boot "
			"with intel_iommu=on");
	}
	for (i = 0; i < all->n; i++) {
		const struct pcidev *d = &all->v[i];

		if (d->iommu_group != dev->iommu_group || bdf_eq(d->bdf, dev->bdf) || may_stay(d) ||
			listed(lane, nlane, d->bdf))
			continue;
		err_set(err, ERR_REFUSED, 0,
			"%s shares IOMMU group %d with %s%s%s, which driver %s has", text,
			dev->iommu_group, bdf_text(d->bdf, other), d->name[0] ? " " : "", d->name,
			d->driver);
		return err_hint(err,
			"put both into one lane, unbind the other one, or use a slot "
			"with a group of its own");
	}
	return 0;
}

int driver_check(const struct host *host, const struct pcidev_list *all, const struct pcidev *dev,
	const struct bdf *lane, size_t nlane, const struct guard_allow *allow, struct err *err)
{
	const struct guard_friends friends = {
		.lane = lane, .nlane = nlane, .while_bound = true, .allow = allow};

	if (check_group(all, dev, lane, nlane, err) != 0 || check_vfs(dev, err) != 0)
		return -1;
	return guard_check(host, all, &dev->bdf, 1, &friends, err);
}

int driver_take(const struct host *host, const struct pcidev_list *all, struct lane_device *dev,
	struct emitter *out, struct err *err)
{
	struct err second = {0};
	char now[32];

	driver_of(host, dev->pci.bdf, now, sizeof(now));
	if (str_eq(now, VFIO_PCI))
		return 0;
	/* who else is in the group was judged in the prepare phase, for all of the lane's devices */
	if (dev->pci.iommu_group < 0)
		return check_group(all, &dev->pci, NULL, 0, err);
	note_interrupt_remapping(host, dev, out);
	if (driver_rebind(host, dev, VFIO_PCI, out, clock_mono_ns() + BIND_NS, err) == 0)
		return 0;
	/* half done: back to what it was; when that fails too, the record stays for `undo` */
	if (dev->undo_driver != 0 && driver_give_back(host, dev, out, &second) != 0)
		err_hint(err, "it could not be given back either: %s", second.msg);
	return -1;
}

int driver_give_back(
	const struct host *host, struct lane_device *dev, struct emitter *out, struct err *err)
{
	/*
	 * The binding and the override of a device that is gone went with it. Its record stays open:
	 * what was removed and did not come back is scanned for by `undo`, which ends every run.
	 */
	if (dev->undo_driver == 0 || !exists(host, dev->pci.bdf))
		return 0;
	if (driver_bind(host, dev->pci.bdf, dev->driver_was, dev->override_was,
		    clock_mono_ns() + BIND_NS, err) != 0)
		return -1;
	str_set(dev->pci.driver, dev->driver_was);
	undo_done(out, dev->undo_driver);
	dev->undo_driver = 0;
	return 0;
}

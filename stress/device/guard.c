/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/guard.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "device/holders.h"
#include "device/lock.h"
#include "device/nodes.h"
#include "device/things.h"
#include "device/uses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One check in progress. */
struct guard {
	const struct host *host;
	const struct pcidev_list *all;
	const struct pcidev *dev; /* the function that is judged now */
	const struct guard_friends *friends;
	char what[BDF_LEN + 112]; /* "0000:41:00.0 (AD102 ...)" */
	/* of all functions on VFIO, looked for in /proc once; whose they are, by the same index */
	struct node_list vfio;
	const struct pcidev **owners;
	struct err *err;
};

/* Functions that carry the machine. No driver is bound to them, and yet nobody may reset them. */
static const struct {
	uint16_t class_code; /* base << 8 | sub */
	const char *what;
} carriers[] = {
	{0x0600, "a host bridge"},
	{0x0601, "an ISA bridge"},
	{0x0806, "an IOMMU"},
};

static int refuse(struct guard *g, const char *hint, const char *fmt, ...) printf_like(3, 4);

static int refuse(struct guard *g, const char *hint, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	err_set(g->err, ERR_REFUSED, 0, "%s would be disturbed: %s", g->what, why);
	return err_hint(g->err, "%s", hint);
}

/* An error of a look, not of what was seen: what cannot be proved is refused as well. */
static int unproved(struct guard *g)
{
	g->err->code = ERR_REFUSED;
	return err_wrap(g->err, "%s: cannot prove that nobody uses it", g->what);
}

/* Each node and, at the same index, whose it is. */
static void add_vfio_nodes(struct guard *g)
{
	size_t first = g->vfio.n, i;

	nodes_of_vfio(g->host, g->dev, &g->vfio);
	g->owners = xrealloc(g->owners, (g->vfio.n + 1) * sizeof(*g->owners));
	for (i = first; i < g->vfio.n; i++)
		g->owners[i] = g->dev;
}

/*
 * A group opens once, so opening it proves that nobody has it: also not a process that is dying in
 * the kernel, whose descriptors are gone from /proc while the device is still being closed.
 */
static int prove_group_free(struct guard *g)
{
	char node[64];
	int sys;

	snprintf(node, sizeof(node), "/dev/vfio/%d", g->dev->iommu_group);
	sys = attr_try_open(g->host, node, O_RDWR);
	if (sys == 0 || sys == ENOENT)
		return 0;
	if (sys == EBUSY)
		return refuse(g, "wait until it is gone; when it never goes, only a reboot helps",
			"%s is held by something that no process shows: a QEMU that is dying in "
			"the kernel?",
			node);
	err_set(g->err, ERR_REFUSED, sys, "open %s", node);
	unproved(g);
	return err_hint(g->err, sys == EACCES || sys == EPERM ? "run as root" : "try again later");
}

static void begin_function(struct guard *g, const struct pcidev *dev)
{
	char bdf[BDF_LEN];

	g->dev = dev;
	snprintf(g->what, sizeof(g->what), "%s%s%s%s", bdf_text(dev->bdf, bdf),
		dev->name[0] ? " (" : "", dev->name, dev->name[0] ? ")" : "");
}

bool guard_group_is_friends(
	const struct pcidev_list *all, const struct guard_friends *friends, int group)
{
	size_t i;

	for (i = 0; friends->qemu != 0 && i < friends->nlane; i++) {
		const struct pcidev *dev = pcidev_find(all, friends->lane[i]);

		if (dev != NULL && dev->iommu_group == group)
			return true;
	}
	return false;
}

/* All functions on VFIO together: a PF can have hundreds of VFs, and a host thousands of processes. */
static int check_vfio(struct guard *g)
{
	int found, group = -1;
	struct holder h;
	size_t i;

	if (g->vfio.n == 0)
		return 0;
	begin_function(g, g->owners[0]);
	found = holders_find(g->host, g->vfio.v, g->vfio.n, g->friends->qemu, &h, g->err);
	if (found < 0)
		return unproved(g);
	if (found > 0) {
		begin_function(g, g->owners[h.node]);
		return refuse(g,
			"stop that VM or process first; when it is this lane's VM: "
			"`while-running: true` in the step",
			"%s (process %d) has %s open", h.name, (int)h.pid, h.path);
	}
	for (i = 0; i < g->vfio.n; i++) {
		if (g->owners[i]->iommu_group == group)
			continue;
		group = g->owners[i]->iommu_group;
		if (guard_group_is_friends(g->all, g->friends, group))
			continue;
		begin_function(g, g->owners[i]);
		if (prove_group_free(g) != 0)
			return -1;
	}
	return 0;
}

#define TAKE_OUT "take it out of the scenario: the host needs it"

/* A disk or partition: who says that it is in use? */
static int check_block(struct guard *g, const struct thing *t)
{
	char who[128];

	if (thing_mount(g->host, t, who, sizeof(who)))
		return refuse(
			g, TAKE_OUT ", or unmount it", "disk %s is mounted on %s", t->name, who);
	if (thing_is_swap(g->host, t))
		return refuse(g, TAKE_OUT ", or swapoff", "the host swaps on %s", t->name);
	if (thing_holder(g->host, t, who, sizeof(who)))
		return refuse(
			g, TAKE_OUT ", or take that apart", "disk %s is part of %s", t->name, who);
	return 0;
}

/* Exclusive open fails as long as anything (a mount, md, dm, swap) claims it or a partition. */
static int check_exclusive(struct guard *g, const struct thing *t)
{
	char node[96];
	int sys;

	if (t->major == 0 && t->minor == 0)
		return refuse(g, "unbind its driver first",
			"disk %s is hidden: it cannot be proved idle", t->name);
	snprintf(node, sizeof(node), "/dev/%s", t->name);
	sys = attr_try_open(g->host, node, O_RDONLY | O_EXCL | O_NONBLOCK);
	if (sys == EBUSY)
		return refuse(g, TAKE_OUT, "disk %s is in use (a mount elsewhere, md, dm, swap?)",
			t->name);
	if (sys == 0)
		return 0;
	err_set(g->err, ERR_REFUSED, sys, "open %s", node);
	unproved(g);
	return err_hint(
		g->err, sys == EACCES || sys == EPERM ? "run as root" : "unbind its driver");
}

static int check_netdev(struct guard *g, const struct thing *t)
{
	char who[64];
	bool up;

	if (!thing_net_up(g->host, t, &up))
		return refuse(g, "unbind its driver first",
			"network interface %s does not say whether it is up", t->name);
	if (thing_net_master(g->host, t, who, sizeof(who)))
		return refuse(g, TAKE_OUT, "network interface %s belongs to %s", t->name, who);
	if (up)
		return refuse(g, TAKE_OUT ", or `ip link set` it down",
			"network interface %s is up", t->name);
	return 0;
}

static int check_thing(struct guard *g, const struct thing *t)
{
	switch (t->kind) {
	case THING_NODE:
		if (!thing_is_console(g->host, t))
			return 0;
		return refuse(g, TAKE_OUT, "%s is a console of the kernel", t->name);
	case THING_PARTITION:
		return check_block(g, t);
	case THING_DISK:
		return check_block(g, t) != 0 ? -1 : check_exclusive(g, t);
	case THING_NETDEV:
		return check_netdev(g, t);
	case THING_HIDDEN_NETDEV:
		return refuse(g, "unbind its driver first",
			"its network interface is in another network namespace");
	case THING_FRAMEBUFFER:
		return refuse(g, "unbind its driver, or `driver: vfio-pci` in the lane",
			"%s may show the console", t->name);
	case THING_USB:
		return refuse(g, "unplug it, or unbind the controller's driver",
			"USB device %s is plugged into it", t->name);
	case THING_DMA:
		return refuse(g, "unbind its driver first", "the kernel uses its DMA channel %s",
			t->name);
	}
	return refuse(g, "", "%s is unknown", t->name);
}

/* Disks last: what their partitions say (mounted on /) explains more than a refused open. */
static int check_things(struct guard *g, struct things *things)
{
	int pass;

	for (pass = 0; pass < 2; pass++)
		vec_foreach (t, things)
			if ((t->kind == THING_DISK) == (pass == 1) && check_thing(g, t) != 0)
				return -1;
	return 0;
}

static int check_holders(struct guard *g, struct things *things)
{
	struct node_list nodes = {0};
	struct holder h;
	int found;

	nodes_of_things(things, &nodes);
	nodes_of_driver(g->dev->driver, &nodes);
	found = nodes.n ? holders_find(g->host, nodes.v, nodes.n, 0, &h, g->err) : 0;
	vec_finish(&nodes);
	if (found < 0)
		return unproved(g);
	if (found > 0)
		return refuse(g, "end that process first", "%s (process %d) has %s open", h.name,
			(int)h.pid, h.path);
	return 0;
}

static int check_native(struct guard *g)
{
	struct things things = {0};
	int rc;

	if (!g->friends->while_bound)
		return refuse(g,
			"bind it to vfio-pci (`driver: vfio-pci` in a lane that has it), or say "
			"`while-bound: true` in the step",
			"driver %s is bound to it", g->dev->driver);
	if (g->dev->boot_vga)
		return refuse(g, "unbind its driver first", "it is the boot display");
	if (things_of(g->host, g->dev->bdf, &things, g->err) != 0) {
		unproved(g);
		return err_hint(g->err, "unbind its driver first");
	}
	rc = check_things(g, &things);
	if (rc == 0)
		rc = check_holders(g, &things);
	vec_finish(&things);
	return rc;
}

/*
 * Firmware's framebuffer (efifb, simpledrm) draws on the boot display without a driver on it. VFIO
 * takes that away when it binds (aperture_remove_conflicting_pci_devices), pci-stub does not.
 */
static int check_unbound(struct guard *g)
{
	char text[128];
	struct err ignored;

	if (!g->dev->boot_vga ||
		host_read(g->host, "/proc/fb", text, sizeof(text), &ignored) != 0 ||
		text[0] == '\0')
		return 0;
	return refuse(g, "bind it to vfio-pci at boot (vfio-pci.ids=, video=efifb:off)",
		"the console is drawn on it by framebuffer %.60s", text);
}

static bool stays(const struct pcidev *dev)
{
	return dev->is_bridge &&
		(dev->driver[0] == '\0' || str_eq(dev->driver, "pcieport") ||
			str_eq(dev->driver, "shpchp"));
}

static bool in_lane(const struct guard *g)
{
	size_t i;

	for (i = 0; i < g->friends->nlane; i++)
		if (bdf_eq(g->friends->lane[i], g->dev->bdf))
			return true;
	return false;
}

static int check_function(struct guard *g)
{
	const struct pcidev *dev = g->dev;
	pid_t owner;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(carriers); i++)
		if (carriers[i].class_code == dev->class_code >> 8)
			return refuse(g, TAKE_OUT, "it is %s", carriers[i].what);
	if (stays(dev))
		return 0;
	if (lock_holder(g->host, dev->bdf, &owner) && !(in_lane(g) && owner == getpid()))
		return refuse(g,
			"let that run end first; put all that one reset reaches into one lane",
			"it is held by another run or lane (process %d)", (int)owner);
	if (dev->driver[0] == '\0' || str_eq(dev->driver, "pci-stub"))
		return check_unbound(g);
	if (!pcidev_vfio_driver(dev->driver))
		return check_native(g);
	add_vfio_nodes(g); /* judged at the end */
	return 0;
}

int guard_check(const struct host *host, const struct pcidev_list *all, const struct bdf *disturbed,
	size_t n, const struct guard_friends *friends, struct err *err)
{
	struct guard g = {.host = host, .all = all, .friends = friends, .err = err};
	char text[BDF_LEN];
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < n; i++) {
		const struct pcidev *dev = pcidev_find(all, disturbed[i]);

		if (dev == NULL) {
			rc = err_set(
				err, ERR_ABSENT, 0, "%s is gone", bdf_text(disturbed[i], text));
			break;
		}
		begin_function(&g, dev);
		rc = check_function(&g);
	}
	if (rc == 0)
		rc = check_vfio(&g);
	vec_finish(&g.vfio);
	free(g.owners);
	return rc;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/guard.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "device/holders.h"
#include "device/lock.h"
#include "device/nodes.h"
#include "device/process.h"
#include "device/things.h"
#include "device/uses.h"
#include "model/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASONS_MAX 3 /* that a refusal names */

/* Why one function must not be disturbed. */
struct objections {
	char text[400], hint[200]; /* of the firm one, else the first few */
	size_t n;
	bool firm; /* nobody may lift it */
};

/* One check in progress. */
struct guard {
	const struct host *host;
	const struct pcidev_list *all;
	const struct pcidev *dev; /* the function that is judged now */
	const struct allow *row; /* that lets it be disturbed, NULL = none */
	bool alone; /* there are no others to judge together with it */
	struct objections against;
	const struct guard_friends *friends;
	struct uses *uses; /* NULL: not needed so far */
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

static void object(struct guard *g, bool firm, const char *hint, const char *fmt, ...)
	printf_like(4, 5);

static void object(struct guard *g, bool firm, const char *hint, const char *fmt, ...)
{
	struct objections *o = &g->against;
	size_t len;
	va_list ap;

	if (o->firm)
		return;
	if (firm)
		*o = (struct objections){.firm = true};
	if (o->n++ >= REASONS_MAX)
		return;
	len = strlen(o->text);
	if (len > 0)
		len += (size_t)snprintf(o->text + len, sizeof(o->text) - len, "; ");
	else
		str_set(o->hint, hint);
	va_start(ap, fmt);
	if (len < sizeof(o->text))
		vsnprintf(o->text + len, sizeof(o->text) - len, fmt, ap);
	va_end(ap);
}

/* An error of a look, not of what was seen: what cannot be proved is refused as well. */
static void unproved(struct guard *g, const struct err *err, const char *hint)
{
	object(g, true, hint[0] ? hint : err->hint, "cannot prove that nobody uses it: %s",
		err->msg);
}

const struct allow *guard_allowed(const struct guard_friends *friends, const struct pcidev *dev)
{
	const struct guard_allow *allow = friends->allow;
	size_t i;

	for (i = 0; allow != NULL && i < allow->n; i++)
		if (pcidev_matches(dev, allow->v[i].device))
			return &allow->v[i];
	return NULL;
}

static void begin_function(struct guard *g, const struct pcidev *dev)
{
	g->dev = dev;
	g->row = guard_allowed(g->friends, dev);
	g->against = (struct objections){0};
}

/* -1 with the refusal, unless nothing is against it or all of that is lifted. */
static int end_function(struct guard *g)
{
	const struct objections *o = &g->against;
	char bdf[BDF_LEN], more[32] = "";

	if (o->n == 0)
		return 0;
	if (g->row != NULL && !o->firm) {
		if (g->friends->allow->lifted != NULL)
			g->friends->allow->lifted(g->friends->allow->arg, g->row, g->dev, o->text);
		return 0;
	}
	if (o->n > REASONS_MAX)
		snprintf(more, sizeof(more), "; and %zu more", o->n - REASONS_MAX);
	err_set(g->err, ERR_REFUSED, 0, "%s%s%s%s would be disturbed: %s%s",
		bdf_text(g->dev->bdf, bdf), g->dev->name[0] ? " (" : "", g->dev->name,
		g->dev->name[0] ? ")" : "", o->text, more);
	return err_hint(g->err, "%s%s", o->hint,
		g->row != NULL    ? "; `allow` does not lift that"
			: o->firm ? ""
				  : "; or let it be disturbed with `allow` in the scenario");
}

/* ---- functions on VFIO ---- */

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
static void prove_group_free(struct guard *g)
{
	struct err err = {0};
	char node[64];
	int sys;

	snprintf(node, sizeof(node), "/dev/vfio/%d", g->dev->iommu_group);
	sys = attr_try_open(g->host, node, O_RDWR);
	if (sys == 0 || sys == ENOENT)
		return;
	if (sys == EBUSY) {
		object(g, true, "wait until it is gone; when it never goes, only a reboot helps",
			"%s is held by something that no process shows: a QEMU that is dying in "
			"the kernel?",
			node);
		return;
	}
	err_set(&err, ERR_REFUSED, sys, "open %s", node);
	unproved(g, &err, sys == EACCES || sys == EPERM ? "run as root" : "try again later");
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

/* 1 when a process has one of the nodes, which is an objection against its owner. */
static int find_holder(struct guard *g, const struct node_list *nodes)
{
	struct err err = {0};
	struct holder h;
	char who[192];
	int found = holders_find(g->host, nodes->v, nodes->n, g->friends->qemu, &h, &err);

	if (found < 0)
		unproved(g, &err, "");
	if (found <= 0)
		return found;
	if (nodes == &g->vfio)
		begin_function(g, g->owners[h.node]);
	object(g, false,
		"stop that VM or process first; when it is this lane's VM: `while-running: true`"
		" in the step",
		"%s has %s open", process_text(g->host, &h, who, sizeof(who)), h.path);
	return 1;
}

/* Of one function: what a row of the scenario may lift is judged by itself. */
static void check_vfio_alone(struct guard *g)
{
	struct node_list nodes = {0};

	nodes_of_vfio(g->host, g->dev, &nodes);
	if (find_holder(g, &nodes) == 0 &&
		!guard_group_is_friends(g->all, g->friends, g->dev->iommu_group))
		prove_group_free(g);
	vec_finish(&nodes);
}

/* All others together: a PF can have hundreds of VFs, and a host thousands of processes. */
static int check_vfio(struct guard *g)
{
	int group = -1;
	size_t i;

	if (g->vfio.n == 0)
		return 0;
	begin_function(g, g->owners[0]);
	if (find_holder(g, &g->vfio) != 0)
		return end_function(g);
	for (i = 0; i < g->vfio.n; i++) {
		if (g->owners[i]->iommu_group == group)
			continue;
		group = g->owners[i]->iommu_group;
		if (guard_group_is_friends(g->all, g->friends, group))
			continue;
		begin_function(g, g->owners[i]);
		prove_group_free(g);
		if (end_function(g) != 0)
			return -1;
	}
	return 0;
}

/* ---- functions on a native driver ---- */

#define TAKE_OUT "take it out of the scenario: the host needs it"
#define UNBIND   "unbind its driver first"

/* 0 when nobody has the disk, else an errno. */
static int try_exclusive(struct guard *g, const char *node)
{
	return attr_try_open(g->host, node, O_RDONLY | O_EXCL | O_NONBLOCK);
}

/* Nothing is known to stand on what is stacked up there. A VM may have it open as its own disk. */
static void check_end(struct guard *g, const struct use *use)
{
	struct node node = {.major = use->end_major, .minor = use->end_minor};
	struct err err = {0};
	struct holder h;
	char who[192];
	int found;

	str_set(node.path, use->end);
	found = holders_find(g->host, &node, 1, 0, &h, &err);
	if (found < 0)
		unproved(g, &err, "");
	else if (found > 0)
		object(g, true, "stop that VM or process first", "%s -> %s has it open", use->text,
			process_text(g->host, &h, who, sizeof(who)));
	/* who lets it be disturbed must know for whom */
	else if (g->row != NULL && try_exclusive(g, use->end) != 0)
		object(g, true, use->hint, "%s -> something that does not show", use->text);
	else
		object(g, use->vital, use->hint, "%s", use->text);
}

static void take_use(void *arg, const struct use *use)
{
	struct guard *g = arg;

	if (use->end != NULL)
		check_end(g, use);
	else
		object(g, use->vital, use->hint, "%s", use->text);
}

static void ignore_use(void *arg, const struct use *use)
{
	(void)arg, (void)use;
}

#define MULTIPATH_HEADS "/sys/class/" /* their partitions are not below the function */

static bool is_partition_of(const struct thing *t, const struct thing *disk)
{
	size_t len = strlen(disk->dir);

	return t->kind == THING_PARTITION && str_starts(t->dir, disk->dir) && t->dir[len] == '/';
}

static bool has_known_use(struct guard *g, const struct thing *t)
{
	return uses_of(g->uses, t, ignore_use, NULL) > 0;
}

/* Somebody has the disk. Who lets it be disturbed must know for whom: for all of them. */
static void check_unseen_uses(
	struct guard *g, const struct things *things, const struct thing *disk)
{
	bool known = has_known_use(g, disk);
	char node[96];

	vec_foreach (t, things) {
		if (!is_partition_of(t, disk))
			continue;
		if (has_known_use(g, t)) {
			known = true;
			continue;
		}
		snprintf(node, sizeof(node), "/dev/%s", t->name);
		if (g->row != NULL && try_exclusive(g, node) != 0)
			object(g, true, TAKE_OUT, "partition %s -> something that does not show",
				t->name);
	}
	if (!known)
		object(g, true, TAKE_OUT,
			"disk %s is in use by something that does not show (ZFS, a mount that is "
			"hidden?)",
			disk->name);
	else if (g->row != NULL && str_starts(disk->dir, MULTIPATH_HEADS))
		object(g, true, TAKE_OUT, "what else uses disk %s does not show", disk->name);
}

/* Exclusive open fails as long as anything (a mount, md, dm, swap) claims it or a partition. */
static void check_exclusive(struct guard *g, const struct things *things, const struct thing *t)
{
	struct err err = {0};
	char node[96];
	int sys;

	if (t->major == 0 && t->minor == 0) {
		object(g, true, UNBIND, "disk %s is hidden: it cannot be proved idle", t->name);
		return;
	}
	snprintf(node, sizeof(node), "/dev/%s", t->name);
	sys = try_exclusive(g, node);
	if (sys == 0)
		return;
	if (sys != EBUSY) {
		err_set(&err, ERR_REFUSED, sys, "open %s", node);
		unproved(g, &err, sys == EACCES || sys == EPERM ? "run as root" : UNBIND);
	} else {
		check_unseen_uses(g, things, t);
	}
}

static void check_thing(struct guard *g, const struct things *things, const struct thing *t)
{
	size_t known = uses_of(g->uses, t, take_use, g);
	bool up;

	if (t->kind == THING_DISK)
		check_exclusive(g, things, t);
	else if (t->kind == THING_NETDEV && known == 0 && !thing_net_up(g->host, t, &up))
		object(g, true, UNBIND, "network interface %s does not say whether it is up",
			t->name);
}

/* Disks last: of a refused open it is asked what their partitions say. */
static void check_things(struct guard *g, const struct things *things)
{
	int pass;

	for (pass = 0; pass < 2; pass++)
		vec_foreach (t, things)
			if ((t->kind == THING_DISK) == (pass == 1))
				check_thing(g, things, t);
}

static void check_holders(struct guard *g, const struct things *things)
{
	struct node_list nodes = {0};
	struct err err = {0};
	struct holder h;
	char who[192];
	int found;

	nodes_of_things(things, &nodes);
	nodes_of_driver(g->dev->driver, &nodes);
	found = nodes.n ? holders_find(g->host, nodes.v, nodes.n, 0, &h, &err) : 0;
	vec_finish(&nodes);
	if (found < 0)
		unproved(g, &err, "");
	else if (found > 0)
		object(g, false, "end that process first", "%s has %s open",
			process_text(g->host, &h, who, sizeof(who)), h.path);
}

/* Display controllers of management processors: what they show is the remote console. */
static const struct {
	uint16_t vendor, device;
} bmc_displays[] = {
	{0x1a03, 0x2000}, /* ASPEED, also behind the BMCs of most vendors */
	{0x102b, 0x0522}, /* Matrox G200e (ServerEngines Pilot) */
	{0x102b, 0x0524}, /* the same, its second step */
	{0x102b, 0x0530}, /* G200eV */
	{0x102b, 0x0532}, /* G200eW (Nuvoton WPCM450) */
	{0x102b, 0x0533}, /* G200eH (iLO) */
	{0x102b, 0x0534}, /* G200eR2 (iDRAC) */
	{0x102b, 0x0536}, /* G200eW3 (iDRAC 9) */
	{0x102b, 0x0538}, /* G200eH3 (iLO 5) */
	{0x19e5, 0x1711}, /* Huawei Hi171x (iBMC) */
};

static bool is_bmc_display(const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bmc_displays); i++)
		if (dev->vendor == bmc_displays[i].vendor && dev->device == bmc_displays[i].device)
			return true;
	return false;
}

static void check_native(struct guard *g)
{
	struct things things = {0};
	struct err err = {0};

	if (!g->friends->while_bound)
		object(g, false,
			"bind it to vfio-pci (`driver: vfio-pci` in a lane that has it), or say "
			"`while-bound: true` in the step",
			"driver %s is bound to it", g->dev->driver);
	if (is_bmc_display(g->dev))
		object(g, false, TAKE_OUT, "it is the display of the BMC: the remote console");
	else if (g->dev->boot_vga)
		object(g, false, UNBIND, "it is the boot display");
	if (g->uses == NULL)
		g->uses = uses_read(g->host);
	if (things_of(g->host, g->dev->bdf, &things, &err) != 0) {
		unproved(g, &err, UNBIND);
		return;
	}
	check_things(g, &things);
	check_holders(g, &things);
	vec_finish(&things);
}

/*
 * Firmware's framebuffer (efifb, simpledrm) draws on the boot display without a driver on it. VFIO
 * takes that away when it binds (aperture_remove_conflicting_pci_devices), pci-stub does not.
 */
static void check_unbound(struct guard *g)
{
	char text[128];
	struct err ignored;

	if (!g->dev->boot_vga ||
		host_read(g->host, "/proc/fb", text, sizeof(text), &ignored) != 0 ||
		text[0] == '\0')
		return;
	object(g, false, "bind it to vfio-pci at boot (vfio-pci.ids=, video=efifb:off)",
		"the console is drawn on it by framebuffer %.60s", text);
}

/* ---- each function ---- */

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

static void check_function(struct guard *g)
{
	const struct pcidev *dev = g->dev;
	pid_t owner;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(carriers); i++)
		if (carriers[i].class_code == dev->class_code >> 8)
			object(g, true, TAKE_OUT, "it is %s", carriers[i].what);
	if (stays(dev))
		return;
	if (lock_holder(g->host, dev->bdf, &owner) && !(in_lane(g) && owner == getpid()))
		object(g, true,
			"let that run end first; put all that one reset reaches into one lane",
			"it is held by another run or lane (process %d)", (int)owner);
	if (dev->driver[0] == '\0' || str_eq(dev->driver, "pci-stub"))
		check_unbound(g);
	else if (!pcidev_vfio_driver(dev->driver))
		check_native(g);
	else if (g->row != NULL || g->alone)
		check_vfio_alone(g);
	else
		add_vfio_nodes(g); /* judged at the end */
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
		check_function(&g);
		rc = end_function(&g);
	}
	if (rc == 0)
		rc = check_vfio(&g);
	uses_free(g.uses);
	vec_finish(&g.vfio);
	free(g.owners);
	return rc;
}

void guard_think(const struct host *host, const struct pcidev_list *all, const struct pcidev *dev,
	const struct guard_friends *friends, struct guard_opinion *out)
{
	struct guard g = {.host = host, .all = all, .friends = friends, .alone = true};

	begin_function(&g, dev);
	check_function(&g);
	*out = (struct guard_opinion){.refused = g.against.firm || (g.against.n > 0 && !g.row)};
	str_set(out->objections, g.against.text);
	if (g.against.n > 0 && !out->refused)
		out->lifted_by = g.row;
	uses_free(g.uses);
}

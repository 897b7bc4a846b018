/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/hold.h"
#include "device/nodes.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "resets/common.h"
#include "resets/resets.h"
#include "world/child.h"
#include "world/vfiohot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not)
{
	char bdf[BDF_LEN];

	(void)host;
	if (reset_needs_bridge_above(self, dev, why_not) != 0)
		return -1;
	bdf_text(dev->bdf, bdf);
	if (dev->iommu_group < 0) {
		err_set(why_not, ERR_UNSUPPORTED, 0, "%s has no IOMMU group: VFIO cannot have it",
			bdf);
		return err_hint(why_not, "switch the IOMMU on: see `vfio-stress preflight`");
	}
	return 0;
}

/* ---- the reset ---- */

/* The device's own node first; the node of its group is no use here. */
static void add_node(const struct host *host, const struct pcidev *dev, struct vfiohot_request *req)
{
	struct node_list nodes = {0};

	nodes_of_vfio(host, dev, &nodes);
	vec_foreach (node, &nodes) {
		if (str_starts(node->path, "/dev/vfio/devices/") && req->nnodes < VFIOHOT_MAX)
			str_set(req->nodes[req->nnodes++], node->path);
	}
	vec_finish(&nodes);
}

static void add_nodes(const struct host *host, const struct pcidev_list *all,
	const struct pcidev *dev, const struct bdf_set *set, struct vfiohot_request *req)
{
	size_t i;

	add_node(host, dev, req);
	for (i = 0; i < set->n; i++)
		if (!bdf_eq(set->v[i], dev->bdf))
			add_node(host, pcidev_find(all, set->v[i]), req);
}

static int fill(const struct reset_method *self, const struct step_ctx *ctx,
	const struct hold *hold, struct vfiohot_request *req, struct err *err)
{
	const struct pcidev *dev = &ctx->dev->pci;
	struct pcidev_list all = {0};
	struct bdf_set set = {0};
	size_t i;

	if (pcidev_scan_nameless(ctx->host, &all, err) != 0)
		return -1;
	scope_disturbed(&all, dev, self->scope, &set);
	bdf_text(dev->bdf, req->device);
	for (i = 0; i < set.n && i < VFIOHOT_MAX; i++)
		req->allowed[req->nallowed++] = set.v[i];
	req->groups = hold->v;
	req->ngroups = hold->n;
	if (hold->n == 0)
		add_nodes(ctx->host, &all, dev, &set, req);
	bdf_set_finish(&set);
	pcidev_list_finish(&all);
	if (req->ngroups + req->nnodes > 0)
		return 0;
	return err_set(err, ERR_IO, ENOENT, "%s has no node below /dev/vfio", req->device);
}

static void tell_stages(struct step_ctx *ctx, const struct vfiohot_result *r)
{
	enum vfiohot_stage stage;
	char bdf[BDF_LEN], text[64];

	bdf_text(ctx->dev->pci.bdf, bdf);
	for (stage = 0; stage < VFIOHOT_STAGES; stage++) {
		if (r->took_ns[stage] < 0)
			continue;
		snprintf(text, sizeof(text), "%s%s", vfiohot_stage_name(stage),
			r->stage == stage && r->sys != 0 ? ", refused" : "");
		emit_substep(ctx->out, bdf, text, r->took_ns[stage]);
	}
}

/* What the kernel answers to the question whom it would reset. */
static void explain_scope(const struct vfiohot_result *r, const char *bdf, struct err *err)
{
	char other[BDF_LEN];

	if (r->stage != VFIOHOT_SCOPE)
		return;
	if (r->sys == EXDEV) {
		err_set(err, ERR_REFUSED, 0,
			"the kernel would reset %s as well, which was not looked at",
			bdf_text(r->stranger, other));
		err_hint(err, "has it been plugged in just now? see `vfio-stress devices`");
	} else if (r->sys == ENODEV) {
		err_set(err, ERR_UNSUPPORTED, 0,
			"the kernel offers no hot reset of %s: neither its slot nor its bus can be "
			"reset",
			bdf);
		err_hint(err, "a quirk of the kernel may forbid bus resets of this model");
	} else if (r->sys == ENOSPC) {
		err_set(err, ERR_UNSUPPORTED, 0, "a hot reset of %s reaches more than %d functions",
			bdf, VFIOHOT_MAX);
	}
}

static int fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	auto_free struct vfiohot_request *req = xcalloc(1, sizeof(*req));
	int64_t start = clock_mono_ns();
	struct vfiohot_result result;
	struct child_result child;
	int rc;

	*run = (struct reset_run){0};
	if (fill(self, ctx, hold, req, err) != 0)
		return -1;
	rc = vfiohot_reset(ctx->host, req, ctx->deadline_ns, &result, &child, err);
	reset_await_left(ctx, start, &child, run);
	run->took_ns = clock_mono_ns() - start;
	tell_stages(ctx, &result);
	if (rc != 0)
		explain_scope(&result, req->device, err);
	return rc;
}

/* ---- what went wrong ---- */

/* vfio_pci_ioctl_pci_hot_reset, pci_reset_bus and what opens the device before. */
static const struct reset_meaning meanings[] = {
	{EINVAL, "VFIO does not have all functions that it reaches",
		"bind every function of the slot to vfio-pci"},
	{EPERM,
		"VFIO does not let it be done: a function of the group has a host driver, or "
		"interrupts cannot be remapped",
		"see the kernel log and `vfio-stress preflight`"},
	{ENODEV, "a function that it reaches is not on a VFIO driver, or is gone",
		"name all functions of the slot in the lane's `devices`"},
	{ENOTTY, "the device did not become ready, or the link of its port did not come up",
		"see the kernel log for the device and the port above it"},
	{EAGAIN, "the kernel could not get the locks of all devices that it reaches",
		"another reset, or a driver that is being bound, is in the way: try again"},
	{EBUSY, "somebody has the group or the device open",
		"never while a VM runs: stop what uses it"},
	{ENOENT, "there is no node of VFIO for it", "load vfio-pci, and bind the device to it"},
	{EIO, "the device does not answer", "see the kernel log for its port"},
	{ENOMEM, "the IOMMU could not be set up",
		"is the memory of the host, or RLIMIT_MEMLOCK, used up?"},
};

static void diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err)
{
	char stage[32];

	snprintf(stage, sizeof(stage), "%.*s", (int)strcspn(err->msg, ":"), err->msg);
	reset_explain(self->name, host, dev, meanings, ARRAY_SIZE(meanings), err);
	err_wrap(err, "at '%s'", stage);
}

/*
 * The only bus reset of a device with several functions. The kernel chooses slot or bus; below a
 * PCIe port these are the same.
 */
const struct reset_method reset_hot = {
	.name = "hot",
	.summary = "VFIO's hot reset: all functions below one bridge together",
	.scope = SCOPE_BUS,
	.whole = true,
	.needs_vfio = true,
	.opens = true,
	.typical_ms = 2500, /* a bus reset, and what VFIO resets when it opens and closes */
	.available = available,
	.fire = fire,
	.diagnose = diagnose,
};

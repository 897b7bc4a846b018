/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "device/slot.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "resets/common.h"
#include "resets/resets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define RETRIES  20 /* EAGAIN: somebody has the lock of a device (pci_bus_trylock) */
#define RETRY_MS 100 /* nothing announces that it is free */

static void attr_path(struct bdf bridge, char *buf, size_t size)
{
	char bdf[BDF_LEN];

	snprintf(buf, size, "/sys/bus/pci/devices/%s/reset_subordinate", bdf_text(bridge, bdf));
}

static int available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not)
{
	char bdf[BDF_LEN], path[128], full[HOST_PATH_MAX];

	if (reset_needs_bridge_above(self, dev, why_not) != 0)
		return -1;
	attr_path(dev->parent, path, sizeof(path));
	if (access(host_path(host, full, "%s", path), F_OK) == 0)
		return 0;
	err_set(why_not, ERR_UNSUPPORTED, 0, "%s, the bridge above, has no reset_subordinate",
		bdf_text(dev->parent, bdf));
	return err_hint(why_not, "newer kernels have it (Linux 6.13, some stable ones before)");
}

/* A hotplug port takes the link that goes down for a card that was pulled. */
static bool removes(const struct host *host, const struct pcidev *dev)
{
	struct slot slot;

	return slot_of(host, dev->bdf, &slot) && str_eq(slot.driver, "pciehp");
}

static int fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	int64_t start = clock_mono_ns();
	struct child_result child = {0};
	char path[128], bdf[BDF_LEN];
	int rc, tries = 0;

	(void)self, (void)hold;
	*run = (struct reset_run){0};
	attr_path(ctx->dev->pci.parent, path, sizeof(path));
	do {
		rc = attr_write(ctx->host, path, "1", ctx->deadline_ns, &child, err);
	} while (
		rc != 0 && err->sys == EAGAIN && tries++ < RETRIES && poll(NULL, 0, RETRY_MS) == 0);
	reset_await_left(ctx, start, &child, run);
	run->took_ns = clock_mono_ns() - start;
	emit_substep(ctx->out, bdf_text(ctx->dev->pci.parent, bdf),
		rc == 0 ? "write to reset_subordinate" : "write to reset_subordinate, refused",
		run->took_ns);
	return rc;
}

static const struct reset_meaning meanings[] = {
	{ENOTTY, "a device did not become ready, or the link of the port did not come up",
		"see the kernel log for the port and what is below it"},
	{EAGAIN, "the kernel could not get the locks of all devices below the bridge",
		"another reset, or a driver that is being bound, is in the way: try again"},
	{EINVAL, "the kernel does not take it for this bridge", "see the kernel log"},
	{ENODEV, "the bridge was removed meanwhile", "see the kernel log"},
	{ENOENT, "the bridge was removed meanwhile", "see the kernel log"},
	{EIO, "the bridge did not answer", "see the kernel log"},
};

static void diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err)
{
	reset_explain(self->name, host, dev, meanings, ARRAY_SIZE(meanings), err);
}

/*
 * The kernel checks nothing (reset_subordinate_store): it would reset the devices of running VMs.
 * That is why all below the bridge must be in the lane, with its groups held.
 */
const struct reset_method reset_subordinate = {
	.name = "subordinate",
	.summary = "secondary bus reset of the bridge above, with all that is below it",
	.scope = SCOPE_BUS,
	.whole = true,
	.removes = removes,
	.may_remove = true,
	.typical_ms = 1200, /* as of `bus` */
	.available = available,
	.fire = fire,
	.diagnose = diagnose,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/slot.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/undo.h"
#include "resets/common.h"
#include "resets/resets.h"

#include <errno.h>
#include <stdio.h>

static int available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not)
{
	char bdf[BDF_LEN];
	struct slot slot;

	if (reset_needs_bridge_above(self, dev, why_not) != 0)
		return -1;
	bdf_text(dev->bdf, bdf);
	if (!slot_of(host, dev->bdf, &slot)) {
		err_set(why_not, ERR_UNSUPPORTED, 0, "%s is in no hotplug slot", bdf);
		return err_hint(why_not, "the port above it must be one, and pciehp run it");
	}
	if (!slot.has_power) {
		err_set(why_not, ERR_UNSUPPORTED, 0, "slot %s of %s has no power switch", slot.name,
			bdf);
		return err_hint(why_not, "a power controller is a matter of the board");
	}
	/* _EJ0 is "give it out": what comes back afterwards is the firmware's affair */
	if (str_eq(slot.driver, "acpiphp")) {
		err_set(why_not, ERR_UNSUPPORTED, 0,
			"slot %s of %s is the firmware's (acpiphp): switching it off ejects the "
			"card",
			slot.name, bdf);
		return err_hint(why_not,
			"native hotplug (pciehp) is needed: see _OSC in the "
			"kernel log, and `pcie_ports=native`");
	}
	return 0;
}

/* Its devices are removed when it goes off, and found anew when it goes on. */
static bool removes(const struct host *host, const struct pcidev *dev)
{
	(void)host, (void)dev;
	return true;
}

static int set_power(struct step_ctx *ctx, const char *path, const char *value, const char *what,
	struct reset_run *run, struct err *err)
{
	int64_t start = clock_mono_ns();
	struct child_result child = {0};
	char bdf[BDF_LEN], text[48];
	int rc = attr_write(ctx->host, path, value, ctx->deadline_ns, &child, err);

	reset_await_left(ctx, start, child.left, run);
	run->took_ns += clock_mono_ns() - start;
	snprintf(text, sizeof(text), "%s%s", what, rc == 0 ? "" : ", refused");
	emit_substep(ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), text, clock_mono_ns() - start);
	return rc == 0 ? 0 : err_wrap(err, "%s", what);
}

/* A slot that was found off, as when it is healed, is only switched on. */
static bool is_on(const struct step_ctx *ctx, const char *path)
{
	char now[8];
	struct err ignored;

	return host_read(ctx->host, path, now, sizeof(now), &ignored) != 0 || !str_eq(now, "0");
}

static int fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_WRITE, .value = "1"};
	struct slot slot;
	uint64_t undo;

	(void)self, (void)hold;
	*run = (struct reset_run){0};
	bdf_text(ctx->dev->pci.bdf, rec.subject);
	if (!slot_of(ctx->host, ctx->dev->pci.bdf, &slot))
		return err_set(err, ERR_IO, ENODEV, "the slot of %s", rec.subject);
	snprintf(rec.path, sizeof(rec.path), "/sys/bus/pci/slots/%s/power", slot.name);
	if (undo_begin(ctx->out, &rec, &undo, err) != 0)
		return -1;
	if (is_on(ctx, rec.path) && set_power(ctx, rec.path, "0", "slot power off", run, err) != 0)
		return -1;
	if (set_power(ctx, rec.path, "1", "slot power on", run, err) != 0)
		return -1;
	undo_done(ctx->out, undo);
	return 0;
}

/* pciehp_sysfs_enable_slot, pciehp_sysfs_disable_slot. */
static const struct reset_meaning meanings[] = {
	{ENODEV, "no card is found in the slot", "is it seated? see the kernel log for the port"},
	{EINVAL, "the slot is as it should become already, or in the middle of a change",
		"see the kernel log for the port"},
	{EIO, "the slot's controller reports a power fault", "check the card and its power"},
	{ENOTTY, "the link did not come up", "see the kernel log for the port"},
};

static void diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err)
{
	reset_explain(self->name, host, dev, meanings, ARRAY_SIZE(meanings), err);
}

const struct reset_method reset_slot = {
	.name = "slot",
	.summary = "switch the power of its hotplug slot off and on",
	.scope = SCOPE_SLOT,
	.whole = true,
	.removes = removes,
	.typical_ms = 4000, /* of which pciehp waits 1 s with the power off */
	.available = available,
	.fire = fire,
	.diagnose = diagnose,
};

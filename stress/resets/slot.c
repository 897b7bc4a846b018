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

/* One of its switches. */
struct turn {
	const char *value, *what;
	int64_t deadline_ns;
};

static int set_power(struct step_ctx *ctx, const char *path, const struct turn *turn,
	struct reset_run *run, struct err *err)
{
	int64_t start = clock_mono_ns();
	struct child_result child = {0};
	char bdf[BDF_LEN], text[48];
	int rc = attr_write(ctx->host, path, turn->value, turn->deadline_ns, &child, err);

	reset_await_left(ctx, start, &child, run);
	run->took_ns += clock_mono_ns() - start;
	snprintf(text, sizeof(text), "%s%s", turn->what, rc == 0 ? "" : ", refused");
	emit_substep(ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), text, clock_mono_ns() - start);
	return rc == 0 ? 0 : err_wrap(err, "%s", turn->what);
}

static bool reads(const struct step_ctx *ctx, const char *path, const char *value)
{
	char now[8];
	struct err ignored;

	return host_read(ctx->host, path, now, sizeof(now), &ignored) == 0 && str_eq(now, value);
}

static int off_and_on(
	struct step_ctx *ctx, const char *path, struct reset_run *run, struct err *err)
{
	const struct turn off = {"0", "slot power off", reset_first_deadline(ctx)},
			  on = {"1", "slot power on", ctx->deadline_ns};

	/* a slot that was found off, as when it is healed, is only switched on */
	if (!reads(ctx, path, "0") && set_power(ctx, path, &off, run, err) != 0)
		return -1;
	return set_power(ctx, path, &on, run, err);
}

/*
 * A switch that failed, or came too late, may have acted all the same: nobody wants a slot that stays
 * off. With a write still in the kernel, another one would only get stuck behind it.
 */
static bool put_back(struct step_ctx *ctx, const char *path, struct reset_run *run)
{
	const struct turn on = {"1", "slot power back on", clock_mono_ns() + RESET_BACK_NS};
	struct err ignored;

	if (run->left != 0)
		return false;
	return reads(ctx, path, "1") || set_power(ctx, path, &on, run, &ignored) == 0;
}

static int fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_WRITE, .value = "1"};
	struct slot slot;
	uint64_t undo;
	int rc;

	(void)self, (void)hold;
	*run = (struct reset_run){0};
	bdf_text(ctx->dev->pci.bdf, rec.subject);
	if (!slot_of(ctx->host, ctx->dev->pci.bdf, &slot))
		return err_set(err, ERR_IO, ENODEV, "the slot of %s", rec.subject);
	snprintf(rec.path, sizeof(rec.path), "/sys/bus/pci/slots/%s/power", slot.name);
	if (undo_begin(ctx->out, &rec, &undo, err) != 0)
		return -1;
	rc = off_and_on(ctx, rec.path, run, err);
	if (rc == 0 || put_back(ctx, rec.path, run))
		undo_done(ctx->out, undo);
	return rc;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "device/change.h"
#include "device/oracle.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "resets/common.h"
#include "resets/resets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define DWELL_NS NS_PER_S /* how long it sleeps; the specification asks for 10 ms (5.3.1.4) */
#define SLEEP_NS (10 * NS_PER_S) /* until it sleeps: runtime PM has work queues of its own */
#define LOOK_MS  10 /* nothing announces a power state */

static int available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not)
{
	struct dev_state st = {0};
	char bdf[BDF_LEN];

	(void)self;
	bdf_text(dev->bdf, bdf);
	if (dev->is_bridge) {
		err_set(why_not, ERR_REFUSED, 0, "%s is a bridge", bdf);
		return err_hint(why_not, "name the devices below it");
	}
	if (oracle_take(host, dev->bdf, clock_mono_ns() + ORACLE_NS, &st, why_not) != 0)
		return -1;
	if (!st.readable)
		return err_set(why_not, ERR_UNSUPPORTED, 0,
			"%s does not show whether it has power management: its config space cannot "
			"be read",
			bdf);
	if (!st.has_pm) {
		err_set(why_not, ERR_UNSUPPORTED, 0, "%s has no power management capability", bdf);
		return err_hint(why_not, "`reset: {method: d3hot, if-offered: true}` skips it");
	}
	return 0;
}

static void power_state(const struct step_ctx *ctx, char *buf, size_t size)
{
	char path[128], bdf[BDF_LEN];
	struct err ignored;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power_state",
		bdf_text(ctx->dev->pci.bdf, bdf));
	/* answered from memory: the device is not asked */
	if (host_read(ctx->host, path, buf, size, &ignored) != 0)
		buf[0] = '\0';
}

static bool await_state(const struct step_ctx *ctx, const char *wanted)
{
	int64_t until = clock_mono_ns() + SLEEP_NS;
	char now[16];

	if (until > ctx->deadline_ns)
		until = ctx->deadline_ns;
	for (;;) {
		power_state(ctx, now, sizeof(now));
		if (str_eq(now, wanted))
			return true;
		if (clock_mono_ns() >= until)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
}

static void dwell(const struct step_ctx *ctx)
{
	int64_t until = clock_mono_ns() + DWELL_NS;

	if (until > ctx->deadline_ns)
		until = ctx->deadline_ns;
	while (clock_mono_ns() < until)
		poll(NULL, 0, clock_poll_ms(until));
}

/* One sleep in progress. */
struct nap {
	struct step_ctx *ctx;
	char bdf[BDF_LEN], control_path[96];
	struct change cold, control;
};

static int set_control(const struct nap *nap, const char *value, struct err *err)
{
	return attr_write(
		nap->ctx->host, nap->control_path, value, nap->ctx->deadline_ns, NULL, err);
}

/* Awake first, whatever it was: vfio-pci lets a device sleep as soon as nobody uses it. */
static int let_sleep(struct nap *nap, struct err *err)
{
	struct step_ctx *ctx = nap->ctx;

	if (change_make(ctx->host, ctx->out, nap->bdf, nap->control_path, "on", &nap->control,
		    err) != 0)
		return -1;
	if (!await_state(ctx, "D0"))
		return err_set(err, ERR_IO, EIO, "before it, it does not come to D0");
	if (nap->control.undo != 0)
		return set_control(nap, "auto", err);
	return change_make(
		ctx->host, ctx->out, nap->bdf, nap->control_path, "auto", &nap->control, err);
}

static int sleep_and_wake(struct nap *nap, struct err *err)
{
	int64_t start = clock_mono_ns();
	char now[16];

	if (let_sleep(nap, err) != 0)
		return -1;
	if (!await_state(nap->ctx, "D3hot")) {
		power_state(nap->ctx, now, sizeof(now));
		return err_set(err, ERR_IO, EBUSY, "it stays in %s", now);
	}
	emit_substep(nap->ctx->out, nap->bdf, "into D3hot", clock_mono_ns() - start);
	dwell(nap->ctx);
	start = clock_mono_ns();
	if (set_control(nap, "on", err) != 0)
		return -1;
	if (!await_state(nap->ctx, "D0"))
		return err_set(err, ERR_IO, EIO, "it does not come back to D0");
	emit_substep(nap->ctx->out, nap->bdf, "back to D0", clock_mono_ns() - start);
	return 0;
}

/*
 * By the kernel's own runtime PM, which saves and restores what the device loses on its way: vfio-pci
 * lets a device that nobody uses sleep, unless power/control says `on` (Linux 5.19).
 */
static int fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	struct nap nap = {.ctx = ctx};
	int64_t start = clock_mono_ns();
	char path[96];
	int rc;

	(void)self, (void)hold;
	*run = (struct reset_run){0};
	bdf_text(ctx->dev->pci.bdf, nap.bdf);
	snprintf(nap.control_path, sizeof(nap.control_path),
		"/sys/bus/pci/devices/%s/power/control", nap.bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/d3cold_allowed", nap.bdf);
	rc = change_make(ctx->host, ctx->out, nap.bdf, path, "0", &nap.cold, err);
	if (rc == 0)
		rc = sleep_and_wake(&nap, err);
	change_back(ctx->host, ctx->out, nap.bdf, &nap.control);
	change_back(ctx->host, ctx->out, nap.bdf, &nap.cold);
	run->took_ns = clock_mono_ns() - start;
	return rc;
}

static const struct reset_meaning meanings[] = {
	{EBUSY, "the device was not put to sleep",
		"does vfio-pci keep it awake (disable_idle_d3=Y), or somebody have it open?"},
	{EIO, "the device did not wake up", "see the kernel log; only a power cycle may help"},
	{ENOENT, "this kernel has no such switch", "Linux 5.19 puts idle devices to sleep"},
};

static void diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err)
{
	reset_explain(self->name, host, dev, meanings, ARRAY_SIZE(meanings), err);
}

const struct reset_method reset_d3hot = {
	.name = "d3hot",
	.summary = "a second of sleep in D3hot, put there and woken by the kernel's runtime PM",
	.scope = SCOPE_FUNCTION,
	.needs_vfio = true,
	.typical_ms = 1500, /* of which 1 s is asleep */
	.available = available,
	.fire = fire,
	.diagnose = diagnose,
};

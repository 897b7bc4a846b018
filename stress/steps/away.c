/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/away.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/attr.h"
#include "device/driver.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "resets/common.h"
#include "steps/device_step.h"
#include "steps/subjects.h"

#include <poll.h>
#include <unistd.h>

#define RETURN_NS     (30 * NS_PER_S) /* until a function is in sysfs again */
#define SETTLE_NS     (2 * NS_PER_S) /* pciehp looks at the link a second after it went down */
#define AWAIT_STEP_MS 20 /* sysfs tells nobody when a device comes or goes */
#define LIFT_NS       (30 * NS_PER_S)

/* ---- may they leave? ---- */

static int may_go(const struct pcidev *dev, struct err *err)
{
	char bdf[BDF_LEN];

	bdf_text(dev->bdf, bdf);
	if (dev->is_bridge) {
		err_set(err, ERR_REFUSED, 0, "%s is a bridge: its driver would be lost", bdf);
		return err_hint(err, "only what is below the last bridge can leave and come back");
	}
	if (dev->is_vf) {
		err_set(err, ERR_REFUSED, 0, "%s is a virtual function: no rescan finds it again",
			bdf);
		return err_hint(err, "leave it out (`device:` narrows a step)");
	}
	if (dev->is_pf_with_vfs) {
		err_set(err, ERR_REFUSED, 0, "%s has virtual functions: they would be lost", bdf);
		return err_hint(err, "write 0 to its sriov_numvfs first");
	}
	return 0;
}

static int may_leave(const struct step_ctx *ctx, const struct pcidev *dev, struct err *err)
{
	char bdf[BDF_LEN], other[BDF_LEN];

	if (may_go(dev, err) != 0)
		return -1;
	if (device_in_lane(ctx, dev->bdf))
		return 0;
	err_set(err, ERR_REFUSED, 0, "%s is one function of a slot: %s is another",
		bdf_text(ctx->dev->pci.bdf, bdf), bdf_text(dev->bdf, other));
	return err_hint(err,
		"only whole slots are removed and rescanned: name all of its functions in the "
		"lane's `devices`");
}

int away_may(const struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	struct err *err)
{
	struct bdf_set set = {0};
	size_t i;
	int rc = 0;

	scope_disturbed(all, &ctx->dev->pci, scope, &set);
	for (i = 0; rc == 0 && i < set.n; i++)
		rc = may_leave(ctx, pcidev_find(all, set.v[i]), err);
	bdf_set_finish(&set);
	return rc;
}

/* ---- out ---- */

static bool is_there(const struct host *host, const struct lane_device *dev)
{
	char path[HOST_PATH_MAX];

	return access(host_dev_path(host, path, dev->pci.bdf, "vendor"), F_OK) == 0;
}

void away_init(struct away *away, struct step_ctx *ctx)
{
	*away = (struct away){.ctx = ctx, .lock = -1};
}

/* One that is to be healed may have lost its driver long ago: it gets that of the run's begin. */
static const char *driver_for(const struct lane_device *dev, enum aim aim)
{
	return aim == AIM_HEAL && dev->oracle != NULL ? ((struct dev_state *)dev->oracle)->driver
						      : dev->pci.driver;
}

void away_add(struct away *away, struct subjects *subjects)
{
	vec_foreach (s, &subjects->list) {
		__typeof__(away->devs.v) slot = vec_push(&away->devs);

		slot->dev = s->dev;
		str_set(slot->driver, driver_for(s->dev, subjects->aim));
		oracle_forgive_new(&s->before);
	}
}

/* Half of the step's time at most: the rest of it is for what is to be done. */
static int take_switch(struct away *away, struct err *err)
{
	int64_t now = clock_mono_ns(), half = (away->ctx->deadline_ns - now) / 2;
	int64_t wait = AWAY_LOCK_MS * NS_PER_MS;

	return lock_wait(away->ctx->host, DRIVERS_AUTOPROBE_LOCK, now + (half < wait ? half : wait),
		&away->lock, err);
}

static struct change switch_off(uint64_t undo)
{
	struct change change = {.undo = undo};

	str_set(change.path, DRIVERS_AUTOPROBE);
	str_set(change.was, "1");
	return change;
}

/* An earlier step may have left it off, for a device that did not come back. */
static uint64_t take_over(struct lane_device *devs, size_t n)
{
	uint64_t undo = 0;
	size_t i;

	for (i = 0; i < n && undo == 0; i++) {
		undo = devs[i].undo_autoprobe;
		devs[i].undo_autoprobe = 0;
	}
	return undo;
}

int away_begin(struct away *away, struct err *err)
{
	struct step_ctx *ctx = away->ctx;
	char bdf[BDF_LEN];
	uint64_t undo;

	if (take_switch(away, err) != 0)
		return -1;
	vec_foreach (d, &away->devs) {
		if (!is_there(ctx->host, d->dev))
			str_set(d->dev->pci.driver, d->driver);
		if (driver_record(ctx->host, d->dev, ctx->out, err) != 0)
			return -1;
	}
	undo = take_over(ctx->devs, ctx->ndevs);
	away->inherited = undo != 0;
	if (undo != 0) {
		away->autoprobe = switch_off(undo);
		return attr_write(ctx->host, DRIVERS_AUTOPROBE, "0", ctx->deadline_ns, NULL, err);
	}
	return change_make(ctx->host, ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), DRIVERS_AUTOPROBE,
		"0", &away->autoprobe, err);
}

static const struct lane_device *first_that_is_not(const struct away *away, bool there)
{
	vec_foreach (d, &away->devs)
		if (is_there(away->ctx->host, d->dev) != there)
			return d->dev;
	return NULL;
}

bool away_await(const struct away *away, bool there, int64_t deadline_ns)
{
	while (first_that_is_not(away, there) != NULL) {
		if (clock_mono_ns() >= deadline_ns)
			return false;
		poll(NULL, 0, AWAIT_STEP_MS);
	}
	return true;
}

bool away_settle(const struct away *away)
{
	int64_t until = clock_mono_ns() + SETTLE_NS;

	while (first_that_is_not(away, true) == NULL) {
		if (clock_mono_ns() >= until)
			return false;
		poll(NULL, 0, AWAIT_STEP_MS);
	}
	return true;
}

/* ---- and back ---- */

/* As it was bound before; what the kernel says of it now is the truth from here on. */
static enum outcome bind_again(struct away *away, struct lane_device *dev, const char *driver,
	int64_t deadline_ns, struct result *res)
{
	const char *override = pcidev_vfio_driver(driver) ? driver : "";
	struct step_ctx ctx = *away->ctx;
	struct pcidev_list all = {0};
	struct err err = {0};

	ctx.dev = dev;
	if (driver_bind(ctx.host, dev->pci.bdf, driver, override, deadline_ns, &err) != 0 ||
		device_look(&ctx, &all, &err) != 0) {
		result_fail(res, "bind-failed", "%s", err.msg);
		result_advise(res, "%s", err.hint);
		return OUTCOME_FAIL;
	}
	pcidev_list_finish(&all);
	return OUTCOME_PASS;
}

enum outcome away_return(struct away *away, struct result *res)
{
	int64_t until = clock_mono_ns() + RETURN_NS;
	enum outcome outcome = OUTCOME_PASS;
	char bdf[BDF_LEN];

	if (until > away->ctx->deadline_ns)
		until = away->ctx->deadline_ns;
	if (!away_await(away, true, until)) {
		const struct lane_device *dev = first_that_is_not(away, true);

		result_fail(res, "device-vanished", "%s did not come back",
			bdf_text((dev ? dev : away->ctx->dev)->pci.bdf, bdf));
		result_advise(res, "does its link train? see the kernel log for the port above it");
		away_rescue(away);
		return OUTCOME_FAIL;
	}
	/* the others as well when one cannot be bound: none is left for a host driver */
	vec_foreach (d, &away->devs) {
		struct result ignored = {0};
		bool well = outcome == OUTCOME_PASS;
		enum outcome now = bind_again(
			away, d->dev, d->driver, away->ctx->deadline_ns, well ? res : &ignored);

		outcome = well ? now : outcome;
	}
	return outcome;
}

void away_rescue(struct away *away)
{
	struct result ignored = {0};

	vec_foreach (d, &away->devs)
		if (is_there(away->ctx->host, d->dev))
			bind_again(
				away, d->dev, d->driver, clock_mono_ns() + RESET_BACK_NS, &ignored);
}

static const struct lane_device *missing(
	const struct host *host, const struct lane_device *devs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (devs[i].undo_driver != 0 && !is_there(host, &devs[i]))
			return &devs[i];
	return NULL;
}

static void note_guarded(const struct away *away, const struct lane_device *dev)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	bdf_text(dev->pci.bdf, ev.subject);
	snprintf(ev.text, sizeof(ev.text),
		"no driver binds by itself on this host until %s is back or the run ends: a host "
		"driver would take it (%s is 0)",
		ev.subject, DRIVERS_AUTOPROBE);
	emit(away->ctx->out, &ev);
}

void away_finish(struct away *away)
{
	struct step_ctx *ctx = away->ctx;
	const struct lane_device *gone = missing(ctx->host, ctx->devs, ctx->ndevs);
	char bdf[BDF_LEN];

	if (away->autoprobe.undo != 0 && (gone != NULL || away->stuck)) {
		ctx->dev->undo_autoprobe = away->autoprobe.undo;
		if (!away->inherited)
			note_guarded(away, gone ? gone : ctx->dev);
	} else {
		change_back(
			ctx->host, ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), &away->autoprobe);
	}
	lock_drop(away->lock);
	away->lock = -1;
	vec_finish(&away->devs);
}

void away_lift(const struct host *host, struct lane_device *devs, size_t n, struct emitter *out)
{
	struct change change;
	struct err ignored;
	char bdf[BDF_LEN];
	uint64_t undo;
	int lock = -1;

	if (n == 0 || missing(host, devs, n) != NULL)
		return; /* `undo`, which ends every run, scans for it first */
	undo = take_over(devs, n);
	if (undo == 0 ||
		lock_wait(host, DRIVERS_AUTOPROBE_LOCK, clock_mono_ns() + LIFT_NS, &lock,
			&ignored) != 0)
		return;
	change = switch_off(undo);
	change_back(host, out, bdf_text(devs[0].pci.bdf, bdf), &change);
	lock_drop(lock);
}

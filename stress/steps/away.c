/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/away.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/driver.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "steps/device_step.h"

#include <poll.h>
#include <unistd.h>

#define RETURN_NS     (30 * NS_PER_S) /* until a function is in sysfs again */
#define SETTLE_NS     (2 * NS_PER_S) /* pciehp looks at the link a second after it went down */
#define AWAIT_STEP_MS 20 /* sysfs tells nobody when a device comes or goes */
#define AUTOPROBE     "/sys/bus/pci/drivers_autoprobe"
#define LOCK          "drivers_autoprobe"

void away_init(struct away *away, struct step_ctx *ctx)
{
	*away = (struct away){.ctx = ctx, .lock = -1};
}

void away_add(struct away *away, struct lane_device *dev)
{
	__typeof__(away->devs.v) slot = vec_push(&away->devs);

	slot->dev = dev;
	str_set(slot->driver, dev->pci.driver);
}

int away_begin(struct away *away, struct err *err)
{
	struct step_ctx *ctx = away->ctx;
	char bdf[BDF_LEN];

	if (lock_wait(ctx->host, LOCK, ctx->deadline_ns, &away->lock, err) != 0)
		return -1;
	vec_foreach (d, &away->devs)
		if (driver_record(ctx->host, d->dev, ctx->out, err) != 0)
			return -1;
	return change_make(ctx->host, ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), AUTOPROBE, "0",
		&away->autoprobe, err);
}

static bool is_there(const struct away *away, const struct lane_device *dev)
{
	char path[HOST_PATH_MAX];

	return access(host_dev_path(away->ctx->host, path, dev->pci.bdf, "vendor"), F_OK) == 0;
}

static const struct lane_device *first_that_is_not(const struct away *away, bool there)
{
	vec_foreach (d, &away->devs)
		if (is_there(away, d->dev) != there)
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

void away_settle(const struct away *away)
{
	int64_t until = clock_mono_ns() + SETTLE_NS;

	while (first_that_is_not(away, true) == NULL && clock_mono_ns() < until)
		poll(NULL, 0, AWAIT_STEP_MS);
}

/* As it was bound before; what the kernel says of it now is the truth from here on. */
static enum outcome bind_again(
	struct away *away, struct lane_device *dev, const char *driver, struct result *res)
{
	const char *override = pcidev_vfio_driver(driver) ? driver : "";
	struct step_ctx ctx = *away->ctx;
	struct pcidev_list all = {0};
	struct err err = {0};

	ctx.dev = dev;
	if (driver_bind(ctx.host, dev->pci.bdf, driver, override, ctx.deadline_ns, &err) != 0 ||
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
		return OUTCOME_FAIL;
	}
	vec_foreach (d, &away->devs)
		if (outcome == OUTCOME_PASS)
			outcome = bind_again(away, d->dev, d->driver, res);
	return outcome;
}

void away_finish(struct away *away)
{
	char bdf[BDF_LEN];

	change_back(away->ctx->host, away->ctx->out, bdf_text(away->ctx->dev->pci.bdf, bdf),
		&away->autoprobe);
	lock_drop(away->lock);
	away->lock = -1;
	vec_finish(&away->devs);
}

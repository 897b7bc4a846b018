/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "device/attr.h"
#include "device/driver.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "model/undo.h"
#include "steps/device_step.h"
#include "steps/steps.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESCAN_MS     INT64_C(60000)
#define RETURN_NS     (30 * NS_PER_S) /* from the rescan until the function is in sysfs */
#define AWAIT_STEP_MS 20
#define AUTOPROBE     "/sys/bus/pci/drivers_autoprobe"
#define LOCK          "drivers_autoprobe" /* one switch for all lanes and runs of the host */
#define ATTR_NS       (10 * NS_PER_S)

static const struct field fields[] = {{0}};

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	(void)lane;
	if (!step->while_running)
		return 0;
	diag_error(diags, step_pos_of(step, "while-running"),
		"'rescan' cannot be done while a VM has the device");
	diag_hint(diags, "the removal would wait until the VM lets go; stop it first");
	return -1;
}

/* What a rescan would not bring back, or would take along. */
static int may_go(const struct pcidev_list *all, const struct pcidev *dev, struct err *err)
{
	char bdf[BDF_LEN], other[BDF_LEN];
	struct bdf sibling;

	bdf_text(dev->bdf, bdf);
	if (dev->is_bridge)
		return err_set(err, ERR_REFUSED, 0, "%s is a bridge", bdf);
	if (dev->is_vf) {
		err_set(err, ERR_REFUSED, 0, "%s is a virtual function: no rescan finds it again",
			bdf);
		return err_hint(err, "leave it out (`device:` narrows a step)");
	}
	if (dev->is_pf_with_vfs) {
		err_set(err, ERR_REFUSED, 0, "%s has virtual functions: they would be lost", bdf);
		return err_hint(err, "write 0 to its sriov_numvfs first");
	}
	if (device_has_sibling(all, dev, &sibling)) {
		err_set(err, ERR_REFUSED, 0, "%s is one function of a slot: %s is another", bdf,
			bdf_text(sibling, other));
		return err_hint(err, "only whole slots are removed and rescanned");
	}
	return 0;
}

static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	struct pcidev_list all = {0};
	int rc;

	(void)args;
	if (device_look(ctx, &all, why_not) != 0)
		return -1;
	rc = may_go(&all, &ctx->dev->pci, why_not);
	if (rc == 0)
		rc = device_allowed(ctx, &all, SCOPE_FUNCTION, ASK_PREPARE_UNBIND, why_not);
	pcidev_list_finish(&all);
	return rc;
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct pcidev none = {0};

	(void)args;
	return RESCAN_MS + device_methods_ms(ctx->dev ? &ctx->dev->pci : &none, "default") +
		DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 2000;
}

/*
 * The device comes back as a new one, without its driver_override: a host driver would take it.
 * Switched off for all of PCI for that moment; undo record first. `undo` 0: it was off already.
 */
static int autoprobe_off(struct step_ctx *ctx, uint64_t *undo, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_WRITE, .path = AUTOPROBE, .value = "1"};
	char now[16];

	*undo = 0;
	if (attr_read(ctx->host, AUTOPROBE, now, sizeof(now), clock_mono_ns() + ATTR_NS, err) != 0)
		return -1;
	if (!str_eq(now, "1"))
		return 0;
	bdf_text(ctx->dev->pci.bdf, rec.subject);
	if (undo_begin(ctx->out, &rec, undo, err) != 0)
		return -1;
	return attr_write(ctx->host, AUTOPROBE, "0", clock_mono_ns() + ATTR_NS, NULL, err);
}

static void autoprobe_on(struct step_ctx *ctx, uint64_t undo)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	struct err err = {0};

	if (undo == 0)
		return;
	if (attr_write(ctx->host, AUTOPROBE, "1", clock_mono_ns() + ATTR_NS, NULL, &err) == 0) {
		undo_done(ctx->out, undo);
		return;
	}
	snprintf(ev.text, sizeof(ev.text), "%s could not be switched on again: %s", AUTOPROBE,
		err.msg);
	str_set(ev.hint, "`vfio-stress undo` tries again");
	emit(ctx->out, &ev);
}

/* Sysfs tells nobody when a device comes or goes. */
static bool await_presence(const struct step_ctx *ctx, bool there, int64_t deadline_ns)
{
	char path[HOST_PATH_MAX];

	host_dev_path(ctx->host, path, ctx->dev->pci.bdf, "vendor");
	while ((access(path, F_OK) == 0) != there) {
		if (clock_mono_ns() >= deadline_ns)
			return false;
		poll(NULL, 0, AWAIT_STEP_MS);
	}
	return true;
}

static enum outcome attr_failed(
	const char *reason, const struct child_result *child, struct err *err, struct result *res)
{
	if (child->left != 0) {
		result_fail(res, "wedged", "%s", err->msg);
		result_advise(res, "the device cannot be used any more: reboot the host");
		return OUTCOME_FAIL;
	}
	result_fail(res, err->code == ERR_TIMEOUT ? "timeout" : reason, "%s", err->msg);
	result_advise(res, "%s", err->hint);
	return OUTCOME_FAIL;
}

static enum outcome remove_and_rescan(struct step_ctx *ctx, struct result *res)
{
	struct bdf bdf = ctx->dev->pci.bdf;
	int64_t start_ns = clock_mono_ns(), back_by;
	struct child_result child = {0};
	char text[BDF_LEN], path[128];
	struct err err = {0};

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf_text(bdf, text));
	if (attr_write(ctx->host, path, "1", ctx->deadline_ns, &child, &err) != 0)
		return attr_failed("remove-failed", &child, &err, res);
	if (!await_presence(ctx, false, ctx->deadline_ns))
		return result_fail(res, "timeout", "%s was removed and is still in sysfs", text);
	device_substep(ctx, "remove", clock_mono_ns() - start_ns);
	start_ns = clock_mono_ns();
	snprintf(path, sizeof(path), "/sys/class/pci_bus/%04x:%02x/rescan", bdf.domain, bdf.bus);
	if (attr_write(ctx->host, path, "1", ctx->deadline_ns, &child, &err) != 0)
		return attr_failed("rescan-failed", &child, &err, res);
	back_by = clock_mono_ns() + RETURN_NS;
	if (!await_presence(ctx, true, back_by < ctx->deadline_ns ? back_by : ctx->deadline_ns)) {
		result_fail(res, "device-vanished", "%s did not come back from the rescan", text);
		result_advise(res, "does its link train? see the kernel log for the port above it");
		return OUTCOME_FAIL;
	}
	device_substep(ctx, "rescan", clock_mono_ns() - start_ns);
	return OUTCOME_PASS;
}

/* As it was bound before; what the kernel says of it now is the truth from here on. */
static enum outcome bind_again(struct step_ctx *ctx, const char *driver, struct result *res)
{
	const char *override = pcidev_vfio_driver(driver) ? driver : "";
	struct pcidev_list all = {0};
	struct err err = {0};

	if (driver_bind(ctx->host, ctx->dev->pci.bdf, driver, override, ctx->deadline_ns, &err) !=
			0 ||
		device_look(ctx, &all, &err) != 0) {
		result_fail(res, "bind-failed", "%s", err.msg);
		result_advise(res, "%s", err.hint);
		return OUTCOME_FAIL;
	}
	pcidev_list_finish(&all);
	return OUTCOME_PASS;
}

/* Looks at what is there now: may it be taken out? */
static int may_begin(struct step_ctx *ctx, struct err *err)
{
	struct pcidev_list all = {0};
	int rc;

	if (device_look(ctx, &all, err) != 0)
		return -1;
	rc = may_go(&all, &ctx->dev->pci, err);
	if (rc == 0)
		rc = device_allowed(ctx, &all, SCOPE_FUNCTION, ASK_UNBIND, err);
	pcidev_list_finish(&all);
	return rc;
}

/* The last look comes right before: what went before may have taken long. */
static enum outcome out_and_back(struct step_ctx *ctx, struct result *res)
{
	char driver[sizeof(ctx->dev->pci.driver)];
	struct err err = {0};
	enum outcome outcome;

	if (may_begin(ctx, &err) != 0)
		return device_cannot_begin(&err, res);
	str_set(driver, ctx->dev->pci.driver);
	outcome = remove_and_rescan(ctx, res);
	return outcome == OUTCOME_PASS ? bind_again(ctx, driver, res) : outcome;
}

/* With the switch in our hands: what another lane does with it would bind a host driver. */
static enum outcome rescan_locked(struct step_ctx *ctx, struct result *res)
{
	struct err err = {0};
	enum outcome outcome;
	uint64_t undo = 0;

	if (driver_record(ctx->host, ctx->dev, ctx->out, &err) != 0 ||
		autoprobe_off(ctx, &undo, &err) != 0) {
		autoprobe_on(ctx, undo);
		return result_broken(res, "not-recorded", &err);
	}
	outcome = out_and_back(ctx, res);
	autoprobe_on(ctx, undo);
	return outcome;
}

static enum outcome rescan(struct step_ctx *ctx, struct result *res)
{
	struct dev_state before, after;
	struct err err = {0};
	enum outcome outcome = device_observe(ctx, "before", &before, res);
	int lock;

	if (outcome != OUTCOME_PASS)
		return outcome;
	if (lock_wait(ctx->host, LOCK, ctx->deadline_ns, &lock, &err) != 0)
		return result_broken(res, "blocked", &err);
	outcome = rescan_locked(ctx, res);
	lock_drop(lock);
	if (outcome == OUTCOME_PASS)
		outcome = device_observe(ctx, "after", &after, res);
	if (outcome != OUTCOME_PASS)
		return outcome;
	/* a driver that begins anew decides anew whether it sleeps */
	str_set(before.power_state, after.power_state);
	return device_judge(ctx, &before, &after, res);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct err err = {0};

	(void)args;
	return may_begin(ctx, &err) == 0 ? rescan(ctx, res) : device_cannot_begin(&err, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	char bdf[BDF_LEN];

	(void)args;
	snprintf(buf, size, "remove %s and find it again by a rescan of its port",
		ctx->dev ? bdf_text(ctx->dev->pci.bdf, bdf) : "each device");
}

const struct step_type step_rescan = {
	.word = {.name = "rescan",
		.summary = "remove the device and find it again by a rescan of its port",
		.fields = fields},
	.flags = STEP_DISRUPTIVE | STEP_ON_DEVICES | STEP_SHARES_LOCKS,
	.check = check,
	.prepare = prepare,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

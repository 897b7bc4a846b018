/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "device/attr.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "resets/common.h"
#include "steps/away.h"
#include "steps/device_step.h"
#include "steps/rescan_act.h"
#include "steps/steps.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESCAN_MS INT64_C(60000)

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

static int may(struct step_ctx *ctx, enum device_asking asking, struct err *err)
{
	struct pcidev_list all = {0};
	int rc;

	if (device_scan(ctx, &all, err) != 0)
		return -1;
	rc = away_may(ctx, &all, SCOPE_SLOT, err);
	if (rc == 0)
		rc = device_allowed(ctx, &all, SCOPE_SLOT, asking, err);
	pcidev_list_finish(&all);
	return rc;
}

static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	(void)args;
	return may(ctx, ASK_PREPARE_UNBIND, why_not);
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct pcidev none = {0};

	(void)args;
	return RESCAN_MS + AWAY_LOCK_MS +
		device_methods_ms(ctx->dev ? &ctx->dev->pci : &none, "default") + DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 2000;
}

static enum outcome attr_failed(struct away *away, const char *reason,
	const struct child_result *child, struct err *err, struct result *res)
{
	if (child->left != 0) {
		away->stuck = true;
		result_fail(res, "wedged", "%s", err->msg);
		result_advise(res, "the device cannot be used any more: reboot the host");
		return OUTCOME_FAIL;
	}
	result_fail(res, err->code == ERR_TIMEOUT ? "timeout" : reason, "%s", err->msg);
	result_advise(res, "%s", err->hint);
	return OUTCOME_FAIL;
}

/* Highest function first: function 0 is what a scan looks for. */
static enum outcome remove_all(struct step_ctx *ctx, struct away *away, struct result *res)
{
	int64_t start_ns = clock_mono_ns(), deadline_ns = reset_first_deadline(ctx);
	struct child_result child = {0};
	char text[BDF_LEN], path[128], full[HOST_PATH_MAX];
	struct err err = {0};
	size_t i;

	for (i = away->devs.n; i-- > 0;) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove",
			bdf_text(away->devs.v[i].dev->pci.bdf, text));
		if (access(host_path(ctx->host, full, "%s", path), F_OK) != 0)
			continue; /* gone already: that is why it is healed */
		if (attr_write(ctx->host, path, "1", deadline_ns, &child, &err) != 0)
			return attr_failed(away, "remove-failed", &child, &err, res);
	}
	if (!away_await(away, false, deadline_ns))
		return result_fail(res, "timeout", "%s was removed and is still in sysfs",
			bdf_text(ctx->dev->pci.bdf, text));
	device_substep(ctx, "remove", clock_mono_ns() - start_ns);
	return OUTCOME_PASS;
}

static int scan(
	struct step_ctx *ctx, int64_t deadline_ns, struct child_result *child, struct err *err)
{
	struct bdf bdf = ctx->dev->pci.bdf;
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/pci_bus/%04x:%02x/rescan", bdf.domain, bdf.bus);
	return attr_write(ctx->host, path, "1", deadline_ns, child, err);
}

/* Some of the slot are gone, and one is not: it is not left like that until somebody undoes it. */
static void bring_back(struct step_ctx *ctx, struct away *away)
{
	struct child_result child = {0};
	struct err ignored;

	if (away->stuck)
		return; /* another call would only get stuck behind it */
	if (!away_await(away, true, 0) &&
		scan(ctx, clock_mono_ns() + RESET_BACK_NS, &child, &ignored) != 0)
		away->stuck = child.left != 0;
	away_rescue(away);
}

static enum outcome rescan_bus(
	struct step_ctx *ctx, struct away *away, int64_t *took_ns, struct result *res)
{
	int64_t start_ns = clock_mono_ns();
	struct child_result child = {0};
	struct err err = {0};
	enum outcome outcome;

	if (scan(ctx, ctx->deadline_ns, &child, &err) != 0)
		return attr_failed(away, "rescan-failed", &child, &err, res);
	outcome = away_return(away, res);
	*took_ns = clock_mono_ns() - start_ns;
	if (outcome == OUTCOME_PASS)
		device_substep(ctx, "rescan", *took_ns);
	return outcome;
}

/* The last look comes right before: what went before may have taken long. */
static enum outcome out_and_back(
	struct step_ctx *ctx, struct away *away, int64_t *took_ns, struct result *res)
{
	struct err err = {0};
	enum outcome outcome;

	if (away_begin(away, &err) != 0)
		return result_broken(
			res, err.code == ERR_TIMEOUT ? "blocked" : "not-recorded", &err);
	if (may(ctx, ASK_UNBIND, &err) != 0)
		return device_cannot_begin(&err, res);
	outcome = remove_all(ctx, away, res);
	if (outcome == OUTCOME_PASS)
		return rescan_bus(ctx, away, took_ns, res);
	bring_back(ctx, away);
	return outcome;
}

static enum outcome rescan(struct step_ctx *ctx, struct subjects *subjects, struct result *res)
{
	struct away away;
	int64_t took_ns = 0;
	enum outcome outcome = subjects_observe(subjects, res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	away_init(&away, ctx);
	away_add(&away, subjects);
	outcome = out_and_back(ctx, &away, &took_ns, res);
	away_finish(&away);
	if (outcome == OUTCOME_PASS)
		outcome = subjects_judge(subjects, res);
	if (outcome != OUTCOME_PASS)
		return outcome;
	subjects_renew(subjects);
	subjects_tell_usable(subjects, took_ns);
	return outcome;
}

enum outcome rescan_act(struct step_ctx *ctx, enum aim aim, struct result *res)
{
	struct pcidev_list all = {0};
	struct subjects subjects;
	enum outcome outcome;
	struct err err = {0};

	if ((aim == AIM_TEST ? device_look(ctx, &all, &err) : device_scan(ctx, &all, &err)) != 0)
		return device_cannot_begin(&err, res);
	subjects_find(&subjects, ctx, &all, SCOPE_SLOT, aim);
	pcidev_list_finish(&all);
	if (may(ctx, ASK_UNBIND, &err) == 0)
		outcome = beside_judge(&subjects.beside, rescan(ctx, &subjects, res), res);
	else
		outcome = device_cannot_begin(&err, res);
	subjects_finish(&subjects);
	return outcome;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct lane_device *lead = subjects_lead(ctx, SCOPE_SLOT);
	char bdf[BDF_LEN];

	(void)args;
	if (lead != ctx->dev)
		return result_skip(res, "with-its-slot", "it went and came back with %s",
			bdf_text(lead->pci.bdf, bdf));
	return rescan_act(ctx, AIM_TEST, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct lane_device *lead = ctx->dev ? subjects_lead(ctx, SCOPE_SLOT) : NULL;
	char bdf[BDF_LEN], other[BDF_LEN];

	(void)args;
	if (lead != ctx->dev)
		snprintf(buf, size, "%s goes and comes back with %s",
			bdf_text(ctx->dev->pci.bdf, bdf), bdf_text(lead->pci.bdf, other));
	else
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

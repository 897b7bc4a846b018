/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "device/attr.h"
#include "model/lane_device.h"
#include "model/scenario.h"
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

static bool in_lane(const struct step_ctx *ctx, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < ctx->ndevs; i++)
		if (bdf_eq(ctx->devs[i].pci.bdf, bdf))
			return true;
	return false;
}

/* What a rescan would not bring back, or would take along. */
static int may_go(const struct pcidev *dev, struct err *err)
{
	char bdf[BDF_LEN];

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
	return 0;
}

static int may_all_go(const struct step_ctx *ctx, const struct pcidev_list *all, struct err *err)
{
	char bdf[BDF_LEN], other[BDF_LEN];
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct pcidev *dev = &all->v[i];

		if (!scope_together(&ctx->dev->pci, dev, SCOPE_SLOT))
			continue;
		if (may_go(dev, err) != 0)
			return -1;
		if (in_lane(ctx, dev->bdf))
			continue;
		err_set(err, ERR_REFUSED, 0, "%s is one function of a slot: %s is another",
			bdf_text(ctx->dev->pci.bdf, bdf), bdf_text(dev->bdf, other));
		return err_hint(err,
			"only whole slots are removed and rescanned: name all of its "
			"functions in the lane's `devices`");
	}
	return 0;
}

static int may(struct step_ctx *ctx, enum device_asking asking, struct err *err)
{
	struct pcidev_list all = {0};
	int rc;

	if (device_scan(ctx, &all, err) != 0)
		return -1;
	rc = may_all_go(ctx, &all, err);
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
	return RESCAN_MS + device_methods_ms(ctx->dev ? &ctx->dev->pci : &none, "default") +
		DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 2000;
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

/* Highest function first: function 0 is what a scan looks for. */
static enum outcome remove_all(struct step_ctx *ctx, const struct away *away, struct result *res)
{
	int64_t start_ns = clock_mono_ns();
	struct child_result child = {0};
	char text[BDF_LEN], path[128], full[HOST_PATH_MAX];
	struct err err = {0};
	size_t i;

	for (i = away->devs.n; i-- > 0;) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove",
			bdf_text(away->devs.v[i].dev->pci.bdf, text));
		if (access(host_path(ctx->host, full, "%s", path), F_OK) != 0)
			continue; /* gone already: that is why it is healed */
		if (attr_write(ctx->host, path, "1", ctx->deadline_ns, &child, &err) != 0)
			return attr_failed("remove-failed", &child, &err, res);
	}
	if (!away_await(away, false, ctx->deadline_ns))
		return result_fail(res, "timeout", "%s was removed and is still in sysfs",
			bdf_text(ctx->dev->pci.bdf, text));
	device_substep(ctx, "remove", clock_mono_ns() - start_ns);
	return OUTCOME_PASS;
}

static enum outcome rescan_bus(struct step_ctx *ctx, struct away *away, struct result *res)
{
	struct bdf bdf = ctx->dev->pci.bdf;
	int64_t start_ns = clock_mono_ns();
	struct child_result child = {0};
	struct err err = {0};
	enum outcome outcome;
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/pci_bus/%04x:%02x/rescan", bdf.domain, bdf.bus);
	if (attr_write(ctx->host, path, "1", ctx->deadline_ns, &child, &err) != 0)
		return attr_failed("rescan-failed", &child, &err, res);
	outcome = away_return(away, res);
	if (outcome == OUTCOME_PASS)
		device_substep(ctx, "rescan", clock_mono_ns() - start_ns);
	return outcome;
}

/* The last look comes right before: what went before may have taken long. */
static enum outcome out_and_back(struct step_ctx *ctx, struct away *away, struct result *res)
{
	struct err err = {0};
	enum outcome outcome;

	if (away_begin(away, &err) != 0)
		return result_broken(
			res, err.code == ERR_TIMEOUT ? "blocked" : "not-recorded", &err);
	if (may(ctx, ASK_UNBIND, &err) != 0)
		return device_cannot_begin(&err, res);
	outcome = remove_all(ctx, away, res);
	return outcome == OUTCOME_PASS ? rescan_bus(ctx, away, res) : outcome;
}

static enum outcome rescan(struct step_ctx *ctx, struct subjects *subjects, struct result *res)
{
	struct away away;
	enum outcome outcome = subjects_observe(subjects, res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	away_init(&away, ctx);
	vec_foreach (s, &subjects->list) {
		away_add(&away, s->dev);
		oracle_forgive_new(&s->before);
	}
	outcome = out_and_back(ctx, &away, res);
	away_finish(&away);
	if (outcome == OUTCOME_PASS)
		outcome = subjects_judge(subjects, res);
	if (outcome == OUTCOME_PASS)
		subjects_renew(subjects);
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
		outcome = rescan(ctx, &subjects, res);
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

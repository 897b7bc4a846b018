/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/hold.h"
#include "device/reset.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"
#include "steps/steps.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct reset_args {
	const char *method;
	bool if_offered;
};

static const struct field fields[] = {
	{.name = "method",
		.help = "flr, af_flr, pm, bus, cxl_bus, acpi, device_specific or default",
		.kind = FIELD_STRING,
		.offset = offsetof(struct reset_args, method),
		.required = true},
	{.name = "if-offered",
		.help = "skip it where the device does not offer the method",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct reset_args, if_offered)},
	{0},
};

/*
 * A reset that took this long met a device that was not ready when the kernel gave up waiting for
 * it (PCIE_RESET_READY_POLL_MS, 60 s); if it then succeeded, another method did it.
 */
#define NOT_READY_NS (60 * NS_PER_S)

/* Words that are known and do not work yet. */
static const char *const later[] = {"d3hot", "hot", "slot", "subordinate"};

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	const struct reset_args *a = step->args;
	const char *names[32] = {0}, *near;
	size_t i;

	(void)lane;
	if (a->method == NULL || reset_method_find(a->method) != NULL)
		return 0;
	for (i = 0; i < ARRAY_SIZE(later); i++)
		if (str_eq(later[i], a->method))
			return diag_error(diags, step->pos,
				"reset method '%s' is not available in this version", a->method);
	for (i = 0; i < ARRAY_SIZE(names) - 1 && reset_methods[i] != NULL; i++)
		names[i] = reset_methods[i]->name;
	near = nearest_word(a->method, names);
	diag_error(diags, step->pos, "unknown reset method '%.40s'", a->method);
	if (near != NULL)
		diag_hint(diags, "did you mean '%s'?", near);
	else
		diag_hint(diags, "`vfio-stress list resets` shows them");
	return -1;
}

/* Of the devices that the step acts on, does another one offer it? */
static bool offered_elsewhere(const struct step_ctx *ctx, const struct reset_method *method)
{
	struct err ignored;
	size_t i;

	for (i = 0; i < ctx->ndevs; i++) {
		const struct pcidev *dev = &ctx->devs[i].pci;

		if (&ctx->devs[i] == ctx->dev ||
			(ctx->step->device != NULL && !pcidev_matches(dev, ctx->step->device)))
			continue;
		if (method->available(method, ctx->host, dev, &ignored) == 0)
			return true;
	}
	return false;
}

static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);
	struct pcidev_list all = {0};
	int rc;

	if (device_look(ctx, &all, why_not) != 0)
		return -1;
	if (method->available(method, ctx->host, &ctx->dev->pci, why_not) != 0)
		rc = a->if_offered || offered_elsewhere(ctx, method) ? 0 : -1;
	else
		rc = device_allowed(
			ctx, &all, reset_reach(method, &ctx->dev->pci), ASK_PREPARE, why_not);
	pcidev_list_finish(&all);
	return rc;
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct reset_args *a = args;
	const struct pcidev none = {0};

	return device_methods_ms(ctx->dev ? &ctx->dev->pci : &none, a->method) + DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);

	(void)ctx;
	return method != NULL ? method->typical_ms : 0;
}

/* The kernel refused, or did not come back. */
static enum outcome fire_failed(struct step_ctx *ctx, const struct reset_method *method,
	const struct reset_run *run, struct err *err, struct result *res)
{
	double took_s = (double)run->took_ns / (double)NS_PER_S;
	char bdf[BDF_LEN];

	bdf_text(ctx->dev->pci.bdf, bdf);
	if (run->left != 0) {
		result_fail(res, "wedged",
			"the %s reset of %s is still in the kernel after %.1f s (process %d)",
			method->name, bdf, took_s, (int)run->left);
		result_advise(res, "the device cannot be used any more: reboot the host");
		return OUTCOME_FAIL;
	}
	if (run->late)
		return result_fail(res, "slow-reset",
			"the %s reset of %s came back from the kernel only after %.1f s",
			method->name, bdf, took_s);
	if (err->code == ERR_TIMEOUT)
		return result_fail(res, "timeout",
			"the %s reset of %s did not return within %.1f s", method->name, bdf,
			took_s);
	if (err->code == ERR_LOST)
		return result_broken(res, "not-recorded", err);
	if (err->sys == EPERM || err->sys == EACCES || err->sys == EROFS)
		return result_broken(res, "not-permitted", err);
	if (method->diagnose != NULL)
		method->diagnose(method, ctx->host, &ctx->dev->pci, err);
	result_fail(res, err->code == ERR_ABSENT ? "device-vanished" : "reset-failed",
		"%s (after %.1f s)", err->msg, took_s);
	result_advise(res, "%s", err->hint);
	return OUTCOME_FAIL;
}

/* The kernel said that all went well. What does the device say? */
static enum outcome judge(struct step_ctx *ctx, const struct reset_method *method,
	const struct reset_run *run, struct dev_state *before, struct result *res)
{
	struct dev_state after;
	enum outcome outcome = device_observe(ctx, "after", &after, res);
	char bdf[BDF_LEN];

	if (outcome != OUTCOME_PASS)
		return outcome;
	/* words that the kernel dropped when the list was put back are no doing of the device */
	if (!str_eq(before->reset_methods, ctx->dev->pci.reset_methods)) {
		str_set(before->reset_methods, ctx->dev->pci.reset_methods);
		if (ctx->dev->oracle != NULL)
			str_set(((struct dev_state *)ctx->dev->oracle)->reset_methods,
				before->reset_methods);
	}
	outcome = device_judge(ctx, before, &after, res);
	if (outcome != OUTCOME_PASS || run->took_ns < NOT_READY_NS)
		return outcome;
	result_fail(res, "slow-reset",
		"the kernel called the %s reset of %s successful after %.1f s: it had given up "
		"waiting for the device once",
		method->name, bdf_text(ctx->dev->pci.bdf, bdf),
		(double)run->took_ns / (double)NS_PER_S);
	result_advise(
		res, "see the kernel log: 'not ready ... giving up' names the method that failed");
	return OUTCOME_FAIL;
}

/*
 * The last look, after what may have taken long: the guard judges what is there now, and the groups
 * are held from here on, so that a VM cannot start on them in the middle.
 */
static int claim(
	struct step_ctx *ctx, const struct reset_method *method, struct hold *hold, struct err *err)
{
	struct pcidev_list all = {0};
	int rc;

	if (device_look(ctx, &all, err) != 0)
		return -1;
	rc = device_claim(ctx, &all, reset_reach(method, &ctx->dev->pci), hold, err);
	pcidev_list_finish(&all);
	return rc;
}

static enum outcome reset_held(struct step_ctx *ctx, const struct reset_method *method,
	struct dev_state *before, struct result *res)
{
	struct result ignored = {0};
	struct reset_run run = {0};
	struct dev_state after;
	struct err err = {0};
	enum outcome outcome;

	if (method->fire(method, ctx, &run, &err) == 0)
		return judge(ctx, method, &run, before, res);
	outcome = fire_failed(ctx, method, &run, &err, res);
	if (run.left == 0)
		device_observe(ctx, "after", &after, &ignored);
	return outcome;
}

static enum outcome reset_once(
	struct step_ctx *ctx, const struct reset_method *method, struct result *res)
{
	struct dev_state before;
	struct hold hold = {0};
	struct err err = {0};
	enum outcome outcome = device_observe(ctx, "before", &before, res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	if (claim(ctx, method, &hold, &err) != 0)
		return device_cannot_begin(&err, res);
	outcome = reset_held(ctx, method, &before, res);
	hold_release(&hold);
	return outcome;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);
	struct pcidev_list all = {0};
	enum outcome outcome;
	struct err err = {0};

	if (device_look(ctx, &all, &err) != 0)
		return device_cannot_begin(&err, res);
	pcidev_list_finish(&all);
	if (method->available(method, ctx->host, &ctx->dev->pci, &err) == 0)
		return reset_once(ctx, method, res);
	outcome = a->if_offered || offered_elsewhere(ctx, method)
		? result_skip(res, "not-offered", "%s", err.msg)
		: result_fail(res, "not-offered", "%s", err.msg);
	result_advise(res, "%s", err.hint);
	return outcome;
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct reset_args *a = args;
	char bdf[BDF_LEN];

	snprintf(buf, size, "reset %s by %s%s",
		ctx->dev ? bdf_text(ctx->dev->pci.bdf, bdf) : "each device", a->method,
		a->if_offered ? ", if it offers that" : "");
}

const struct step_type step_reset = {
	.word = {.name = "reset",
		.summary = "reset the device through sysfs, and look at what that did to it",
		.main_arg = "method",
		.fields = fields,
		.args_size = sizeof(struct reset_args)},
	.flags = STEP_DISRUPTIVE | STEP_ON_DEVICES,
	.check = check,
	.prepare = prepare,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/reset.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/away.h"
#include "steps/device_step.h"
#include "steps/reset_act.h"
#include "steps/steps.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct reset_args {
	const char *method;
	bool if_offered, may_remove;
};

static const struct field fields[] = {
	{.name = "method",
		.help = "how",
		.kind = FIELD_STRING,
		.word = reset_method_word,
		.offset = offsetof(struct reset_args, method),
		.required = true},
	{.name = "if-offered",
		.help = "skip it where the device does not offer the method",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct reset_args, if_offered)},
	{.name = "may-remove",
		.help = "subordinate: also where the link that goes down may remove the devices",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct reset_args, may_remove)},
	{0},
};

static int check_method(
	const struct step *step, const struct reset_method *method, struct diags *diags)
{
	if (!step->while_running || !(method->whole || method->needs_vfio))
		return 0;
	diag_error(diags, step_pos_of(step, "while-running"),
		"'reset: %s' cannot be done while a VM has the device", method->name);
	diag_hint(diags, "stop the VM first");
	return -1;
}

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	const struct reset_args *a = step->args;
	const char *names[32] = {0}, *near;
	size_t i;

	(void)lane;
	if (a->method == NULL)
		return 0;
	if (reset_method_find(a->method) != NULL)
		return check_method(step, reset_method_find(a->method), diags);
	for (i = 0; i < ARRAY_SIZE(names) - 1 && reset_method_word(i) != NULL; i++)
		names[i] = reset_method_word(i);
	near = nearest_word(a->method, names);
	diag_error(diags, step_pos_of(step, "method"), "unknown reset method '%.40s'", a->method);
	if (near != NULL)
		diag_hint(diags, "did you mean '%s'?", near);
	else
		diag_hint(diags, "`vfio-stress list resets` shows them");
	return -1;
}

/* Does the scenario know that the devices may be gone for a while? */
static int check_opt_in(const struct step_ctx *ctx, const struct reset_args *a,
	const struct reset_method *method, struct err *err)
{
	char bdf[BDF_LEN];

	if (a->may_remove || !method->may_remove || !method->removes(ctx->host, &ctx->dev->pci))
		return 0;
	err_set(err, ERR_UNSUPPORTED, 0,
		"the port above %s is a hotplug port: the link that goes down may remove all that "
		"is below it",
		bdf_text(ctx->dev->pci.bdf, bdf));
	return err_hint(err, "`may-remove: true` in the step says that this is wanted");
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
	int rc = 0;

	if (device_look(ctx, &all, why_not) != 0)
		return -1;
	if (method->available(method, ctx->host, &ctx->dev->pci, why_not) != 0)
		rc = a->if_offered || offered_elsewhere(ctx, method) ? 0 : -1;
	else if (check_opt_in(ctx, a, method, why_not) != 0 ||
		reset_may(ctx, &all, method, true, why_not) != 0)
		rc = a->if_offered && why_not->code == ERR_UNSUPPORTED ? 0 : -1;
	pcidev_list_finish(&all);
	return rc;
}

/* VFIO tries the device's own methods when it opens it, and again when it closes it. */
static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);
	const struct pcidev none = {0}, *dev = ctx->dev ? &ctx->dev->pci : &none;
	int64_t ms = device_methods_ms(dev, a->method) + DEVICE_SLACK_MS;

	if (method != NULL && method->removes != NULL && (a->may_remove || !method->may_remove))
		ms += AWAY_LOCK_MS;
	return method != NULL && method->opens ? ms + 2 * device_methods_ms(dev, "default") : ms;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);

	(void)ctx;
	return method != NULL ? method->typical_ms : 0;
}

/* Not here, or not any more: for the step that is a reason to skip it, or a failure. */
static enum outcome not_offered(bool may_skip, const struct err *why, struct result *res)
{
	enum outcome outcome = may_skip ? result_skip(res, "not-offered", "%s", why->msg)
					: result_fail(res, "not-offered", "%s", why->msg);

	result_advise(res, "%s", why->hint);
	return outcome;
}

static enum outcome run_on(struct step_ctx *ctx, const struct reset_args *a,
	const struct reset_method *method, struct result *res)
{
	enum outcome outcome;
	struct err err = {0};

	if (check_opt_in(ctx, a, method, &err) != 0)
		return not_offered(a->if_offered, &err, res);
	outcome = reset_act(ctx, method, AIM_TEST, res);
	return outcome == OUTCOME_FAIL && a->if_offered && str_eq(res->reason, "not-offered")
		? OUTCOME_SKIPPED
		: outcome;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);
	const struct lane_device *lead;
	struct pcidev_list all = {0};
	struct err err = {0};
	char bdf[BDF_LEN];

	if (device_look(ctx, &all, &err) != 0)
		return device_cannot_begin(&err, res);
	pcidev_list_finish(&all);
	if (method->available(method, ctx->host, &ctx->dev->pci, &err) != 0)
		return not_offered(a->if_offered || offered_elsewhere(ctx, method), &err, res);
	lead = reset_lead(ctx, method);
	if (lead != ctx->dev)
		return result_skip(res, "with-its-slot", "it was reset together with %s",
			bdf_text(lead->pci.bdf, bdf));
	return run_on(ctx, a, method, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct reset_args *a = args;
	const struct reset_method *method = reset_method_find(a->method);
	const struct lane_device *lead = ctx->dev && method ? reset_lead(ctx, method) : ctx->dev;
	char bdf[BDF_LEN], other[BDF_LEN];

	if (lead != ctx->dev)
		snprintf(buf, size, "%s is reset together with %s",
			bdf_text(ctx->dev->pci.bdf, bdf), bdf_text(lead->pci.bdf, other));
	else
		snprintf(buf, size, "reset %s by %s%s",
			ctx->dev ? bdf_text(ctx->dev->pci.bdf, bdf) : "each device", a->method,
			a->if_offered ? ", if it offers that" : "");
}

const struct step_type step_reset = {
	.word = {.name = "reset",
		.summary = "reset the device, and look at what that did to it",
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "device/driver.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"
#include "steps/steps.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Some GPU drivers take half a minute to probe, twice if it fails. */
#define BIND_MS INT64_C(120000)

struct rebind_args {
	const char *driver;
};

static const struct field fields[] = {
	{.name = "driver",
		.help = "the driver to bind: vfio-pci, or a host driver that is loaded",
		.kind = FIELD_STRING,
		.pattern = "[^./][^/]{0,30}",
		.offset = offsetof(struct rebind_args, driver),
		.required = true},
	{0},
};

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	const struct rebind_args *a = step->args;

	(void)lane;
	if (step->while_running) {
		diag_error(diags, step_pos_of(step, "while-running"),
			"'rebind' cannot be done while a VM has the device");
		diag_hint(diags, "stop the VM first and leave out `while-running`");
		return -1;
	}
	/* it becomes part of a path; the kernel has 15 characters for most, and no such ones */
	if (a->driver == NULL ||
		(*a->driver != '\0' && strlen(a->driver) < 32 && strchr(a->driver, '/') == NULL &&
			*a->driver != '.'))
		return 0;
	diag_error(diags, step_pos_of(step, "driver"), "'%.40s' is no name of a driver", a->driver);
	diag_hint(diags, "a name as in /sys/bus/pci/drivers: vfio-pci, nvme, amdgpu");
	return -1;
}

static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	const struct rebind_args *a = args;
	struct pcidev_list all = {0};
	int rc = -1;

	if (device_look(ctx, &all, why_not) != 0)
		return -1;
	if (ctx->dev->pci.is_bridge)
		err_set(why_not, ERR_REFUSED, 0, "it is a bridge");
	else if (driver_known(ctx->host, a->driver, why_not) == 0)
		rc = device_allowed(ctx, &all, SCOPE_FUNCTION, ASK_PREPARE_UNBIND, why_not);
	pcidev_list_finish(&all);
	return rc;
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct pcidev none = {0};

	(void)args;
	/* a driver that lets go or begins may reset the device */
	return BIND_MS + device_methods_ms(ctx->dev ? &ctx->dev->pci : &none, "default") +
		DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 500;
}

/* A VF's PF and the group's others stay as they are: only this function changes hands. */
static enum outcome rebind(struct step_ctx *ctx, const struct rebind_args *a, struct result *res)
{
	struct dev_state before, after;
	int64_t start_ns;
	struct err err = {0};
	enum outcome outcome = device_observe(ctx, "before", &before, res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	start_ns = clock_mono_ns();
	if (driver_rebind(ctx->host, ctx->dev, a->driver, ctx->out, ctx->deadline_ns, &err) != 0) {
		if (err.code == ERR_REFUSED)
			return result_broken(res, "refused", &err);
		if (err.code == ERR_LOST)
			return result_broken(res, "not-recorded", &err);
		result_fail(
			res, err.code == ERR_TIMEOUT ? "timeout" : "bind-failed", "%s", err.msg);
		result_advise(res, "%s", err.hint);
		return OUTCOME_FAIL;
	}
	device_substep(ctx, "rebind", clock_mono_ns() - start_ns);
	outcome = device_observe(ctx, "after", &after, res);
	if (outcome != OUTCOME_PASS)
		return outcome;
	str_set(before.driver, a->driver);
	/* a host driver may put what it drives to sleep, and wake what it found asleep */
	str_set(before.power_state, after.power_state);
	oracle_renew_sizes(ctx->dev, &after);
	if (ctx->dev->oracle != NULL)
		str_set(((struct dev_state *)ctx->dev->oracle)->driver, a->driver);
	return device_judge(ctx, &before, &after, res);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct pcidev_list all = {0};
	struct err err = {0};
	int rc;

	if (device_look(ctx, &all, &err) != 0)
		return device_cannot_begin(&err, res);
	/* driver_rebind asks once more, right before */
	rc = device_allowed(ctx, &all, SCOPE_FUNCTION, ASK_UNBIND, &err);
	pcidev_list_finish(&all);
	return rc == 0 ? rebind(ctx, args, res) : device_cannot_begin(&err, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct rebind_args *a = args;
	char bdf[BDF_LEN];

	snprintf(buf, size, "unbind %s from its driver and bind it to %s",
		ctx->dev ? bdf_text(ctx->dev->pci.bdf, bdf) : "each device", a->driver);
}

const struct step_type step_rebind = {
	.word = {.name = "rebind",
		.summary = "take the device's driver away and bind a driver to it",
		.main_arg = "driver",
		.fields = fields,
		.args_size = sizeof(struct rebind_args)},
	.flags = STEP_DISRUPTIVE | STEP_ON_DEVICES | STEP_SHARES_LOCKS,
	.check = check,
	.prepare = prepare,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

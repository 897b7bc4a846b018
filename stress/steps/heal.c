/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/heal.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/reset.h"
#include "model/lane_device.h"
#include "steps/away.h"
#include "steps/device_step.h"
#include "steps/rescan_act.h"
#include "steps/reset_act.h"

#define RESCAN_MS INT64_C(120000) /* remove waits for what is in flight; 30 s until it is back */

/* A rung is a reset by the first of its methods that can be had, or the rescan. */
static const struct {
	const char *name, *methods[2];
} rungs[HEAL_RUNGS] = {
	[HEAL_FLR] = {"flr", {"flr"}},
	[HEAL_BUS] = {"bus", {"bus", "hot"}},
	[HEAL_RESCAN] = {"rescan", {NULL}},
	[HEAL_SLOT] = {"slot", {"slot"}},
};

const char *heal_rung_name(enum heal_rung rung)
{
	return rungs[rung].name;
}

static const struct reset_method *method_of(
	const struct step_ctx *ctx, enum heal_rung rung, struct err *why_not)
{
	const struct reset_method *method;
	size_t i;

	for (i = 0; i < 2 && rungs[rung].methods[i] != NULL; i++) {
		method = reset_method_find(rungs[rung].methods[i]);
		if (method->available(method, ctx->host, &ctx->dev->pci, why_not) == 0)
			return method;
	}
	return NULL;
}

enum outcome heal_look(struct step_ctx *ctx, struct result *res)
{
	struct dev_state now, reference;
	enum outcome outcome = device_observe(ctx, "after", &now, res);

	if (outcome != OUTCOME_PASS || ctx->dev->oracle == NULL)
		return outcome;
	reference = *(const struct dev_state *)ctx->dev->oracle;
	device_forgive_user(ctx, &reference, &now);
	return device_judge(ctx, &reference, &now, res);
}

/* VFIO's hot reset opens and closes the device, with its own methods each time. */
int64_t heal_bound_ms(const struct step_ctx *ctx, enum heal_rung rung)
{
	const struct pcidev *dev = &ctx->dev->pci;
	int64_t ms = DEVICE_SLACK_MS + 4 * ORACLE_NS / NS_PER_MS; /* it and its neighbours */

	if (rung == HEAL_RESCAN || rung == HEAL_SLOT)
		ms += AWAY_LOCK_MS;
	if (rung == HEAL_RESCAN)
		return ms + RESCAN_MS + device_methods_ms(dev, "default");
	return ms + device_methods_ms(dev, rungs[rung].name) +
		(rung == HEAL_BUS ? 2 * device_methods_ms(dev, "default") : 0);
}

enum outcome heal_try(struct step_ctx *ctx, enum heal_rung rung, struct result *res)
{
	const struct reset_method *method;
	enum outcome outcome;
	struct err err = {0};

	if (rung == HEAL_RESCAN)
		return rescan_act(ctx, AIM_HEAL, res);
	method = method_of(ctx, rung, &err);
	if (method == NULL)
		return result_skip(res, "not-offered", "%s", err.msg);
	outcome = reset_act(ctx, method, AIM_HEAL, res);
	return outcome == OUTCOME_FAIL && str_eq(res->reason, "not-offered") ? OUTCOME_SKIPPED
									     : outcome;
}

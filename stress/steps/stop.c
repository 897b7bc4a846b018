/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stddef.h>
#include <stdio.h>

#define DESTROY_MS 60000

struct stop_args {
	int64_t grace_ms;
};

static const struct field fields[] = {
	{.name = "grace",
		.help = "how long the guest has to power off before it is destroyed",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct stop_args, grace_ms),
		.dflt = "120s",
		.min = 1,
		.max = INT64_C(86400000)},
	{0},
};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct stop_args *a = args;

	return domain_bound_ms(ctx, a->grace_ms + DESTROY_MS);
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return DOMAIN_OFF_TYPICAL_MS;
}

/* The guest's share of the time: the rest, a quarter at least, is for destroying it. */
static int64_t grace_ends(const struct step_ctx *ctx, const struct stop_args *a)
{
	int64_t now = clock_mono_ns(), share = (ctx->deadline_ns - now) / 4 * 3;

	return now + (a->grace_ms * NS_PER_MS < share ? a->grace_ms * NS_PER_MS : share);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct err err;
	enum vm_why why = domain_enter(ctx, &err);

	if (why == VM_OK)
		why = vm_shutdown(ctx->vm, VM_MODE_DEFAULT, grace_ends(ctx, args), &err);
	if (why == VM_NOT_RUNNING)
		return result_skip(
			res, "not-running", "'%s' is already shut off", domain_name(ctx));
	if (why != VM_SHUTDOWN_IGNORED && why != VM_AGENT_SILENT && why != VM_STOP_FAILED)
		return domain_result(res, why, &err);
	domain_note(ctx, "it did not power off when asked, so it is destroyed: %s", err.msg);
	why = vm_destroy(ctx->vm, ctx->deadline_ns, &err);
	return why == VM_NOT_RUNNING ? OUTCOME_PASS : domain_result(res, why, &err);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct stop_args *a = args;
	char text[24];

	snprintf(buf, size, "shut down %s; destroy it when it has not obeyed after %s",
		domain_name(ctx), duration_text(a->grace_ms, text, sizeof(text)));
}

const struct step_type step_stop = {
	.word = {.name = "stop",
		.summary = "ask the guest to power off; destroy the VM when it does not obey",
		.main_arg = "grace",
		.fields = fields,
		.args_size = sizeof(struct stop_args)},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_STOPS_VM,
	.prepare = domain_can_power_off,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stddef.h>
#include <stdio.h>

#define BASE_MS 30000

struct suspend_args {
	int64_t duration_ms;
};

static const struct field fields[] = {
	{.name = "duration",
		.help = "how long the guest stands still",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct suspend_args, duration_ms),
		.required = true,
		.min = 1,
		.max = INT64_C(86400000)},
	{0},
};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct suspend_args *a = args;

	(void)ctx;
	return BASE_MS + a->duration_ms;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	const struct suspend_args *a = args;

	(void)ctx;
	return a->duration_ms + 500;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct suspend_args *a = args;
	struct err err;
	enum outcome outcome;
	enum vm_why why = domain_enter(ctx, &err);

	if (why == VM_OK)
		why = vm_suspend(ctx->vm, &err);
	if (why != VM_OK)
		return domain_result(res, why, &err);
	outcome = domain_idle(ctx, a->duration_ms, res);
	if (outcome != OUTCOME_PASS && outcome != OUTCOME_ABORTED)
		return outcome;
	why = vm_resume(ctx->vm, &err);
	if (why == VM_OK)
		why = vm_check(ctx->vm, &err);
	return why == VM_OK ? outcome : domain_result(res, why, &err);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct suspend_args *a = args;
	char text[24];

	snprintf(buf, size, "pause %s for %s, then resume it", domain_name(ctx),
		duration_text(a->duration_ms, text, sizeof(text)));
}

const struct step_type step_suspend = {
	.word = {.name = "suspend",
		.summary = "pause the VM, wait, resume it",
		.main_arg = "duration",
		.fields = fields,
		.args_size = sizeof(struct suspend_args)},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_USES_VM,
	.prepare = domain_present,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

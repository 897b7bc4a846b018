/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stddef.h>
#include <stdio.h>

#define BASE_MS 180000 /* a desktop that closes its programs */

struct shutdown_args {
	int mode; /* enum vm_mode */
};

static const struct field fields[] = {
	{.name = "mode",
		.help = "who is asked: the guest agent, or ACPI's power button",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct shutdown_args, mode),
		.choices = domain_modes},
	{0},
};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_bound_ms(ctx, BASE_MS);
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return DOMAIN_OFF_TYPICAL_MS;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct shutdown_args *a = args;
	struct err err;
	enum vm_why why = domain_enter(ctx, &err);

	if (why == VM_OK)
		why = vm_shutdown(ctx->vm, (enum vm_mode)a->mode, ctx->deadline_ns, &err);
	return domain_result(res, why, &err);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	(void)args;
	snprintf(buf, size, "shut down %s gracefully", domain_name(ctx));
}

const struct step_type step_shutdown = {
	.word = {.name = "shutdown",
		.summary = "ask the guest to power off and wait until it has",
		.fields = fields,
		.args_size = sizeof(struct shutdown_args)},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_STOPS_VM,
	.prepare = domain_can_power_off,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

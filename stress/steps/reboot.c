/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stddef.h>
#include <stdio.h>

#define BASE_MS 180000 /* the old boot's way down */

struct reboot_args {
	int mode; /* enum vm_mode */
};

static const struct field fields[] = {
	{.name = "mode",
		.help = "who is asked: the guest agent, or ACPI's power button",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct reboot_args, mode),
		.choices = domain_modes},
	{0},
};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_bound_ms(ctx, BASE_MS + domain_ready_ms(ctx));
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return DOMAIN_OFF_TYPICAL_MS + domain_boot_typical_ms(ctx);
}

static enum vm_why ask(struct step_ctx *ctx, const void *args, struct err *err)
{
	const struct reboot_args *a = args;

	return vm_reboot(ctx->vm, (enum vm_mode)a->mode, err);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	return domain_boot(ctx, READY_AFTER_RESET, ask, args, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	(void)args;
	snprintf(buf, size, "reboot %s and wait until its new boot is ready", domain_name(ctx));
}

const struct step_type step_reboot = {
	.word = {.name = "reboot",
		.summary = "ask the guest to reboot and wait for the new boot",
		.fields = fields,
		.args_size = sizeof(struct reboot_args)},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_USES_VM | STEP_RESETS_VM,
	.prepare = domain_can_reboot,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

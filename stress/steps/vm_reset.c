/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stdio.h>

#define BASE_MS 60000

static const struct field fields[] = {{0}};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_bound_ms(ctx, BASE_MS + domain_ready_ms(ctx));
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_boot_typical_ms(ctx);
}

static enum vm_why press(struct step_ctx *ctx, const void *args, struct err *err)
{
	(void)args;
	return vm_reset(ctx->vm, err);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	return domain_boot(ctx, READY_AFTER_RESET, press, args, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	(void)args;
	snprintf(buf, size, "press the reset button of %s and wait until its new boot is ready",
		domain_name(ctx));
}

const struct step_type step_vm_reset = {
	.word = {.name = "vm-reset",
		.summary = "reset the VM as by its button and wait for the new boot",
		.fields = fields},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_USES_VM | STEP_RESETS_VM,
	.prepare = domain_can_reboot,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stdio.h>

/* libvirt itself waits 10 s after SIGTERM and 20 s after SIGKILL (virProcessKillPainfully). */
#define BASE_MS 60000

static const struct field fields[] = {{0}};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_bound_ms(ctx, BASE_MS);
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 2000;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct err err;
	enum vm_why why = domain_enter(ctx, &err);

	(void)args;
	if (why == VM_OK)
		why = vm_destroy(ctx->vm, ctx->deadline_ns, &err);
	if (why == VM_NOT_RUNNING)
		return result_skip(
			res, "not-running", "'%s' is already shut off", domain_name(ctx));
	return domain_result(res, why, &err);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	(void)args;
	snprintf(buf, size, "pull the plug of %s", domain_name(ctx));
}

const struct step_type step_destroy = {
	.word = {.name = "destroy",
		.summary = "stop the VM at once, without asking the guest",
		.fields = fields},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_STOPS_VM,
	.prepare = domain_present,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

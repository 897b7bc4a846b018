/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stdio.h>

#define BASE_MS    60000
#define MS_PER_GIB 1000 /* VFIO pins and clears guest memory: about 1 GiB/s */

static const struct field fields[] = {{0}};

/* A domain that vanishes when it stops, or resumes a saved guest, does not boot. */
static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	const struct vm_found *found;

	if (domain_can_boot(ctx, args, why_not) != 0)
		return -1;
	found = vm_found(ctx->vm);
	if (found->managed_save) {
		err_set(why_not, ERR_REFUSED, 0,
			"'%s' has a saved state: a start would resume that guest, not boot one",
			domain_name(ctx));
		return err_hint(why_not,
			"start it by hand, or drop the state: `virsh managedsave-remove %s`",
			domain_name(ctx));
	}
	if (!found->persistent) {
		err_set(why_not, ERR_REFUSED, 0,
			"'%s' is transient: it vanishes when it stops and cannot be started again",
			domain_name(ctx));
		return err_hint(why_not, "`virsh define` it");
	}
	return 0;
}

static int64_t pinning_ms(const struct step_ctx *ctx)
{
	int64_t gib = ctx->vm ? (int64_t)(vm_def(ctx->vm)->memory_kib >> 20) : 0;

	return ctx->ndevs > 0 ? gib * MS_PER_GIB : 0;
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_bound_ms(ctx, BASE_MS + domain_ready_ms(ctx)) + pinning_ms(ctx);
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return domain_boot_typical_ms(ctx) + pinning_ms(ctx);
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	return domain_boot(ctx, READY_AFTER_START, NULL, args, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	(void)args;
	snprintf(buf, size, "start %s and wait until it is ready", domain_name(ctx));
}

const struct step_type step_start = {
	.word = {.name = "start",
		.summary = "start the domain and wait until the guest is ready",
		.fields = fields},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_STARTS_VM,
	.prepare = prepare,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "steps/domain.h"

#include <stddef.h>
#include <stdio.h>

#define HOLD_MAX_MS (INT64_C(30) * 86400000)

struct hold_args {
	int64_t duration_ms;
};

static const struct field fields[] = {
	{.name = "duration",
		.help = "how long to wait, awake for what happens to the domain",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct hold_args, duration_ms),
		.required = true,
		.min = 1,
		.max = HOLD_MAX_MS},
	{0},
};

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	const struct hold_args *a = args;

	(void)ctx;
	return a->duration_ms + 10000;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	const struct hold_args *a = args;

	(void)ctx;
	return a->duration_ms;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	const struct hold_args *a = args;

	return domain_idle(ctx, a->duration_ms, res);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct hold_args *a = args;
	char text[24];

	(void)ctx;
	snprintf(buf, size, "wait %s", duration_text(a->duration_ms, text, sizeof(text)));
}

const struct step_type step_hold = {
	.word = {.name = "hold",
		.summary = "wait while the VM runs; ends at once when it dies, pauses or resets",
		.main_arg = "duration",
		.fields = fields,
		.args_size = sizeof(struct hold_args)},
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

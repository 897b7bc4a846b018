/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small vocabulary: enough words to try every form of the scenario language. */
#ifndef VFIO_STRESS_TESTS_FAKE_WORDS_H
#define VFIO_STRESS_TESTS_FAKE_WORDS_H

#include "base/bdf.h"
#include "model/lane_device.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"

#include <stddef.h>
#include <stdio.h>

struct fake_args {
	int64_t time_ms, width;
	int method;
	bool if_offered, background;
	const char *driver, *expect, *path;
	struct strings run;
};

static const char *const fake_methods[] = {
	"acpi", "af_flr", "bus", "cxl_bus", "default", "device_specific", "flr", "pm", NULL};

static const struct field fake_none[] = {{0}};
static const struct field fake_hold[] = {
	{.name = "time",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct fake_args, time_ms),
		.required = true,
		.min = 1,
		.max = 86400000,
		.help = "how long"},
	{0},
};
static const struct field fake_suspend[] = {
	{.name = "time",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct fake_args, time_ms),
		.dflt = "5s",
		.help = "how long"},
	{0},
};
static const struct field fake_reset[] = {
	{.name = "method",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct fake_args, method),
		.required = true,
		.choices = fake_methods,
		.help = "how to reset"},
	{.name = "if-offered",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct fake_args, if_offered),
		.help = "skip where the device does not offer it"},
	{0},
};
static const struct field fake_guest[] = {
	{.name = "run",
		.kind = FIELD_STRINGS,
		.offset = offsetof(struct fake_args, run),
		.required = true,
		.help = "the command"},
	{.name = "expect",
		.kind = FIELD_STRING,
		.offset = offsetof(struct fake_args, expect),
		.help = "text in its output"},
	{.name = "background",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct fake_args, background),
		.help = "load under the next steps"},
	{0},
};
static const struct field fake_check[] = {
	{.name = "link-width",
		.kind = FIELD_INT,
		.offset = offsetof(struct fake_args, width),
		.min = 1,
		.max = 32,
		.help = "lanes"},
	{0},
};
static const struct field fake_driver[] = {
	{.name = "driver",
		.kind = FIELD_STRING,
		.offset = offsetof(struct fake_args, driver),
		.required = true,
		.help = "its name"},
	{0},
};
static const struct field fake_path[] = {
	{.name = "path",
		.kind = FIELD_STRING,
		.offset = offsetof(struct fake_args, path),
		.required = true,
		.help = "the file"},
	{0},
};

static inline int64_t fake_bound(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return ctx->dev != NULL ? 90000 : 60000;
}

static inline int64_t fake_typical(const struct step_ctx *ctx, const void *args)
{
	(void)args;
	return ctx->dev != NULL ? 900 : 30000;
}

static inline void fake_describe(
	const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	char bdf[BDF_LEN] = "the domain";

	(void)args;
	if (ctx->dev != NULL)
		bdf_text(ctx->dev->pci.bdf, bdf);
	snprintf(buf, size, "%s %s", ctx->step->type->word.name, bdf);
}

#define FAKE_STEP(id, words, table, main, bits)                                                    \
	static const struct step_type fake_step_##id = {                                           \
		.word = {.name = words,                                                            \
			.main_arg = main,                                                          \
			.fields = table,                                                           \
			.args_size = sizeof(struct fake_args)},                                    \
		.flags = bits,                                                                     \
		.bound_ms = fake_bound,                                                            \
		.typical_ms = fake_typical,                                                        \
		.describe = fake_describe}

FAKE_STEP(check, "check", fake_check, NULL, STEP_ON_DEVICES);
FAKE_STEP(destroy, "destroy", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_STOPS_VM);
FAKE_STEP(guest, "guest", fake_guest, "run", STEP_NEEDS_DOMAIN | STEP_USES_VM);
FAKE_STEP(hold, "hold", fake_hold, "time", 0);
FAKE_STEP(kill, "kill", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_STOPS_VM);
FAKE_STEP(reboot, "reboot", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_USES_VM);
FAKE_STEP(rebind, "rebind", fake_driver, "driver", STEP_ON_DEVICES | STEP_DISRUPTIVE);
FAKE_STEP(rescan, "rescan", fake_none, NULL, STEP_ON_DEVICES | STEP_DISRUPTIVE);
FAKE_STEP(reset, "reset", fake_reset, "method", STEP_ON_DEVICES | STEP_DISRUPTIVE);
FAKE_STEP(shutdown, "shutdown", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_STOPS_VM);
FAKE_STEP(start, "start", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_STARTS_VM);
FAKE_STEP(stop, "stop", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_STOPS_VM);
FAKE_STEP(suspend, "suspend", fake_suspend, "time", STEP_NEEDS_DOMAIN | STEP_USES_VM);
FAKE_STEP(vm_reset, "vm-reset", fake_none, NULL, STEP_NEEDS_DOMAIN | STEP_USES_VM);

static const struct step_type *const fake_steps[] = {
	&fake_step_check,
	&fake_step_destroy,
	&fake_step_guest,
	&fake_step_hold,
	&fake_step_kill,
	&fake_step_reboot,
	&fake_step_rebind,
	&fake_step_rescan,
	&fake_step_reset,
	&fake_step_shutdown,
	&fake_step_start,
	&fake_step_stop,
	&fake_step_suspend,
	&fake_step_vm_reset,
	NULL,
};

static const struct reporter fake_json = {.word = {.name = "json",
						  .main_arg = "path",
						  .fields = fake_path,
						  .args_size = sizeof(struct fake_args)}};
static const struct reporter *const fake_reporters[] = {&fake_json, NULL};

static const struct vocabulary fake_words = {fake_steps, fake_reporters};

#endif

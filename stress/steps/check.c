/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"
#include "steps/steps.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct check_args {
	const char *driver, *link_speed, *power_state, *revision;
	int64_t link_width;
};

static const char *const power_states[] = {"D0", "D1", "D2", "D3hot", "D3cold", NULL};

static const char *power_state(size_t i)
{
	return power_states[i];
}

static const struct field fields[] = {
	{.name = "driver",
		.help = "the driver bound to it, or none",
		.kind = FIELD_STRING,
		.offset = offsetof(struct check_args, driver)},
	{.name = "link-speed",
		.help = "at least so fast, in GT/s: 16; links may slow down at idle",
		.kind = FIELD_STRING,
		.pattern = "[0-9]{1,4}(\\.[0-9])?( GT/s.*)?",
		.offset = offsetof(struct check_args, link_speed)},
	{.name = "link-width",
		.help = "lanes in use: 16",
		.kind = FIELD_INT,
		.offset = offsetof(struct check_args, link_width),
		.min = 1,
		.max = 32},
	{.name = "power-state",
		.help = "the power state that it is in",
		.kind = FIELD_STRING,
		.word = power_state,
		.offset = offsetof(struct check_args, power_state)},
	{.name = "revision",
		.help = "two hex digits: a1",
		.kind = FIELD_STRING,
		.pattern = "(0[xX])?0*[0-9A-Fa-f]{1,2}",
		.offset = offsetof(struct check_args, revision)},
	{0},
};

/* "16", "2.5", "16.0 GT/s PCIe" in tenths; -1 = none of these. */
static int64_t tenths(const char *speed)
{
	size_t whole = strspn(speed, "0123456789");
	int64_t value = 0;
	size_t i;

	if (whole == 0 || whole > 4)
		return -1;
	for (i = 0; i < whole; i++)
		value = value * 10 + (speed[i] - '0');
	speed += whole;
	value *= 10;
	if (*speed == '.' && speed[1] >= '0' && speed[1] <= '9') {
		value += speed[1] - '0';
		speed += 2;
	}
	return *speed == '\0' || str_starts(speed, " GT/s") ? value : -1;
}

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	const struct check_args *a = step->args;
	uint64_t revision;
	int rc = 0;
	size_t i;

	(void)lane;
	if (a->link_speed != NULL && tenths(a->link_speed) <= 0) {
		rc = diag_error(diags, step_pos_of(step, "link-speed"), "'%.40s' is no link speed",
			a->link_speed);
		diag_hint(diags, "write it in GT/s: 2.5, 5, 8, 16, 32 or 64");
	}
	if (a->revision != NULL && !str_to_u64(a->revision, 16, 0xff, &revision)) {
		rc = diag_error(diags, step_pos_of(step, "revision"), "'%.40s' is no revision",
			a->revision);
		diag_hint(diags, "write two hex digits, in quotes: \"a1\"");
	}
	if (a->power_state == NULL)
		return rc;
	for (i = 0; power_states[i] != NULL; i++)
		if (str_eq(power_states[i], a->power_state))
			return rc;
	rc = diag_error(diags, step_pos_of(step, "power-state"), "'%.40s' is no power state",
		a->power_state);
	diag_hint(diags, "D0, D1, D2, D3hot or D3cold");
	return rc;
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return ORACLE_NS / NS_PER_MS + DEVICE_SLACK_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 100;
}

static void unexpected(struct str *out, const char *fmt, ...) printf_like(2, 3);

static void unexpected(struct str *out, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_addf(out, "%s%s", out->len ? "; " : "", text);
}

static void compare(const struct check_args *a, const struct dev_state *st, struct str *out)
{
	const char *driver = st->driver[0] ? st->driver : "none";
	uint64_t revision = 0;

	if (a->driver != NULL && !str_eq(a->driver, driver))
		unexpected(out, "driver is %s, expected %.32s", driver, a->driver);
	if (a->link_speed != NULL && tenths(st->link_speed) < tenths(a->link_speed))
		unexpected(out, "link speed is %s, expected at least %.24s",
			st->link_speed[0] ? st->link_speed : "unknown", a->link_speed);
	if (a->link_width != 0 && a->link_width != st->link_width)
		unexpected(
			out, "link width is x%d, expected x%d", st->link_width, (int)a->link_width);
	if (a->power_state != NULL && !str_eq(a->power_state, st->power_state))
		unexpected(out, "power state is %s, expected %s", st->power_state, a->power_state);
	if (a->revision != NULL && str_to_u64(a->revision, 16, 0xff, &revision) &&
		revision != st->revision)
		unexpected(out, "revision is %02x, expected %s", st->revision, a->revision);
}

/* Without a reference, what the kernel read when it found the device. */
static void identity_of(
	const struct pcidev *dev, const struct dev_state *now, struct dev_state *out)
{
	*out = *now;
	out->vendor = dev->vendor;
	out->device = dev->device;
	out->revision = dev->revision;
	out->class_code = dev->class_code;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct dev_state st, reference;
	struct str found = {0};
	char bdf[BDF_LEN];
	enum outcome outcome = device_observe(ctx, "now", &st, res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	if (ctx->dev->oracle != NULL)
		reference = *(const struct dev_state *)ctx->dev->oracle;
	else
		identity_of(&ctx->dev->pci, &st, &reference);
	device_forgive_user(ctx, &reference, &st);
	outcome = device_judge(ctx, &reference, &st, res);
	if (outcome != OUTCOME_PASS)
		return outcome;
	compare(args, &st, &found);
	if (found.len > 0)
		outcome = result_fail(res, "unexpected-state", "%s: %s",
			bdf_text(ctx->dev->pci.bdf, bdf), found.s);
	str_finish(&found);
	return outcome;
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct check_args *a = args;
	char bdf[BDF_LEN], expected[160] = "";
	size_t n = 0;

	if (a->link_width != 0)
		n += (size_t)snprintf(expected, sizeof(expected), ", link x%d", (int)a->link_width);
	if (a->link_speed != NULL && n < sizeof(expected))
		n += (size_t)snprintf(
			expected + n, sizeof(expected) - n, ", at least %.24s GT/s", a->link_speed);
	if (a->driver != NULL && n < sizeof(expected))
		n += (size_t)snprintf(
			expected + n, sizeof(expected) - n, ", driver %.32s", a->driver);
	if (a->power_state != NULL && n < sizeof(expected))
		n += (size_t)snprintf(
			expected + n, sizeof(expected) - n, ", power %s", a->power_state);
	if (a->revision != NULL && n < sizeof(expected))
		snprintf(expected + n, sizeof(expected) - n, ", revision %.8s", a->revision);
	snprintf(buf, size, "look at %s%s",
		ctx->dev ? bdf_text(ctx->dev->pci.bdf, bdf) : "each device", expected);
}

const struct step_type step_check = {
	.word = {.name = "check",
		.summary = "look at the device: readable, the same as before, as expected",
		.fields = fields,
		.args_size = sizeof(struct check_args)},
	.flags = STEP_ON_DEVICES,
	.check = check,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};

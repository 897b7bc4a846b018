/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_parts.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/lane.h"
#include "model/scenario.h"
#include "model/step.h"
#include "steps/beside.h"
#include "steps/device_step.h"
#include "steps/domain.h"
#include "steps/heal.h"

#include <poll.h>
#include <stdio.h>

#define LONG_NS        NS_PER_S /* a step in which a device had time to fail */
#define SETTLE_NS      (3 * NS_PER_S) /* a reset that begins, and FLR's 100 ms or a bus reset's 1 s */
#define SETTLE_POLL_MS 250

static int64_t bound_ms_of(const struct step *step, const struct step_ctx *ctx)
{
	return step->timeout_ms ? step->timeout_ms : step->type->bound_ms(ctx, step->args);
}

/* `expect-failure`: passes when it fails with that reason. Broken and skipped are no failures. */
static enum outcome apply_expectation(
	const struct step *step, enum outcome outcome, struct result *res)
{
	if (!step->expect_failure || (outcome != OUTCOME_PASS && outcome != OUTCOME_FAIL))
		return outcome;
	if (outcome == OUTCOME_PASS)
		return result_fail(res, "unexpected-success", "%s was expected to fail and did not",
			step->name);
	if (step->expect_reason != NULL && !str_eq(step->expect_reason, res->reason)) {
		char seen[REASON_MAX];

		str_set(seen, res->reason);
		return result_fail(res, "unexpected-reason",
			"expected to fail with '%s', but: %s: %s", step->expect_reason, seen,
			res->detail);
	}
	return OUTCOME_PASS;
}

static void emit_end(struct lane *lane, const struct step *step, const char *subject,
	enum outcome outcome, const struct result *res, int64_t began_ns)
{
	struct event ev = {.kind = EV_STEP_END, .outcome = (uint8_t)outcome};

	if (step->type->flags & STEP_DISRUPTIVE)
		ev.flags = EVENT_DISRUPTIVE;
	ev.dur_ns = began_ns ? clock_mono_ns() - began_ns : 0;
	str_set(ev.subject, subject);
	str_set(ev.reason, res->reason);
	str_set(ev.text, res->detail);
	str_set(ev.hint, res->advice);
	emit(&lane->out, &ev);
}

static void emit_skipped(
	struct lane *lane, const struct step *step, struct lane_device *dev, const char *why)
{
	char subject[BDF_LEN] = "";
	struct result res = {0};

	if (dev != NULL)
		bdf_text(dev->pci.bdf, subject);
	result_skip(&res, "earlier step failed", "%s", why);
	emit_end(lane, step, subject, OUTCOME_SKIPPED, &res, 0);
}

/*
 * The intention is on disk before a disruptive step acts. extra_ns_out: how much longer it may take,
 * because another lane holds what it needs.
 */
static int emit_begin(struct lane *lane, const struct step *step, const char *subject,
	int64_t bound_ms, uint64_t *extra_ns_out, struct err *err)
{
	struct event ev = {.kind = EV_STEP_BEGIN, .dur_ns = bound_ms * NS_PER_MS};

	str_set(ev.subject, subject);
	str_set(ev.text, step->name);
	if (!(step->type->flags & STEP_DISRUPTIVE)) {
		emit(&lane->out, &ev);
		return 0;
	}
	ev.flags = EVENT_DISRUPTIVE;
	return emit_durable(&lane->out, &ev, extra_ns_out, err);
}

/* Where libvirt gives it to the VM and takes it back, it may be on the way from hand to hand. */
static enum outcome look(struct step_ctx *ctx, struct result *res)
{
	struct dev_state now;
	enum outcome outcome;

	if (ctx->lane->driver == DRIVER_VFIO_PCI)
		return heal_look(ctx, res);
	outcome = device_observe(ctx, "after", &now, res);
	if (outcome != OUTCOME_PASS || ctx->dev->oracle == NULL)
		return outcome;
	return device_judge_unused(ctx, ctx->dev->oracle, &now, res);
}

/*
 * Not clean may mean not yet: VFIO or the guest's driver may be about to reset it, and nothing tells
 * when they are done.
 */
static enum outcome judge_device(struct step_ctx *ctx, struct result *res)
{
	int64_t until_ns = clock_mono_ns() + SETTLE_NS;
	enum outcome outcome = look(ctx, res);

	while (outcome == OUTCOME_FAIL && clock_mono_ns() < until_ns) {
		poll(NULL, 0, SETTLE_POLL_MS);
		*res = (struct result){0};
		outcome = look(ctx, res);
	}
	return outcome;
}

/* VFIO resets a device when a VM gets it, when it leaves it, and when the VM itself is reset. */
static bool resets_by_vm(const struct step *step)
{
	return step->type->flags & (STEP_STARTS_VM | STEP_STOPS_VM | STEP_RESETS_VM);
}

/* What became of them, against what the run found. */
static enum outcome judge_devices(struct lane *lane, const struct step *step, struct result *res)
{
	enum outcome outcome = OUTCOME_PASS;
	struct step_ctx ctx;
	size_t i;

	if (!resets_by_vm(step))
		return OUTCOME_PASS;
	for (i = 0; i < lane->ndevs && outcome == OUTCOME_PASS; i++) {
		lane_step_ctx(lane, step, &lane->devs[i], &ctx);
		outcome = judge_device(&ctx, res);
	}
	return outcome;
}

/* Who is beside the devices that the VM has; a device step looks at its own neighbours itself. */
static void watch_beside(struct step_ctx *ctx, struct beside *out)
{
	struct pcidev_list all = {0};
	struct err ignored;
	size_t i;

	if (!resets_by_vm(ctx->step) || ctx->ndevs == 0 ||
		pcidev_scan_nameless(ctx->host, &all, &ignored) != 0)
		return;
	for (i = 0; i < ctx->ndevs; i++) {
		ctx->dev = &ctx->devs[i];
		beside_add(out, ctx, &all, SCOPE_FUNCTION);
	}
	pcidev_list_finish(&all);
	beside_observe(out);
}

/* The step itself; then what became of the lane's devices, and of those beside them. */
static enum outcome act(struct lane *lane, struct step_ctx *ctx, struct beside *beside,
	int64_t began_ns, struct result *res)
{
	const struct step *step = ctx->step;
	enum outcome outcome = step->type->run(ctx, step->args, res);

	if (outcome == OUTCOME_PASS)
		outcome = judge_devices(lane, step, res);
	outcome = beside_judge(beside, outcome, res);
	if (step->type->flags & STEP_ON_DEVICES)
		outcome = domain_survived(ctx, outcome, res);
	lane->wedged |= outcome == OUTCOME_FAIL && str_eq(res->reason, "wedged");
	if (!lane->wedged) /* nobody can want that */
		outcome = apply_expectation(step, outcome, res);
	if (outcome == OUTCOME_PASS)
		*res = (struct result){0};
	if (step->type->flags & STEP_DISRUPTIVE || clock_mono_ns() - began_ns > LONG_NS)
		lane_status_look(lane);
	if (ctx->dev != NULL)
		lane_keep_states(lane);
	return outcome;
}

static enum outcome run_step(
	struct lane *lane, const struct step *step, struct lane_device *dev, struct result *res)
{
	char subject[BDF_LEN] = "";
	struct step_ctx ctx, around;
	struct beside beside = {0};
	struct err err = {0};
	enum outcome outcome;
	int64_t bound_ms, began_ns = 0;
	uint64_t extra_ns = 0;

	lane_step_ctx(lane, step, dev, &ctx);
	if (dev != NULL)
		bdf_text(dev->pci.bdf, subject);
	bound_ms = bound_ms_of(step, &ctx);
	if (step->type->flags & STEP_DISRUPTIVE)
		lane_status_look(lane);
	around = ctx;
	watch_beside(&around, &beside);
	if (emit_begin(lane, step, subject, bound_ms, &extra_ns, &err) == 0) {
		began_ns = clock_mono_ns();
		ctx.deadline_ns = began_ns + bound_ms * NS_PER_MS + (int64_t)extra_ns;
		outcome = act(lane, &ctx, &beside, began_ns, res);
	} else {
		outcome = result_broken(res, "not-recorded", &err);
	}
	emit_end(lane, step, subject, outcome, res, began_ns);
	beside_finish(&beside);
	return outcome;
}

/* ---- a list of steps ---- */

bool lane_may_go_on(struct lane *lane)
{
	emitter_poll(&lane->out);
	return !lane->out.stop_asked && !lane->out.orphaned;
}

static bool ends_list(enum outcome o)
{
	return o == OUTCOME_FAIL || o == OUTCOME_BROKEN;
}

bool lane_list_failed(const struct list_end *end)
{
	return ends_list(end->outcome);
}

static void note_end(
	struct list_end *end, const struct step *step, enum outcome o, const struct result *res)
{
	end->outcome = o;
	snprintf(end->text, sizeof(end->text), "%s: %s", step->name, res->detail);
}

/*
 * Told to stop in the middle: because of an incident over budget the cycle has failed, and its other
 * steps are recorded as skipped; because somebody asked, it is cut off.
 */
static void note_stop(const struct lane *lane, struct list_end *end)
{
	end->outcome = lane->out.stop_failed ? OUTCOME_FAIL : OUTCOME_ABORTED;
	str_set(end->text, "an incident went over its budget");
}

/* Runs it on the VM, or on each of its devices; skips the rest once something has failed. */
static void run_on_all(struct lane *lane, const struct step *step, struct list_end *end)
{
	size_t i, n = step->type->flags & STEP_ON_DEVICES ? lane->ndevs : 1;

	for (i = 0; i < n; i++) {
		struct lane_device *dev =
			step->type->flags & STEP_ON_DEVICES ? &lane->devs[i] : NULL;
		struct result res = {0};
		enum outcome o;

		if (dev != NULL && !lane_step_applies(step, dev))
			continue;
		if (ends_list(end->outcome)) {
			emit_skipped(lane, step, dev, "an earlier step of the cycle failed");
			continue;
		}
		o = run_step(lane, step, dev, &res);
		if (ends_list(o))
			note_end(end, step, o, &res);
		else if (o == OUTCOME_ABORTED)
			note_stop(lane, end);
	}
}

/* True when the list is over: told to stop, other than by a failure. */
static bool cut_short(struct lane *lane, struct list_end *end)
{
	if (end->outcome == OUTCOME_PASS && !lane_may_go_on(lane))
		note_stop(lane, end);
	return end->outcome == OUTCOME_ABORTED;
}

void lane_run_list(
	struct lane *lane, const struct step_list *list, bool always, struct list_end *end)
{
	size_t i;

	*end = (struct list_end){.outcome = OUTCOME_PASS};
	for (i = 0; i < list->n; i++) {
		if (!always && cut_short(lane, end))
			break;
		lane->out.step = (int32_t)i;
		run_on_all(lane, &list->v[i], end);
	}
	lane->out.step = -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/subjects.h"

#include "base/str.h"
#include "device/busmaster.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"

static void add(struct subjects *s, struct lane_device *dev)
{
	*vec_push(&s->list) = (struct subject){.dev = dev};
}

void subjects_find(struct subjects *out, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope, enum aim aim)
{
	struct bdf_set set = {0};
	size_t i, k;

	*out = (struct subjects){.ctx = ctx, .aim = aim};
	add(out, ctx->dev);
	scope_disturbed(all, &ctx->dev->pci, scope, &set);
	for (i = 0; i < ctx->ndevs; i++)
		for (k = 0; k < set.n && &ctx->devs[i] != ctx->dev; k++)
			if (bdf_eq(ctx->devs[i].pci.bdf, set.v[k]))
				add(out, &ctx->devs[i]);
	bdf_set_finish(&set);
	out->beside.heals = aim == AIM_HEAL;
	beside_add(&out->beside, ctx, all, scope);
}

void subjects_finish(struct subjects *s)
{
	vec_finish(&s->list);
	beside_finish(&s->beside);
}

/* The step as if it acted on that one. */
static struct step_ctx ctx_of(const struct subjects *s, const struct subject *one)
{
	struct step_ctx ctx = *s->ctx;

	ctx.dev = one->dev;
	return ctx;
}

enum outcome subjects_observe(struct subjects *s, struct result *res)
{
	enum outcome outcome = OUTCOME_PASS;

	vec_foreach (one, &s->list) {
		struct step_ctx ctx = ctx_of(s, one);

		if (s->aim == AIM_HEAL) {
			one->known = one->dev->oracle != NULL;
			if (one->known)
				one->before = *(struct dev_state *)one->dev->oracle;
			continue;
		}
		outcome = device_observe(&ctx, "before", &one->before, res);
		if (outcome != OUTCOME_PASS)
			return outcome;
	}
	beside_observe(&s->beside);
	return outcome;
}

/* No rung heals that by itself: the kernel restores what it finds, and a rescan lets it be. */
static enum outcome end_mastering(struct step_ctx *ctx, struct subject *one, struct result *res)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	struct err err = {0};

	if (busmaster_off(ctx->host, one->dev->pci.bdf, clock_mono_ns() + ORACLE_NS, &err) == 0)
		return device_observe(ctx, "after", &one->after, res);
	bdf_text(one->dev->pci.bdf, ev.subject);
	str_set(ev.text, err.msg);
	str_set(ev.hint, err.hint);
	emit(ctx->out, &ev);
	return OUTCOME_PASS; /* as far as this goes: it is judged as it is */
}

static enum outcome judge_healed(struct step_ctx *ctx, struct subject *one, struct result *res)
{
	enum outcome outcome = OUTCOME_PASS;

	if (!one->known)
		return outcome;
	device_forgive_user(ctx, &one->before, &one->after);
	if (oracle_left_mastering(&one->before, &one->after))
		outcome = end_mastering(ctx, one, res);
	return outcome == OUTCOME_PASS ? device_judge(ctx, &one->before, &one->after, res)
				       : outcome;
}

enum outcome subjects_judge(struct subjects *s, struct result *res)
{
	enum outcome outcome = OUTCOME_PASS;

	vec_foreach (one, &s->list) {
		struct step_ctx ctx = ctx_of(s, one);

		outcome = device_observe(&ctx, "after", &one->after, res);
		if (outcome == OUTCOME_PASS && s->aim == AIM_HEAL)
			outcome = judge_healed(&ctx, one, res);
		else if (outcome == OUTCOME_PASS)
			outcome = device_judge(&ctx, &one->before, &one->after, res);
		if (outcome != OUTCOME_PASS)
			return outcome;
	}
	return outcome;
}

void subjects_tell_usable(const struct subjects *s, int64_t after_ns)
{
	const struct subject *first = &s->list.v[0];
	char bdf[BDF_LEN];

	emit_substep(s->ctx->out, bdf_text(first->dev->pci.bdf, bdf), SUBSTEP_USABLE,
		after_ns + first->after.took_ns);
}

void subjects_renew(struct subjects *s)
{
	vec_foreach (one, &s->list)
		oracle_renew(one->dev, &one->after);
}

const struct lane_device *subjects_lead(const struct step_ctx *ctx, enum reset_scope scope)
{
	size_t i;

	for (i = 0; i < ctx->ndevs; i++) {
		const struct pcidev *other = &ctx->devs[i].pci;

		if (scope_together(&ctx->dev->pci, other, scope) &&
			(ctx->step->device == NULL || pcidev_matches(other, ctx->step->device)))
			return &ctx->devs[i];
	}
	return ctx->dev;
}

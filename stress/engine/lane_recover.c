/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_parts.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/lane.h"
#include "model/scenario.h"
#include "model/step.h"
#include "steps/domain.h"
#include "steps/heal.h"
#include "world/vm.h"

#include <stdio.h>
#include <string.h>

#define STOP_NS (180 * NS_PER_S) /* for a VM that has to be stopped */

/* What a rung looks like to those who ask for the step: it is nobody's, and asks for nothing. */
static const struct step no_step = {.name = "recover"};

/* A device that is being healed. */
struct patient {
	struct lane *lane;
	struct step_ctx ctx;
	char bdf[BDF_LEN];
	char tried[DETAIL_MAX / 2]; /* the rungs that did not help: "flr, bus" */
	char said[DETAIL_MAX / 2]; /* what the last of them found */
	struct result res;
};

static void note(struct patient *p, const char *text, const char *hint)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	str_set(ev.subject, p->bdf);
	str_set(ev.text, text);
	str_set(ev.hint, hint);
	emit(&p->lane->out, &ev);
}

/* The intention is on disk before the rung is tried, as before a step. */
static int begin(struct patient *p, enum heal_rung rung, struct err *err)
{
	struct event ev = {.kind = EV_STRETCH,
		.code = STRETCH_RECOVER,
		.dur_ns = heal_bound_ms(&p->ctx, rung) * NS_PER_MS};
	uint64_t extra_ns = 0;

	str_set(ev.subject, p->bdf);
	snprintf(ev.text, sizeof(ev.text), "recovering %s by %s", p->bdf, heal_rung_name(rung));
	if (emit_durable(&p->lane->out, &ev, &extra_ns, err) != 0)
		return -1;
	p->ctx.deadline_ns = clock_mono_ns() + ev.dur_ns;
	return 0;
}

static void add_tried(struct patient *p, enum heal_rung rung)
{
	size_t len = strlen(p->tried);

	snprintf(p->tried + len, sizeof(p->tried) - len, "%s%s", len > 0 ? ", " : "",
		heal_rung_name(rung));
}

/* PASS: it is healed. ABORTED: nothing more may be begun. */
static enum outcome climb(struct patient *p, enum heal_rung rung)
{
	char text[DETAIL_MAX];
	enum outcome outcome;
	struct err err = {0};

	p->res = (struct result){0};
	if (begin(p, rung, &err) != 0) {
		result_broken(&p->res, "not-recorded", &err);
		return OUTCOME_ABORTED;
	}
	outcome = heal_try(&p->ctx, rung, &p->res);
	p->lane->wedged |= str_eq(p->res.reason, "wedged");
	if (outcome == OUTCOME_PASS) {
		snprintf(text, sizeof(text), "%s was healed by %s%s%s", p->bdf,
			heal_rung_name(rung), p->tried[0] ? ", which came after " : "", p->tried);
		note(p, text, "");
		return OUTCOME_PASS;
	}
	snprintf(text, sizeof(text), "%s was not healed by %s: %.300s", p->bdf,
		heal_rung_name(rung), p->res.detail);
	note(p, text, p->res.advice);
	if (outcome != OUTCOME_SKIPPED) {
		add_tried(p, rung);
		str_set(p->said, p->res.detail);
	}
	return p->lane->wedged ? OUTCOME_ABORTED : OUTCOME_FAIL;
}

/* False when it is beyond help, with the reason in `why`. */
static bool heal(struct patient *p, char *why, size_t size)
{
	enum outcome outcome = OUTCOME_FAIL;
	enum heal_rung rung;

	for (rung = 0; rung < HEAL_RUNGS && outcome == OUTCOME_FAIL; rung++) {
		if (!lane_may_go_on(p->lane)) {
			snprintf(why, size, "told to stop before %s was healed", p->bdf);
			return false;
		}
		outcome = climb(p, rung);
	}
	if (outcome == OUTCOME_PASS)
		return true;
	snprintf(why, size, "host reboot needed: %s was not healed by %s (%.200s)", p->bdf,
		p->tried[0] ? p->tried : "any rung, for none could be tried",
		p->tried[0] ? p->said : p->res.detail);
	return false;
}

static bool heal_device(struct lane *lane, struct lane_device *dev, char *why, size_t size)
{
	struct patient p = {.lane = lane};

	lane_step_ctx(lane, &no_step, dev, &p.ctx);
	bdf_text(dev->pci.bdf, p.bdf);
	return heal_look(&p.ctx, &p.res) == OUTCOME_PASS || heal(&p, why, size);
}

/* No rung may be tried while a VM has the device. */
static int stop_domain(struct lane *lane, struct err *err)
{
	if (lane->vm == NULL)
		return 0;
	lane_tell_stretch(lane, STRETCH_RETURN);
	return vm_restore(lane->vm, VM_STATE_OFF, clock_mono_ns() + STOP_NS, err) == VM_OK ? 0 : -1;
}

bool lane_recover(struct lane *lane, char *why, size_t size)
{
	struct err err = {0};
	size_t i;

	if (stop_domain(lane, &err) != 0) {
		snprintf(why, size, "its devices cannot be healed: %s", err.msg);
		return false;
	}
	for (i = 0; i < lane->ndevs; i++)
		if (!heal_device(lane, &lane->devs[i], why, size))
			return false;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/progress.h"
#include "model/step.h"

#include <stdio.h>
#include <string.h>

#define HEIR_NS    (120 * NS_PER_S) /* libvirtd may have been restarted as well */
#define DEATHS_MAX 3 /* cycles in a row that ended with a lane's process */

/* ---- in the lane's name ---- */

static void say(struct sup_lane *lane, struct event *ev)
{
	struct supervisor *s = lane->sup;

	ev->lane = sup_lane_index(lane);
	ev->mono_ns = clock_mono_ns();
	ev->wall_ns = clock_wall_ns();
	sup_lane_handle(s, ev, s->last_seq);
}

/* An end at the place of the last thing that the lane said of its list. */
static void say_end(struct sup_lane *lane, enum event_kind kind, const struct sup_ending *how)
{
	struct event ev = {
		.kind = kind,
		.outcome = (uint8_t)how->outcome,
		.cycle = lane->last.cycle,
		.phase = lane->last.phase,
		.step = -1,
	};

	str_set(ev.reason, how->reason);
	str_set(ev.text, how->text);
	str_set(ev.hint, how->hint);
	say(lane, &ev);
}

static void end_step(struct sup_lane *lane, const struct sup_ending *how)
{
	struct event ev = lane->open_step;

	if (!lane->at.step_open)
		return;
	ev.kind = EV_STEP_END;
	ev.outcome = (uint8_t)how->outcome;
	ev.flags &= (uint16_t)~EVENT_ACK;
	ev.dur_ns = clock_mono_ns() - lane->open_step.mono_ns;
	str_set(ev.reason, how->reason);
	str_set(ev.text, how->text);
	str_set(ev.hint, how->hint);
	say(lane, &ev);
}

/* ---- the steps that do not come any more ---- */

static void skip(struct sup_lane *lane, const struct event *where, int32_t index,
	const struct step *step, const char *subject)
{
	struct event ev = {
		.kind = EV_STEP_END,
		.outcome = OUTCOME_SKIPPED,
		.cycle = where->cycle,
		.phase = where->phase,
		.step = index,
		.flags = step->type->flags & STEP_DISRUPTIVE ? EVENT_DISRUPTIVE : 0,
	};

	str_set(ev.subject, subject);
	str_set(ev.reason, "earlier step failed");
	str_set(ev.text, "the lane's process ended in an earlier step");
	say(lane, &ev);
}

/* Those of its devices that come after `last` ("" = all), as the lane would go through them. */
static void skip_devices(struct sup_lane *lane, const struct event *where, int32_t index,
	const struct step *step, const char *last)
{
	char bdf[BDF_LEN];

	vec_foreach (dev, &lane->devices) {
		if (step->device != NULL && !pcidev_matches(dev, step->device))
			continue;
		/* in BDF order, and so is their text */
		if (strcmp(bdf_text(dev->bdf, bdf), last) > 0)
			skip(lane, where, index, step, bdf);
	}
}

static void skip_rest(struct sup_lane *lane)
{
	const struct event where = lane->last;
	const struct step *step;
	struct event at = where;
	bool whole = where.kind == EV_CYCLE_BEGIN; /* no step of it was begun */

	if (where.phase == PHASE_NONE || (where.phase == PHASE_CYCLE && !lane->cycle_open))
		return;
	for (at.step = whole ? 0 : where.step; (step = sup_lane_step(lane, &at)) != NULL;
		at.step++) {
		bool begun = !whole && at.step == where.step;

		if (step->type->flags & STEP_ON_DEVICES)
			skip_devices(lane, &where, at.step, step, begun ? where.subject : "");
		else if (!begun)
			skip(lane, &where, at.step, step, "");
	}
}

/* ---- who goes on ---- */

static enum heir_task task_of_phase(const struct sup_lane *lane)
{
	const struct supervisor *s = lane->sup;

	if (lane->giving_back)
		return HEIR_TASKS;
	if (lane->at.phase == PHASE_NONE || lane->at.phase == PHASE_AFTER)
		return HEIR_GIVE_BACK;
	/* `lane->cycle_open`: it came to its end in a cycle, not on the way back from one */
	if (lane->at.phase == PHASE_CYCLE && lane->cycle_open && s->interrupts == 0 &&
		s->req->scenario->on_failure != ON_FAILURE_STOP && lane->deaths <= DEATHS_MAX)
		return HEIR_CYCLES;
	return HEIR_AFTER;
}

/* HEIR_TASKS: there is nothing left to do, or nobody may do it. */
static enum heir_task next_task(const struct sup_lane *lane)
{
	enum heir_task task = task_of_phase(lane);

	if (lane->ending.for_good || lane->sup->disk_trouble)
		return HEIR_TASKS;
	/* one that did not even begin with its task leaves the next one to its own heir */
	if (!lane->progressed && lane->keep->task != HEIR_NONE && task <= lane->keep->task)
		task = lane->keep->task + 1;
	if (task == HEIR_AFTER && lane->sup->req->scenario->after.n == 0)
		task = HEIR_GIVE_BACK;
	if (task == HEIR_GIVE_BACK && lane->open_undo.n == 0)
		task = HEIR_TASKS;
	return task;
}

static void hand_over(struct sup_lane *lane, enum heir_task task)
{
	struct lane_keep *keep = lane->keep;

	keep->task = task;
	keep->cycle = lane->at.cycle;
	keep->outcome = lane->ending.outcome;
	str_set(keep->text, lane->ending.text);
}

static void replace(struct sup_lane *lane, enum heir_task task)
{
	struct event ev = {.kind = EV_LANE_REPLACED, .flags = EVENT_ACK, .step = -1};

	hand_over(lane, task);
	lane->heir_due = true;
	str_set(ev.text, lane->ending.text);
	sup_lane_stretch(lane, "the begin of a new process", clock_mono_ns(), HEIR_NS);
	progress_note(lane->sup->progress, "%s: %s; another process goes on", lane->spec->name,
		lane->ending.text);
	/* once this is on disk, all that the last process asked for is as well */
	say(lane, &ev);
}

/* ---- the end of a process ---- */

static void died(struct sup_lane *lane)
{
	struct sup_ending *end = &lane->ending;
	int status = lane->exit_status;

	lane->deaths++;
	*end = (struct sup_ending){
		.set = true, .outcome = OUTCOME_BROKEN, .reason = "lane-died", .hint = ""};
	snprintf(end->text, sizeof(end->text),
		"the process of lane '%s' ended without a word (%s %d)", lane->spec->name,
		status > 128 ? "signal" : "status", status > 128 ? status - 128 : status);
}

static void refuse_run(struct sup_lane *lane)
{
	struct event refused = {.kind = EV_LANE_REFUSED};
	struct event prepared = {.kind = EV_LANE_PREPARED, .code = 1};

	if (lane->refused)
		return; /* it ends then, without another word */
	str_set(refused.text, lane->ending.text);
	say(lane, &refused);
	say(lane, &prepared);
}

/* Nobody goes on for it: how it stood is how it ends. */
static void no_heir(struct sup_lane *lane, const char *why)
{
	struct sup_ending how = {
		.outcome = lane->keep->outcome, .reason = "not-replaced", .hint = ""};

	snprintf(how.text, sizeof(how.text), "%.300s; and no other process can go on: %.300s",
		lane->keep->text, why);
	lane->heir_due = lane->heir_prepares = false;
	say_end(lane, EV_LANE_END, &how);
}

/* "Now": the cycle is cut off. */
static void end_at_once(struct sup_lane *lane)
{
	struct sup_ending stopped = {
		.outcome = OUTCOME_ABORTED,
		.reason = "interrupted",
		.hint = "",
	};
	const struct sup_ending *how = lane->abandoned ? &lane->ending : &stopped;

	snprintf(stopped.text, sizeof(stopped.text), "%s%s", lane->sup->cut_off,
		lane->left_in_kernel ? "; a call of it is still in the kernel: do not use its "
				       "device or start its VM before that is over, or the host "
				       "was rebooted"
				     : "");
	end_step(lane, how);
	say_end(lane, EV_LANE_END, how);
}

static void end_list(struct sup_lane *lane)
{
	enum heir_task task = next_task(lane);

	end_step(lane, &lane->ending);
	skip_rest(lane);
	if (lane->cycle_open)
		say_end(lane, EV_CYCLE_END, &lane->ending);
	if (task == HEIR_TASKS)
		say_end(lane, EV_LANE_END, &lane->ending);
	else
		replace(lane, task);
}

void sup_lane_gone(struct sup_lane *lane)
{
	if (lane->life >= LANE_ENDED)
		return;
	if (!lane->ending.set)
		died(lane);
	if (lane->life < LANE_RUNNING)
		refuse_run(lane);
	else if (lane->sup->interrupts > 1)
		end_at_once(lane);
	else if (lane->heir_due || lane->heir_prepares)
		no_heir(lane, lane->heir_due ? "it could not begin" : lane->ending.text);
	else
		end_list(lane);
}

/* ---- the heir ---- */

static void keep_records(struct sup_lane *lane)
{
	struct lane_keep *keep = lane->keep;

	keep->nrecords = 0;
	vec_foreach (rec, &lane->open_undo)
		if (keep->nrecords < KEEP_RECORDS_MAX) /* those past it are left to `undo` */
			keep->records[keep->nrecords++] = *rec;
}

void sup_lane_start_heir(struct sup_lane *lane)
{
	const struct run_request *req = lane->sup->req;
	const struct lane_brief brief = {req->host, req->scenario, req->settings, req->nsettings};
	struct err err;

	lane->heir_due = false;
	keep_records(lane);
	if (!lane->socket_closed)
		loop_unwatch(lane->sup->loop, lane->proc.fd);
	lane_proc_close(&lane->proc);
	if (lane_proc_start(&brief, sup_lane_index(lane), lane->keep_fd, &lane->proc, &err) != 0 ||
		sup_lane_watch(lane, &err) != 0) {
		no_heir(lane, err.msg);
		return;
	}
	/* what was ordered since then has gone to the process before */
	if (lane->sup->interrupts > 0)
		lane_proc_order(&lane->proc, ORDER_STOP, STOP_ASKED);
	lane->process_gone = lane->socket_closed = lane->killed = lane->progressed = false;
	lane->heir_prepares = true;
	lane->ending.set = false;
	lane->ending.text[0] = '\0';
	sup_lane_stretch(lane, "the begin of a new process", clock_mono_ns(), HEIR_NS);
}

void sup_lane_heir_prepared(struct sup_lane *lane, const struct event *ev)
{
	lane->heir_prepares = false;
	if (ev->code > 0) {
		no_heir(lane, lane->ending.text);
		return;
	}
	sup_lane_stretch(lane, "the begin of a new process", clock_mono_ns(), SUP_BETWEEN_NS);
	lane_proc_order(&lane->proc, ORDER_GO, 0);
}

void sup_lane_note_undo(struct sup_lane *lane, const struct event *ev)
{
	size_t i;

	if (ev->kind == EV_UNDO) {
		undo_from_event(ev, vec_push(&lane->open_undo));
		return;
	}
	for (i = 0; i < lane->open_undo.n; i++) {
		if (lane->open_undo.v[i].id != ev->code)
			continue;
		memmove(&lane->open_undo.v[i], &lane->open_undo.v[i + 1],
			(--lane->open_undo.n - i) * sizeof(lane->open_undo.v[0]));
		return;
	}
}

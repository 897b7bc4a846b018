/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/evidence.h"
#include "engine/progress.h"
#include "engine/writer.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define RECHECK_NS (10 * NS_PER_S)
#define BLOCKING_NS                                                                                \
	(10 * NS_PER_S) /* a step that takes longer may hold locks that others wait for */
#define KILL_WAIT_NS (2 * NS_PER_S)

/* The lane's first event of this kind that waits in the inbox, or NULL. */
static const struct event *waiting(const struct sup_lane *lane, enum event_kind kind)
{
	const struct supervisor *s = lane->sup;
	size_t i;

	for (i = s->inbox_head; i < s->inbox.n; i++)
		if (s->inbox.v[i].ev.lane == sup_lane_index(lane) && s->inbox.v[i].ev.kind == kind)
			return &s->inbox.v[i].ev;
	return NULL;
}

/* An event in the lane's name. */
static void enqueue_for(struct sup_lane *lane, enum event_kind kind, enum outcome outcome,
	const char *reason, const char *text, const char *hint)
{
	struct event ev = lane->open_step;

	ev.kind = kind;
	ev.lane = sup_lane_index(lane);
	ev.outcome = (uint8_t)outcome;
	ev.flags &= (uint16_t)~EVENT_ACK;
	ev.dur_ns = clock_mono_ns() - lane->open_step.mono_ns;
	ev.mono_ns = clock_mono_ns();
	ev.wall_ns = clock_wall_ns();
	str_set(ev.reason, reason);
	str_set(ev.text, text);
	str_set(ev.hint, hint);
	sup_enqueue(lane->sup, &ev);
}

static void end_open_step(struct sup_lane *lane, enum outcome outcome, const char *reason,
	const char *text, const char *hint)
{
	if (lane->at.step_open && waiting(lane, EV_STEP_END) == NULL)
		enqueue_for(lane, EV_STEP_END, outcome, reason, text, hint);
}

static bool said_its_end(const struct sup_lane *lane)
{
	const struct event *prepared = waiting(lane, EV_LANE_PREPARED);

	/* one that has refused ends without another word */
	return lane->life >= LANE_ENDED || lane->refused || waiting(lane, EV_LANE_END) != NULL ||
		(prepared != NULL && prepared->code > 0);
}

static void lane_died(struct sup_lane *lane)
{
	char text[160];

	if (said_its_end(lane))
		return;
	snprintf(text, sizeof(text), "the process of lane '%s' ended without a word (%s %d)",
		lane->spec->name, lane->exit_status > 128 ? "signal" : "status",
		lane->exit_status > 128 ? lane->exit_status - 128 : lane->exit_status);
	if (lane->life == LANE_PREPARING || lane->life == LANE_PREPARED) {
		enqueue_for(lane, EV_LANE_REFUSED, OUTCOME_BROKEN, "lane-died", text, "");
		enqueue_for(lane, EV_LANE_PREPARED, OUTCOME_BROKEN, "", "", "");
		return;
	}
	if (lane->sup->interrupts > 1) {
		str_set(text, "stopped by a second interrupt");
		end_open_step(lane, OUTCOME_ABORTED, "interrupted", text, "");
		enqueue_for(lane, EV_LANE_END, OUTCOME_ABORTED, "interrupted", text, "");
		return;
	}
	end_open_step(lane, OUTCOME_BROKEN, "lane-died", text, "");
	enqueue_for(lane, EV_LANE_END, OUTCOME_BROKEN, "lane-died", text, "");
}

static void receive_all(struct sup_lane *lane)
{
	struct event ev;
	int rc = 0;

	while (!lane->socket_closed && (rc = lane_proc_receive(&lane->proc, &ev)) == 1) {
		ev.lane = sup_lane_index(lane); /* a lane speaks for itself only */
		sup_enqueue(lane->sup, &ev);
	}
	if (rc < 0 && !lane->socket_closed) {
		lane->socket_closed = true;
		loop_unwatch(lane->sup->loop, lane->proc.fd);
	}
}

void sup_lane_on_socket(void *arg)
{
	struct sup_lane *lane = arg;

	receive_all(lane);
	sup_pump(lane->sup);
}

void sup_lane_on_process_end(void *arg)
{
	struct sup_lane *lane = arg;

	if (lane->process_gone || !lane_proc_wait(&lane->proc, 0, &lane->exit_status))
		return;
	lane->process_gone = true;
	loop_unwatch(lane->sup->loop, lane->proc.pidfd);
	sup_lane_on_socket(lane); /* everything that it said before */
	lane_died(lane);
	sup_pump(lane->sup);
}

/* ---- deadlines ---- */

/* Another lane that has been in one disruptive call for long may hold locks that this one needs. */
static const struct sup_lane *blocker_of(const struct sup_lane *lane)
{
	const struct supervisor *s = lane->sup;
	int64_t now = clock_mono_ns();
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		const struct sup_lane *other = &s->lanes[i];

		if (other == lane)
			continue;
		if (other->abandoned)
			return other;
		if (other->at.step_open && other->open_step.flags & EVENT_DISRUPTIVE &&
			now - other->open_step.mono_ns > BLOCKING_NS &&
			other->open_step.mono_ns <= lane->step_deadline_ns)
			return other;
	}
	return NULL;
}

static void write_evidence(struct sup_lane *lane)
{
	struct str text = {0};
	char *line, *end;

	evidence_collect(lane->proc.pid, &text);
	for (line = text.s; line != NULL && *line != '\0'; line = end) {
		char note[DETAIL_MAX];

		end = line + strcspn(line, "\n");
		if (*end != '\0')
			*end++ = '\0';
		snprintf(note, sizeof(note), "%s, stuck in %s: %s", lane->spec->name, lane->at.word,
			line);
		writer_note(lane->sup->writer, "note", note);
	}
	str_finish(&text);
}

void sup_lane_abandon(struct sup_lane *lane)
{
	char text[DETAIL_MAX];

	snprintf(text, sizeof(text),
		"%s did not end within %" PRId64
		" s and its process cannot be killed: it sleeps in the"
		" kernel",
		lane->at.step_open ? lane->at.word : "the lane",
		(clock_mono_ns() - lane->open_step.mono_ns) / NS_PER_S);
	lane->abandoned = true;
	if (!lane->socket_closed)
		loop_unwatch(lane->sup->loop, lane->proc.fd);
	lane->socket_closed = true;
	end_open_step(lane, OUTCOME_FAIL, "wedged", text,
		"do not use the device or start its VM; the host must be rebooted");
	enqueue_for(lane, EV_LANE_END, OUTCOME_FAIL, "wedged", text, "");
	sup_pump(lane->sup);
	progress_note(lane->sup->progress, "%s: %s; abandoned", lane->spec->name, text);
}

static void end_overdue(struct sup_lane *lane, const struct sup_lane *blocker)
{
	char text[DETAIL_MAX];

	kill(lane->proc.pid, SIGKILL);
	if (!lane_proc_wait(&lane->proc, clock_mono_ns() + KILL_WAIT_NS, &lane->exit_status)) {
		sup_lane_abandon(lane);
		return;
	}
	lane->process_gone = true;
	loop_unwatch(lane->sup->loop, lane->proc.pidfd);
	receive_all(lane); /* it may have ended the step a moment ago */
	snprintf(text, sizeof(text), "%s did not end within %" PRId64 " s%s%s", lane->at.word,
		(clock_mono_ns() - lane->open_step.mono_ns) / NS_PER_S,
		blocker ? ": blocked behind lane " : "", blocker ? blocker->spec->name : "");
	end_open_step(lane, blocker ? OUTCOME_BROKEN : OUTCOME_FAIL,
		blocker ? "blocked" : "timeout", text, "");
	enqueue_for(
		lane, EV_LANE_END, blocker ? OUTCOME_BROKEN : OUTCOME_FAIL, "timeout", text, "");
	sup_pump(lane->sup);
}

/*
 * The ladder: evidence first; while somebody else may be the cause, or the kernel sleeps and twice
 * the bound has not passed, wait on; then end it.
 */
void sup_lane_on_deadline(void *arg)
{
	struct sup_lane *lane = arg;
	int64_t now = clock_mono_ns(), bound = lane->step_deadline_ns - lane->open_step.mono_ns;
	int64_t last = lane->step_deadline_ns + bound + SUP_GRACE_NS;
	const struct sup_lane *blocker = blocker_of(lane);
	bool waits;

	/* after a stall of ours the END may be there already, unread or waiting for the kernel log */
	receive_all(lane);
	if (!lane->at.step_open || lane->process_gone || waiting(lane, EV_STEP_END) != NULL) {
		sup_pump(lane->sup);
		return;
	}
	if (!lane->stuck) {
		lane->stuck = true;
		write_evidence(lane);
		progress_note(
			lane->sup->progress, "%s: %s is overdue", lane->spec->name, lane->at.word);
	}
	waits = evidence_in_kernel(lane->proc.pid) || (blocker != NULL && !blocker->abandoned);
	if (waits && now < last)
		loop_timer_set(lane->sup->loop, &lane->deadline,
			now + RECHECK_NS < last ? now + RECHECK_NS : last, sup_lane_on_deadline,
			lane);
	else
		end_overdue(lane, blocker);
}

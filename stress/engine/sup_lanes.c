/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/progress.h"
#include "engine/writer.h"
#include "model/lane_device.h"
#include "model/step.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define KILL_WAIT_NS (2 * NS_PER_S)

uint32_t sup_lane_index(const struct sup_lane *lane)
{
	return (uint32_t)(lane - lane->sup->lanes);
}

/* ---- what a lane says, by kind ---- */

static void on_device(struct sup_lane *lane, const struct event *ev)
{
	struct pcidev *dev = vec_push(&lane->devices);
	const struct pcidev *known;

	lane_device_unpack(ev, dev);
	known = pcidev_find(&lane->sup->topology, dev->bdf);
	if (known != NULL)
		*dev = *known;
	lane->at.devices = lane->devices.v;
	lane->at.ndevices = lane->devices.n;
}

static void on_fact(struct sup_lane *lane, const struct event *ev)
{
	*vec_push(&lane->sup->facts) = *ev;
}

static void on_note(struct sup_lane *lane, const struct event *ev)
{
	struct supervisor *s = lane->sup;
	char text[DETAIL_MAX];

	if (s->writer == NULL) {
		*vec_push(&s->prepare_notes) = *ev;
		return;
	}
	snprintf(text, sizeof(text), "%s: %s%s%s", lane->spec->name, ev->text,
		ev->hint[0] ? "; " : "", ev->hint);
	writer_note(s->writer, "note", text);
	progress_note(s->progress, "%s", text);
}

static void on_qemu_line(struct sup_lane *lane, const struct event *ev)
{
	sup_log_qemu_line(lane->sup, ev->text);
}

static void on_refused(struct sup_lane *lane, const struct event *ev)
{
	*vec_push(&lane->sup->prepare_notes) = *ev;
	lane->sup->refusals++;
}

static void on_prepared(struct sup_lane *lane, const struct event *ev)
{
	lane->refused = ev->code > 0;
	if (lane->life == LANE_PREPARING)
		lane->life = LANE_PREPARED;
	if (sup_lanes_all(lane->sup, LANE_PREPARED))
		sup_begin_run(lane->sup);
}

static void show(struct sup_lane *lane, const char *word, const char *device)
{
	progress_lane(lane->sup->progress, sup_lane_index(lane), lane->at.cycle, word, device);
}

static void on_cycle_begin(struct sup_lane *lane, const struct event *ev)
{
	char text[160];

	lane->at.phase = PHASE_CYCLE;
	lane->at.cycle = ev->cycle;
	snprintf(text, sizeof(text), "%s cycle %u", lane->spec->name, ev->cycle);
	sup_log_mark(lane->sup, text, false);
	show(lane, "", "");
}

static const struct step *step_of(const struct sup_lane *lane, const struct event *ev)
{
	const struct scenario *sc = lane->sup->req->scenario;
	const struct step_list *list = ev->phase == PHASE_BEFORE ? &sc->before
		: ev->phase == PHASE_AFTER                       ? &sc->after
								 : &lane->spec->steps;

	return ev->step >= 0 && (size_t)ev->step < list->n ? &list->v[ev->step] : NULL;
}

static void on_step_begin(struct sup_lane *lane, const struct event *ev)
{
	const struct step *step = step_of(lane, ev);
	char text[160];

	lane->open_step = *ev;
	lane->stuck = false;
	lane->at.phase = (enum phase)ev->phase;
	lane->at.cycle = ev->cycle;
	lane->at.step_open = true;
	lane->at.step_index = ev->step;
	lane->at.on_device = bdf_parse(ev->subject, &lane->at.device);
	lane->at.word = step ? step->type->word.name : "?";
	lane->at.arg = step ? step->arg : NULL;
	lane->step_deadline_ns = ev->mono_ns + ev->dur_ns;
	loop_timer_set(lane->sup->loop, &lane->deadline, lane->step_deadline_ns + SUP_GRACE_NS,
		sup_lane_on_deadline, lane);
	if (ev->flags & EVENT_DISRUPTIVE) {
		lane->at.tail_until_ns = 0;
		snprintf(text, sizeof(text), "%s cycle %u %s %s", lane->spec->name, ev->cycle,
			lane->at.word, ev->subject);
		sup_log_mark(lane->sup, text, false);
	}
	show(lane, lane->at.word, ev->subject);
}

/* What the kernel says from now on for a while still belongs to this step. */
static void begin_tail(struct sup_lane *lane)
{
	place_of_lane(&lane->at, (int32_t)sup_lane_index(lane), &lane->at.tail);
	lane->at.tail.in_lane = true;
	lane->at.tail_begin_ns = clock_mono_ns();
	lane->at.tail_until_ns =
		lane->at.tail_begin_ns + (lane->iommu_fault ? TAIL_IOMMU_NS : TAIL_NS);
	lane->iommu_fault = false;
}

static void on_step_end(struct sup_lane *lane, const struct event *ev)
{
	loop_timer_clear(lane->sup->loop, &lane->deadline);
	if (lane->at.step_open && ev->flags & EVENT_DISRUPTIVE)
		begin_tail(lane);
	lane->at.step_open = false;
	if (ev->outcome == OUTCOME_FAIL || ev->outcome == OUTCOME_BROKEN)
		progress_failure(lane->sup->progress, sup_lane_index(lane), ev,
			step_of(lane, ev) ? step_of(lane, ev)->type->word.name : "?");
	show(lane, "", "");
}

static void on_cycle_end(struct sup_lane *lane, const struct event *ev)
{
	progress_cycle(
		lane->sup->progress, sup_lane_index(lane), ev->cycle, (enum outcome)ev->outcome);
}

static void on_lane_end(struct sup_lane *lane, const struct event *ev)
{
	(void)ev;
	loop_timer_clear(lane->sup->loop, &lane->deadline);
	lane->at.running = lane->at.step_open = false;
	lane->at.phase = PHASE_NONE;
	lane->life = lane->abandoned ? LANE_ABANDONED : LANE_ENDED;
	progress_lane_over(lane->sup->progress, sup_lane_index(lane));
	sup_lane_over(lane->sup);
}

typedef void on_event(struct sup_lane *lane, const struct event *ev);

static on_event *const handlers[] = {
	[EV_LANE_DEVICE] = on_device,
	[EV_LANE_REFUSED] = on_refused,
	[EV_LANE_FACT] = on_fact,
	[EV_LANE_NOTE] = on_note,
	[EV_LANE_PREPARED] = on_prepared,
	[EV_CYCLE_BEGIN] = on_cycle_begin,
	[EV_STEP_BEGIN] = on_step_begin,
	[EV_STEP_END] = on_step_end,
	[EV_CYCLE_END] = on_cycle_end,
	[EV_QEMU_LINE] = on_qemu_line,
	[EV_LANE_END] = on_lane_end,
	[EV_BOOT_PROOF] = NULL, /* and the others: for the store alone */
};

void sup_lane_handle(struct supervisor *s, const struct event *ev, uint64_t klog_seq)
{
	struct sup_lane *lane = &s->lanes[ev->lane];

	/* what a lane says after its end, which may have been written by us, is history */
	if (lane->life >= LANE_ENDED && ev->kind != EV_UNDO_DONE)
		return;
	if (s->writer != NULL && ev->kind != EV_LANE_NOTE && ev->kind != EV_QEMU_LINE)
		writer_event(s->writer, ev, klog_seq);
	if (ev->kind < ARRAY_SIZE(handlers) && handlers[ev->kind] != NULL)
		handlers[ev->kind](lane, ev);
}

/* ---- all lanes ---- */

int sup_lanes_start(struct supervisor *s, struct err *err)
{
	const struct lane_brief brief = {
		s->req->host, s->req->scenario, s->req->settings, s->req->nsettings};
	size_t i;

	s->lanes = xcalloc(s->req->scenario->nlanes, sizeof(s->lanes[0]));
	for (i = 0; i < s->req->scenario->nlanes; i++) {
		struct sup_lane *lane = &s->lanes[i];

		lane->sup = s;
		lane->spec = &s->req->scenario->lanes[i];
		if (lane_proc_start(&brief, (uint32_t)i, &lane->proc, err) != 0)
			return -1;
		s->nlanes++;
		if (loop_watch(s->loop, lane->proc.fd, sup_lane_on_socket, lane, err) != 0 ||
			loop_watch(s->loop, lane->proc.pidfd, sup_lane_on_process_end, lane, err) !=
				0)
			return -1;
	}
	return 0;
}

bool sup_lanes_all(const struct supervisor *s, enum lane_life at_least)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		if (s->lanes[i].life < at_least)
			return false;
	return s->nlanes == s->req->scenario->nlanes;
}

void sup_lanes_go(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		s->lanes[i].life = LANE_RUNNING;
		s->lanes[i].at.running = true;
		lane_proc_order(&s->lanes[i].proc, ORDER_GO, 0);
	}
}

void sup_lanes_stop(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		lane_proc_order(&s->lanes[i].proc, ORDER_STOP, STOP_ASKED);
}

static void abandon_rest(void *arg)
{
	struct supervisor *s = arg;
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		if (!s->lanes[i].process_gone && s->lanes[i].life < LANE_ENDED)
			sup_lane_abandon(&s->lanes[i]);
}

/* One that does not die sleeps in the kernel: it is left behind. */
void sup_lanes_kill(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		if (!s->lanes[i].process_gone)
			kill(s->lanes[i].proc.pid, SIGKILL);
	loop_timer_set(s->loop, &s->patience, clock_mono_ns() + KILL_WAIT_NS, abandon_rest, s);
}

void sup_lane_acked(struct sup_lane *lane)
{
	if (!lane->at.step_open || !(lane->open_step.flags & EVENT_ACK) || lane->stuck)
		return;
	lane->step_deadline_ns = clock_mono_ns() + lane->open_step.dur_ns;
	loop_timer_set(lane->sup->loop, &lane->deadline, lane->step_deadline_ns + SUP_GRACE_NS,
		sup_lane_on_deadline, lane);
}

/* Ends what still lives, without waiting for what cannot end. */
void sup_lanes_finish(struct supervisor *s)
{
	int64_t deadline = clock_mono_ns() + KILL_WAIT_NS;
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		struct sup_lane *lane = &s->lanes[i];

		loop_timer_clear(s->loop, &lane->deadline);
		/* the closed socket tells it to end; only one that does not is killed */
		if (lane->proc.fd >= 0 && !lane->socket_closed)
			loop_unwatch(s->loop, lane->proc.fd);
		lane_proc_hang_up(&lane->proc);
		if (!lane->process_gone && !lane->abandoned &&
			!lane_proc_wait(&lane->proc, deadline, &lane->exit_status))
			kill(lane->proc.pid, SIGKILL);
		lane_proc_close(&lane->proc);
		vec_finish(&lane->devices);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/progress.h"
#include "engine/telling.h"
#include "engine/writer.h"
#include "model/lane_device.h"
#include "model/step.h"
#include "model/unfinished.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KILL_WAIT_NS (2 * NS_PER_S)

uint32_t sup_lane_index(const struct sup_lane *lane)
{
	return (uint32_t)(lane - lane->sup->lanes);
}

/* ---- what a lane says, by kind ---- */

static void on_device(struct sup_lane *lane, const struct event *ev)
{
	const struct pcidev *known;
	struct pcidev *dev;

	if (lane->heir_prepares)
		return;
	dev = vec_push(&lane->devices);
	lane_device_unpack(ev, dev);
	known = pcidev_find(&lane->sup->topology, dev->bdf);
	if (known != NULL)
		*dev = *known;
	lane->at.devices = lane->devices.v;
	lane->at.ndevices = lane->devices.n;
}

static void on_fact(struct sup_lane *lane, const struct event *ev)
{
	if (str_eq(ev->subject, "qemu-log"))
		str_set(lane->qemu_log_path, ev->text);
	else
		*vec_push(&lane->sup->facts) = *ev;
}

/* Each time that a reset is judged anew the same is told. */
static bool is_old_news(struct supervisor *s, const struct event *ev)
{
	if (!str_eq(ev->reason, NOTE_ONCE))
		return false;
	vec_foreach (said, &s->notes_said)
		if (str_eq(*said, ev->text))
			return true;
	*vec_push(&s->notes_said) = xstrdup(ev->text);
	return false;
}

void sup_lane_note(struct sup_lane *lane, const struct event *ev)
{
	struct supervisor *s = lane->sup;
	char text[DETAIL_MAX];

	snprintf(text, sizeof(text), "%s: %s%s%s", lane->spec->name, ev->text,
		ev->hint[0] ? "; " : "", ev->hint);
	writer_note(s->writer, "note", text);
	progress_note(s->progress, "%s", text);
}

static void on_note(struct sup_lane *lane, const struct event *ev)
{
	if (is_old_news(lane->sup, ev))
		return;
	if (lane->sup->writer == NULL)
		*vec_push(&lane->sup->prepare_notes) = *ev;
	else
		sup_lane_note(lane, ev);
}

static void on_qemu_line(struct sup_lane *lane, const struct event *ev)
{
	sup_log_qemu_line(lane, ev->text);
}

static void on_blind_spot(struct sup_lane *lane, const struct event *ev)
{
	sup_witness_blind_spot(lane->sup, ev->text);
}

static void on_status_bits(struct sup_lane *lane, const struct event *ev)
{
	sup_witness_status(lane->sup, ev);
}

static void on_refused(struct sup_lane *lane, const struct event *ev)
{
	if (lane->heir_prepares) {
		if (lane->ending.text[0] == '\0')
			str_set(lane->ending.text, ev->text);
		return;
	}
	*vec_push(&lane->sup->prepare_notes) = *ev;
	lane->sup->refusals++;
}

static void on_prepared(struct sup_lane *lane, const struct event *ev)
{
	if (lane->heir_prepares) {
		sup_lane_heir_prepared(lane, ev);
		return;
	}
	lane->refused = ev->code > 0;
	if (lane->life == LANE_PREPARING)
		lane->life = LANE_PREPARED;
	if (sup_lanes_all(lane->sup, LANE_PREPARED))
		sup_begin_run(lane->sup);
}

static void show(struct sup_lane *lane, const char *word, const char *device)
{
	telling_lane(lane->sup->telling, sup_lane_index(lane), lane->at.cycle, word);
	if (*word != '\0')
		log_info("lane", "%s cycle %u: %s%s%s", lane->spec->name, lane->at.cycle, word,
			*device ? " " : "", device);
}

static void on_cycle_begin(struct sup_lane *lane, const struct event *ev)
{
	char text[160];

	lane->at.phase = PHASE_CYCLE;
	lane->at.cycle = ev->cycle;
	lane->last = *ev;
	lane->cycle_open = lane->progressed = true;
	lane->excused = false;
	sup_lane_stretch(lane, "the begin of a cycle", ev->mono_ns, SUP_BETWEEN_NS);
	snprintf(text, sizeof(text), "%s cycle %u", lane->spec->name, ev->cycle);
	sup_log_mark(lane->sup, text, false);
	show(lane, "", "");
}

const struct step *sup_lane_step(const struct sup_lane *lane, const struct event *ev)
{
	const struct scenario *sc = lane->sup->req->scenario;
	const struct step_list *list = ev->phase == PHASE_BEFORE ? &sc->before
		: ev->phase == PHASE_AFTER                       ? &sc->after
								 : &lane->spec->steps;

	return ev->step >= 0 && (size_t)ev->step < list->n ? &list->v[ev->step] : NULL;
}

static const char *word_of(const struct sup_lane *lane, const struct event *ev)
{
	const struct step *step = sup_lane_step(lane, ev);

	return step != NULL ? step->type->word.name : "?";
}

static void on_step_begin(struct sup_lane *lane, const struct event *ev)
{
	const struct step *step = sup_lane_step(lane, ev);
	char text[160];

	lane->open_step = lane->last = *ev;
	lane->progressed = true;
	if (ev->flags & EVENT_DISRUPTIVE)
		sup_lane_find_qemu(lane); /* no step is open yet: what was known is forgotten */
	lane->at.phase = (enum phase)ev->phase;
	lane->at.cycle = ev->cycle;
	lane->at.step_open = true;
	lane->at.recovering = false;
	lane->at.step_index = ev->step;
	lane->at.on_device = bdf_parse(ev->subject, &lane->at.device);
	lane->at.word = word_of(lane, ev);
	lane->at.arg = step ? step->arg : NULL;
	sup_lane_stretch(lane, lane->at.word, ev->mono_ns, ev->dur_ns);
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
	if (lane->at.step_open && ev->flags & EVENT_DISRUPTIVE)
		begin_tail(lane);
	lane->last = *ev;
	lane->at.step_open = false;
	sup_lane_stretch(lane, "the way to the next step", ev->mono_ns, SUP_BETWEEN_NS);
	if (ev->outcome == OUTCOME_FAIL || ev->outcome == OUTCOME_BROKEN)
		telling_failure(lane->sup->telling, sup_lane_index(lane), ev, word_of(lane, ev));
	show(lane, "", "");
}

static void on_cycle_end(struct sup_lane *lane, const struct event *ev)
{
	lane->cycle_open = false;
	if (ev->outcome == OUTCOME_PASS)
		lane->deaths = 0;
	sup_lane_stretch(lane, "the way to the next cycle", ev->mono_ns,
		SUP_BETWEEN_NS + lane->sup->req->scenario->settle_ms * NS_PER_MS);
	telling_cycle(lane->sup->telling, sup_lane_index(lane), (enum outcome)ev->outcome);
}

static void on_lane_end(struct sup_lane *lane, const struct event *ev)
{
	(void)ev;
	loop_timer_clear(lane->sup->loop, &lane->deadline);
	lane->at.running = lane->at.step_open = false;
	lane->at.phase = PHASE_NONE;
	lane->life = lane->abandoned ? LANE_ABANDONED : LANE_ENDED;
	telling_lane_over(lane->sup->telling, sup_lane_index(lane));
	sup_lane_over(lane->sup);
}

static void on_stretch(struct sup_lane *lane, const struct event *ev)
{
	lane->giving_back = ev->code == STRETCH_GIVE_BACK;
	lane->at.recovering = ev->code == STRETCH_RECOVER;
	if (lane->at.recovering)
		lane->at.on_device = bdf_parse(ev->subject, &lane->at.device);
	sup_lane_stretch(lane, ev->text, ev->mono_ns, ev->dur_ns);
}

static void on_more_time(struct sup_lane *lane, const struct event *ev)
{
	sup_lane_prolong(lane, ev->mono_ns + ev->dur_ns);
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
	[EV_BLIND_SPOT] = on_blind_spot,
	[EV_STATUS_BITS] = on_status_bits,
	[EV_STRETCH] = on_stretch,
	[EV_MORE_TIME] = on_more_time,
	[EV_UNDO] = sup_lane_note_undo,
	[EV_UNDO_DONE] = sup_lane_note_undo,
	[EV_BOOT_PROOF] = NULL, /* and the others: for the store alone */
};

/* Some are kept in another way: as a note, or a kernel log record; and a bound that stays is no news. */
static bool is_stored(const struct sup_lane *lane, const struct event *ev)
{
	switch (ev->kind) {
	case EV_LANE_NOTE:
	case EV_BLIND_SPOT:
	case EV_QEMU_LINE:
		return false;
	case EV_MORE_TIME:
		return ev->mono_ns + ev->dur_ns > lane->now.began_ns + lane->now.bound_ns;
	default:
		return true;
	}
}

void sup_lane_handle(struct supervisor *s, const struct event *ev, uint64_t klog_seq)
{
	struct sup_lane *lane = &s->lanes[ev->lane];

	/* what a lane says after its end, which may have been written by us, is history */
	if (lane->life >= LANE_ENDED && ev->kind != EV_UNDO_DONE)
		return;
	if (s->writer != NULL && is_stored(lane, ev))
		writer_event(s->writer, ev, klog_seq);
	if (s->writer != NULL)
		progress_event(s->progress, ev, word_of(lane, ev));
	if (ev->kind < ARRAY_SIZE(handlers) && handlers[ev->kind] != NULL)
		handlers[ev->kind](lane, ev);
	if (ev->flags & EVENT_ACK)
		lane->now.asked_ns = clock_mono_ns();
}

/* ---- all lanes ---- */

int sup_lane_watch(struct sup_lane *lane, struct err *err)
{
	struct loop *loop = lane->sup->loop;

	if (loop_watch(loop, lane->proc.fd, sup_lane_on_socket, lane, err) != 0)
		return -1;
	return loop_watch(loop, lane->proc.pidfd, sup_lane_on_process_end, lane, err);
}

static int start_lane(struct sup_lane *lane, struct err *err)
{
	const struct run_request *req = lane->sup->req;
	const struct lane_brief brief = {req->host, req->scenario, req->settings, req->nsettings};

	lane->keep = lane_keep_new(&lane->keep_fd, err);
	if (lane->keep == NULL)
		return -1;
	if (req->past != NULL) {
		lane->keep->cycle = req->past->trails[sup_lane_index(lane)].cycle;
		lane->keep->spent_ns = req->past->spent_ns;
	}
	if (lane_proc_start(&brief, sup_lane_index(lane), lane->keep_fd, &lane->proc, err) != 0)
		return -1;
	return sup_lane_watch(lane, err);
}

/* It had ended before the host died, or its last cycle had begun: it is only remembered. */
static void remember_lane(struct sup_lane *lane, const struct lane_row *row)
{
	size_t i;

	for (i = 0; i < row->ndevices; i++)
		*vec_push(&lane->devices) = row->devices[i];
	lane->at.devices = lane->devices.v;
	lane->at.ndevices = lane->devices.n;
	lane->process_gone = lane->socket_closed = true;
	lane->life = LANE_ENDED;
}

int sup_lanes_start(struct supervisor *s, struct err *err)
{
	const struct run_past *past = s->req->past;
	size_t i;

	s->lanes = xcalloc(s->req->scenario->nlanes, sizeof(s->lanes[0]));
	for (i = 0; i < s->req->scenario->nlanes; i++) {
		s->lanes[i] = (struct sup_lane){
			.sup = s,
			.spec = &s->req->scenario->lanes[i],
			.proc = {.fd = -1, .pidfd = -1},
			.keep_fd = -1,
		};
		s->nlanes++;
		if (past != NULL && past->over >> i & 1)
			remember_lane(&s->lanes[i], &past->view->lanes[i]);
		else if (start_lane(&s->lanes[i], err) != 0)
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
		if (s->lanes[i].life >= LANE_ENDED)
			continue;
		s->lanes[i].life = LANE_RUNNING;
		s->lanes[i].at.running = true;
		sup_qemu_open(&s->lanes[i]);
		sup_lane_stretch(&s->lanes[i], "its begin", clock_mono_ns(), SUP_BETWEEN_NS);
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
	sup_pump(s);
}

void sup_lanes_no_heirs(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		const struct event gone = {.lane = (uint32_t)i};

		if (s->lanes[i].heir_due)
			sup_enqueue(s, INBOX_LANE_GONE, &gone);
	}
}

/* A call of it that is in the kernel goes on without it: who has to live with that is told. */
static void cut_off(struct sup_lane *lane)
{
	lane->left_in_kernel = lane->life == LANE_RUNNING && sup_lane_in_kernel(lane);
	if (lane->left_in_kernel)
		sup_lane_evidence(lane);
	if (!lane->process_gone)
		kill(lane->proc.pid, SIGKILL);
}

/* One that does not die sleeps in the kernel: it is left behind. */
void sup_lanes_kill(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		cut_off(&s->lanes[i]);
	sup_lanes_no_heirs(s);
	loop_timer_set(s->loop, &s->patience, clock_mono_ns() + KILL_WAIT_NS, abandon_rest, s);
	sup_pump(s);
}

static bool is_open_step(const struct sup_lane *lane, uint32_t ask)
{
	return lane->at.step_open && lane->open_step.flags & EVENT_ACK &&
		lane->open_step.ask == ask;
}

static void undo_has_id(struct sup_lane *lane, uint64_t id)
{
	vec_foreach (rec, &lane->open_undo) {
		if (rec->id != 0)
			continue;
		rec->id = id;
		return;
	}
}

/* Told as if the lane had asked for it: whoever watches sees no bound that has passed. */
static void give_more_time(struct sup_lane *lane, int64_t extra_ns)
{
	struct event ev = lane->open_step;

	ev.kind = EV_MORE_TIME;
	ev.flags = 0;
	ev.mono_ns = clock_mono_ns();
	ev.wall_ns = clock_wall_ns();
	ev.dur_ns = lane->now.began_ns + lane->now.bound_ns + extra_ns - ev.mono_ns;
	sup_lane_handle(lane->sup, &ev, lane->sup->last_seq);
}

void sup_lane_acked(struct sup_lane *lane, uint32_t ask, uint64_t id)
{
	int64_t now = clock_mono_ns(), extra = 0;

	if (id != 0)
		undo_has_id(lane, id);
	if (ask == 0) { /* our own, behind all that the last process has said */
		if (lane->heir_due)
			sup_lane_start_heir(lane);
		return;
	}
	if (lane->now.asked_ns != 0)
		lane->now.began_ns += now - lane->now.asked_ns;
	lane->now.asked_ns = 0;
	if (is_open_step(lane, ask))
		extra = sup_fate_forecast(lane);
	sup_lane_arm(lane);
	if (extra > 0)
		give_more_time(lane, extra);
	lane_proc_answer(&lane->proc, ask, id != 0 ? id : (uint64_t)extra);
}

/* The closed socket tells a lane to end. */
static void hang_up(struct sup_lane *lane)
{
	loop_timer_clear(lane->sup->loop, &lane->deadline);
	sup_qemu_close(lane);
	if (lane->proc.fd >= 0 && !lane->socket_closed)
		loop_unwatch(lane->sup->loop, lane->proc.fd);
	lane->socket_closed = true;
	lane_proc_hang_up(&lane->proc);
}

void sup_lanes_hang_up(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		hang_up(&s->lanes[i]);
}

/* One that sleeps in the kernel is not waited for. True: it had to be killed. */
static bool end_process(struct sup_lane *lane, int64_t deadline_ns, int64_t killed_until_ns)
{
	if (lane->proc.pidfd < 0 || lane->process_gone || lane->abandoned)
		return false;
	if (lane_proc_wait(&lane->proc, deadline_ns, &lane->exit_status))
		return false;
	/* `undo` needs its locks, which go with it */
	kill(lane->proc.pid, SIGKILL);
	(void)!lane_proc_wait(&lane->proc, killed_until_ns, &lane->exit_status);
	return true;
}

static void finish_lane(struct sup_lane *lane)
{
	lane_proc_close(&lane->proc);
	vec_finish(&lane->devices);
	vec_finish(&lane->open_undo);
	lane_keep_free(lane->keep);
	if (lane->keep_fd >= 0)
		close(lane->keep_fd);
	lane->keep = NULL;
	lane->keep_fd = -1;
}

size_t sup_lanes_finish(struct supervisor *s, const struct way_out *out)
{
	int64_t deadline_ns = way_out_ask_until(out, KILL_WAIT_NS);
	size_t i, killed = 0;

	sup_lanes_hang_up(s);
	for (i = 0; i < s->nlanes; i++) {
		killed += end_process(&s->lanes[i], deadline_ns, out->until_ns);
		finish_lane(&s->lanes[i]);
	}
	return killed;
}

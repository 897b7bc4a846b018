/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/evidence.h"
#include "engine/progress.h"
#include "engine/writer.h"
#include "world/qemuproc.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/*
 * The ladder, for a step as for what is between two of them: a lane gives up by itself at the bound;
 * a little later we take evidence. While the kernel sleeps, or another lane holds what it needs, it
 * has as long once more. Then it is killed, and what cannot be killed is abandoned. SIGTERM is no
 * rung: a lane ignores it, because a service manager sends it to all.
 */
#define GRACE_NS     (5 * NS_PER_S)
#define RECHECK_NS   (10 * NS_PER_S)
#define SOON_NS      NS_PER_S
#define KILL_WAIT_NS (2 * NS_PER_S)
#define BOUND_MAX_NS (INT64_C(366) * 86400 * NS_PER_S)

/* ---- what it says ---- */

static void receive_all(struct sup_lane *lane)
{
	struct event ev;
	int rc = 0;

	while (!lane->socket_closed && (rc = lane_proc_receive(&lane->proc, &ev)) == 1) {
		ev.lane = sup_lane_index(lane); /* a lane speaks for itself only */
		sup_enqueue(lane->sup, INBOX_EVENT, &ev);
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

static void enqueue_gone(struct sup_lane *lane)
{
	const struct event gone = {.lane = sup_lane_index(lane)};

	sup_enqueue(lane->sup, INBOX_LANE_GONE, &gone);
}

void sup_lane_on_process_end(void *arg)
{
	struct sup_lane *lane = arg;

	if (lane->process_gone || !lane_proc_wait(&lane->proc, 0, &lane->exit_status))
		return;
	lane->process_gone = true;
	loop_unwatch(lane->sup->loop, lane->proc.pidfd);
	receive_all(lane); /* everything that it said before */
	enqueue_gone(lane);
	sup_pump(lane->sup);
}

/* Does something wait in the inbox that ends its stretch, or prolongs it? */
static bool has_moved_on(const struct sup_lane *lane)
{
	const struct supervisor *s = lane->sup;
	size_t i;

	for (i = s->inbox_head; i < s->inbox.n; i++) {
		const struct inbox_item *item = &s->inbox.v[i];

		if (item->kind == INBOX_MILESTONE || item->ev.lane != sup_lane_index(lane))
			continue;
		if (item->kind == INBOX_LANE_GONE)
			return true;
		switch (item->ev.kind) {
		case EV_CYCLE_BEGIN:
		case EV_CYCLE_END:
		case EV_LANE_END:
		case EV_LANE_PREPARED:
		case EV_STEP_BEGIN:
		case EV_STEP_END:
		case EV_STRETCH:
		case EV_MORE_TIME:
			return true;
		default:
			break;
		}
	}
	return false;
}

/* ---- the rungs ---- */

/* While it is stopped, libvirt takes the pid file away before QEMU is gone: then what was known counts. */
void sup_lane_find_qemu(struct sup_lane *lane)
{
	const struct run_request *req = lane->sup->req;
	pid_t pid = 0;

	if (lane->spec->domain != NULL && !str_starts(req->scenario->connect, "test:"))
		pid = qemuproc_hint(req->host, lane->spec->domain);
	if (pid != 0 || !lane->at.step_open)
		lane->qemu = pid;
}

bool sup_lane_in_kernel(struct sup_lane *lane)
{
	sup_lane_find_qemu(lane);
	return (!lane->process_gone && evidence_in_kernel(lane->proc.pid)) ||
		(lane->qemu != 0 && evidence_in_kernel(lane->qemu));
}

void sup_lane_abandon(struct sup_lane *lane)
{
	struct sup_ending *end = &lane->ending;

	if (!end->set)
		snprintf(end->text, sizeof(end->text), "%s did not end", lane->now.what);
	snprintf(end->text + strlen(end->text), sizeof(end->text) - strlen(end->text),
		", and its process cannot be killed: it sleeps in the kernel");
	end->set = end->for_good = true;
	end->outcome = OUTCOME_FAIL;
	end->reason = "wedged";
	end->hint = "do not use the device or start its VM; the host must be rebooted";
	lane->abandoned = true;
	if (!lane->socket_closed)
		loop_unwatch(lane->sup->loop, lane->proc.fd);
	lane->socket_closed = true;
	enqueue_gone(lane);
	progress_note(lane->sup->progress, "%s: %s; abandoned", lane->spec->name, end->text);
}

static void on_unkillable(void *arg)
{
	struct sup_lane *lane = arg;

	sup_lane_abandon(lane);
	sup_pump(lane->sup);
}

/*
 * In the kernel, the call goes on when its process is dead: nobody may touch what it holds. Held up
 * by another lane, it is not to blame for that.
 */
static void decide_ending(struct sup_lane *lane, bool in_kernel)
{
	struct sup_ending *end = &lane->ending;
	bool held = sup_fate_is_held(lane);
	char behind[128] = "";

	*end = (struct sup_ending){.set = true, .for_good = in_kernel, .hint = ""};
	end->outcome = held ? OUTCOME_BROKEN : OUTCOME_FAIL;
	end->reason = held ? "blocked" : in_kernel ? "wedged" : "timeout";
	if (in_kernel)
		end->hint = "a call of it is still in the kernel: do not use the device or start "
			    "its VM before the host was rebooted";
	if (held)
		sup_fate_text(lane, behind, sizeof(behind));
	snprintf(end->text, sizeof(end->text), "%s did not end within %" PRId64 " s%s",
		lane->now.what, (clock_mono_ns() - lane->now.began_ns) / NS_PER_S, behind);
}

static void end_overdue(struct sup_lane *lane, bool in_kernel)
{
	if (lane->process_gone) { /* an heir that could not begin */
		enqueue_gone(lane);
		sup_pump(lane->sup);
		return;
	}
	decide_ending(lane, in_kernel);
	lane->killed = true;
	kill(lane->proc.pid, SIGKILL);
	loop_timer_set(lane->sup->loop, &lane->deadline, clock_mono_ns() + KILL_WAIT_NS,
		on_unkillable, lane);
}

/* A note for each line. */
static void note_lines(struct sup_lane *lane, const char *whose, const struct str *text)
{
	char *line, *end;

	for (line = text->s; line != NULL && *line != '\0'; line = end) {
		char note[DETAIL_MAX];

		end = line + strcspn(line, "\n");
		if (*end != '\0')
			*end++ = '\0';
		snprintf(note, sizeof(note), "%s, stuck in %s: %s: %s", lane->spec->name,
			lane->now.what, whose, line);
		writer_note(lane->sup->writer, "note", note);
	}
}

static void note_process(struct sup_lane *lane, const char *whose, pid_t pid)
{
	struct str text = {0};

	evidence_collect(pid, &text);
	evidence_files(pid, &text);
	note_lines(lane, whose, &text);
	str_finish(&text);
}

static void note_holders(struct sup_lane *lane)
{
	struct str text = {0};

	evidence_holders(lane->sup->req->host, lane->devices.v, lane->devices.n, &text);
	note_lines(lane, "its devices", &text);
	str_finish(&text);
}

/* Once a run: the log is everybody's. */
static void ask_kernel(struct supervisor *s)
{
	if (s->kernel_asked || s->kmsg == NULL)
		return;
	s->kernel_asked = true;
	if (evidence_ask_kernel(s->req->host))
		writer_note(s->writer, "note",
			"the kernel was asked for its sleeping tasks (sysrq w): see its log");
}

void sup_lane_evidence(struct sup_lane *lane)
{
	sup_lane_find_qemu(lane);
	if (!lane->process_gone)
		note_process(lane, "the lane", lane->proc.pid);
	if (lane->qemu != 0)
		note_process(lane, "QEMU", lane->qemu);
	note_holders(lane);
	if (sup_lane_in_kernel(lane))
		ask_kernel(lane->sup);
}

static void on_deadline(void *arg);

static void look_again(struct sup_lane *lane, int64_t when_ns)
{
	loop_timer_set(lane->sup->loop, &lane->deadline, when_ns, on_deadline, lane);
}

static void on_deadline(void *arg)
{
	struct sup_lane *lane = arg;
	struct sup_stretch *st = &lane->now;
	int64_t now = clock_mono_ns(), bound = st->bound_ns, due;
	bool in_kernel;

	/* after a stall of ours the end may be there already, unread or waiting for the kernel log */
	receive_all(lane);
	if (has_moved_on(lane)) {
		look_again(lane, now + SOON_NS);
		sup_pump(lane->sup);
		return;
	}
	sup_fate_look(lane->sup);
	due = st->began_ns + bound + sup_fate_extra(lane) + GRACE_NS;
	if (st->asked_ns != 0 || now < due) {
		look_again(lane, st->asked_ns != 0 ? now + RECHECK_NS : due);
		return;
	}
	if (!st->overdue) {
		progress_note(lane->sup->progress, "%s: %s is overdue", lane->spec->name, st->what);
		sup_lane_evidence(lane);
	}
	st->overdue = true;
	in_kernel = sup_lane_in_kernel(lane);
	if ((in_kernel || sup_fate_is_held(lane)) && now < st->began_ns + 2 * (bound + GRACE_NS))
		look_again(lane, now + RECHECK_NS);
	else
		end_overdue(lane, in_kernel);
}

void sup_lane_arm(struct sup_lane *lane)
{
	look_again(lane, lane->now.began_ns + lane->now.bound_ns + GRACE_NS);
}

void sup_lane_stretch(struct sup_lane *lane, const char *what, int64_t began_ns, int64_t bound_ns)
{
	/* what it did until now may have held up others to the last moment */
	sup_fate_look(lane->sup);
	lane->now = (struct sup_stretch){
		.began_ns = began_ns,
		.bound_ns = bound_ns < 0 || bound_ns > BOUND_MAX_NS ? BOUND_MAX_NS : bound_ns,
		.held_until_ns = began_ns,
	};
	str_set(lane->now.what, what);
	sup_lane_arm(lane);
}

void sup_lane_prolong(struct sup_lane *lane, int64_t until_ns)
{
	int64_t bound_ns = until_ns - lane->now.began_ns;

	if (bound_ns <= lane->now.bound_ns)
		return;
	lane->now.bound_ns = bound_ns > BOUND_MAX_NS ? BOUND_MAX_NS : bound_ns;
	sup_lane_arm(lane);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the supervisor makes of lanes that hang, with a clock that stands still until it is moved. The
 * lanes' processes are this program again: one sleeps in the kernel, the others wait.
 */
#include "engine/supervisor.h"
#include "engine/telling.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/progress.h"
#include "engine/scenario_rules.h"
#include "engine/vocabulary.h"
#include "engine/writer.h"
#include "klog/rules.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "model/step.h"
#include "world/tail.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 (100000 * NS_PER_S)

enum { ASLEEP, AWAKE }; /* which lane's process does what */

static const char text[] = "version: 1\n"
			   "name: two\n"
			   "connect: qemu:///system\n"
			   "lanes: [{name: asleep, domain: test, ready: {delay: 1s}}, {name: "
			   "awake, domain: other, ready: {delay: 1s}}]\n"
			   "steps: [start, {hold: 1s}, destroy]\n";

struct world {
	struct host host;
	struct scenario *sc;
	struct run_request req;
	struct supervisor s;
	char dir[64], db[96];
	int quiet_fd;
	size_t killed; /* lanes, at the end */
};

static void stop(void *arg)
{
	loop_stop(arg);
}

/* Lets all happen that is due or has come. */
static void let_happen(struct world *w)
{
	struct loop_timer last = {0};
	struct err err;

	loop_timer_set(w->s.loop, &last, clock_mono_ns(), stop, w->s.loop);
	assert_int_equal(loop_run(w->s.loop, &err), 0);
}

/* Time goes by as in a run: once a second it is looked at who holds up whom. */
static void pass(struct world *w, int seconds)
{
	while (seconds-- > 0) {
		clock_test_advance(NS_PER_S);
		sup_fate_look(&w->s);
		let_happen(w);
	}
}

static void await_either(struct world *w, int a, int b)
{
	struct pollfd p[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};

	assert_true(poll(p, 2, 20000) > 0);
	let_happen(w);
}

static void await_fd(struct world *w, int fd)
{
	await_either(w, fd, -1);
}

/* And dead. */
static void pass_until_killed(struct world *w, struct sup_lane *lane, int seconds)
{
	while (!lane->killed && seconds-- > 0)
		pass(w, 1);
	assert_true(lane->killed);
	while (!lane->process_gone)
		await_fd(w, lane->proc.pidfd);
}

static void on_writer(void *arg)
{
	struct supervisor *s = arg;
	struct writer_ack ack;

	while (writer_next_ack(s->writer, &ack))
		sup_lane_acked(&s->lanes[ack.lane], ack.ask, ack.id);
}

static void begin(struct world *w)
{
	struct lane_begin lanes[2] = {0};
	struct run_begin run = {.id = "run", .settings = "", .tool_version = "", .boot_id = ""};
	struct diags diags = {0};
	struct err err;

	*w = (struct world){.host = {.kmsg = "/dev/null"}};
	str_set(w->dir, "/tmp/sup_lanes.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->host.root = w->dir;
	snprintf(w->db, sizeof(w->db), "%s/runs.db", w->dir);
	w->sc = scenario_parse(
		"two.yaml", text, strlen(text), NULL, 0, &words_of_this_build, &diags);
	assert_non_null(w->sc);
	w->req = (struct run_request){.host = &w->host, .scenario = w->sc};
	w->s.req = &w->req;
	w->quiet_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	w->s.progress = progress_new_on(w->sc, w->quiet_fd, true);
	assert_int_equal(loop_open(&w->s.loop, &err), 0);
	assert_int_equal(store_open(w->db, STORE_CREATE, &w->s.store, &err), 0);
	lanes[0].spec = &w->sc->lanes[0];
	lanes[1].spec = &w->sc->lanes[1];
	run.scenario = w->sc;
	run.lanes = lanes;
	assert_int_equal(store_run_begin(w->s.store, &run, &w->s.run, &err), 0);
	w->s.writer = writer_start(w->s.store, w->s.run, "");
	w->s.telling = telling_begin(&w->req, w->s.writer,
		&(struct told_run){.id = "run", .host = "host", .db = w->db, .previous = -1});
	assert_int_equal(loop_watch(w->s.loop, writer_fd(w->s.writer), on_writer, &w->s, &err), 0);
	clock_test_set(T0);
	assert_int_equal(sup_lanes_start(&w->s, &err), 0);
	while (w->s.facts.n < 2)
		await_either(w, w->s.lanes[ASLEEP].proc.fd, w->s.lanes[AWAKE].proc.fd);
	sup_lanes_go(&w->s);
}

/* Ends the lanes, and reads what was written down. */
static struct run_view *look_back(struct world *w)
{
	struct run_view *view;
	struct way_out out;
	struct err err;

	clock_test_set(0);
	out = way_out_begin();
	w->killed = sup_lanes_finish(&w->s, &out);
	assert_int_equal(writer_stop(w->s.writer, 5000, &w->s.store), 0);
	assert_int_equal(run_view_load(w->s.store, "run", &view, &err), 0);
	return view;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void finish(struct world *w, struct run_view *view)
{

	run_view_free(view);
	store_close(w->s.store);
	loop_close(w->s.loop);
	telling_end(w->s.telling, &(struct way_out){0});
	progress_free(w->s.progress);
	close(w->quiet_fd);
	scenario_free(w->sc);
	vec_finish(&w->s.inbox);
	vec_finish(&w->s.facts);
	free(w->s.lanes);
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The lane says something now; returns the event for its details. */
static void says(struct world *w, uint32_t lane, const struct event *what)
{
	struct event ev = *what;

	ev.lane = lane;
	ev.cycle = ev.phase == PHASE_CYCLE ? 1 : 0;
	ev.mono_ns = clock_mono_ns();
	sup_enqueue(&w->s, INBOX_EVENT, &ev);
	sup_pump(&w->s);
}

static void begins_step(struct world *w, uint32_t lane, int32_t step, int seconds)
{
	const struct event ev = {
		.kind = EV_STEP_BEGIN,
		.phase = PHASE_CYCLE,
		.step = step,
		.flags = step == 1 ? 0 : EVENT_DISRUPTIVE,
		.dur_ns = seconds * NS_PER_S,
	};

	says(w, lane, &ev);
}

static void ends_step(
	struct world *w, uint32_t lane, int32_t step, enum outcome outcome, const char *reason)
{
	struct event ev = {
		.kind = EV_STEP_END,
		.phase = PHASE_CYCLE,
		.step = step,
		.flags = step == 1 ? 0 : EVENT_DISRUPTIVE,
		.outcome = (uint8_t)outcome,
	};

	str_set(ev.reason, reason);
	str_set(ev.text, reason);
	says(w, lane, &ev);
}

static void begins_cycle(struct world *w, uint32_t lane)
{
	says(w, lane, &(struct event){.kind = EV_CYCLE_BEGIN, .phase = PHASE_CYCLE, .step = -1});
}

static void fails_cycle(struct world *w, uint32_t lane)
{
	says(w, lane,
		&(struct event){.kind = EV_CYCLE_END,
			.phase = PHASE_CYCLE,
			.step = -1,
			.outcome = OUTCOME_FAIL});
	says(w, lane, &(struct event){.kind = EV_LANE_END, .step = -1, .outcome = OUTCOME_FAIL});
}

static const struct failure_row *failure_of(const struct run_view *view, int32_t lane)
{
	size_t i;

	for (i = 0; i < view->nfailures; i++)
		if (view->failures[i].lane == lane)
			return &view->failures[i];
	fail_msg("lane %d has no failure", lane);
	return NULL;
}

/* ---- deadlines ---- */

static void ends_at_its_bound(const struct event *last_word, int seconds, const char *reason)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_step(&w, ASLEEP, 1, 3000); /* which holds up nobody */
	if (last_word != NULL)
		says(&w, AWAKE, last_word);
	pass(&w, seconds - 1);
	assert_false(lane->killed);
	pass_until_killed(&w, lane, 2);
	assert_int_equal(lane->life, LANE_ENDED);
	view = look_back(&w);
	assert_int_equal(view->lanes[AWAKE].end, OUTCOME_FAIL);
	assert_non_null(strstr(view->lanes[AWAKE].reason, reason));
	finish(&w, view);
}

static void a_lane_that_never_begins_is_ended(void **state)
{
	(void)state;
	ends_at_its_bound(NULL, 125, "its begin did not end within");
}

static void a_lane_that_hangs_between_two_steps_is_ended(void **state)
{
	const struct event end = {.kind = EV_STEP_END, .phase = PHASE_CYCLE, .step = 0};

	(void)state;
	ends_at_its_bound(&end, 125, "the way to the next step did not end within");
}

static void a_lane_that_hangs_while_it_gives_the_host_back_is_ended(void **state)
{
	const struct event ev = {.kind = EV_STRETCH,
		.code = STRETCH_GIVE_BACK,
		.dur_ns = 300 * NS_PER_S,
		.text = "giving the host back"};

	(void)state;
	ends_at_its_bound(&ev, 305, "giving the host back did not end within");
}

/* How often what it is at was given more time, as whoever watches the run reads it. */
static unsigned stored_extensions(const struct run_view *view, uint32_t lane)
{
	struct run_rows *rows = run_events(view, EVENTS_OF(EV_MORE_TIME));
	struct event ev;
	struct err err;
	unsigned n = 0;

	while (run_events_next(rows, &ev, &err) == 1)
		n += ev.lane == lane;
	run_rows_free(rows);
	return n;
}

static void while_a_lane_waits_for_the_disk_its_time_stands_still(void **state)
{
	const struct event begin_ev = {.kind = EV_STEP_BEGIN,
		.phase = PHASE_CYCLE,
		.step = 0,
		.flags = EVENT_DISRUPTIVE | EVENT_ACK,
		.ask = 7,
		.dur_ns = 20 * NS_PER_S};
	struct sup_lane *lane;
	struct world w;

	(void)state;
	begin(&w);
	loop_unwatch(w.s.loop, writer_fd(w.s.writer)); /* the disk does not answer */
	lane = &w.s.lanes[AWAKE];
	begins_step(&w, ASLEEP, 1, 3000);
	says(&w, AWAKE, &begin_ev);
	pass(&w, 50);
	assert_false(lane->now.overdue);
	sup_lane_acked(lane, 7, 0);
	pass(&w, 24);
	assert_false(lane->now.overdue);
	pass_until_killed(&w, lane, 2);
	finish(&w, look_back(&w));
}

static void asks_for_time(struct world *w, uint32_t lane, int seconds)
{
	const struct event ev = {.kind = EV_MORE_TIME,
		.phase = PHASE_CYCLE,
		.step = 0,
		.dur_ns = seconds * NS_PER_S};

	says(w, lane, &ev);
}

/* A look at silent neighbours takes longer than the step that silenced them. */
static void a_lane_that_asks_for_time_is_not_killed_at_the_bound_of_its_step(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_cycle(&w, AWAKE);
	begins_step(&w, ASLEEP, 1, 3000);
	begins_step(&w, AWAKE, 2, 2);
	pass(&w, 6);
	asks_for_time(&w, AWAKE, 43);
	asks_for_time(&w, AWAKE, 1); /* less than it has is no loss */
	pass(&w, 46);
	assert_false(lane->now.overdue);
	ends_step(&w, AWAKE, 2, OUTCOME_FAIL, "neighbour-differs");
	begins_step(&w, AWAKE, 2, 2);
	asks_for_time(&w, AWAKE, 43);
	pass(&w, 47);
	assert_false(lane->killed);
	pass_until_killed(&w, lane, 2);
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "neighbour-differs");
	assert_int_equal(stored_extensions(view, AWAKE), 2);
	finish(&w, view);
}

static void what_sleeps_in_the_kernel_is_given_twice_the_time_and_then_left_alone(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[ASLEEP];
	begins_cycle(&w, ASLEEP);
	begins_step(&w, ASLEEP, 0, 30);
	pass(&w, 40);
	assert_true(lane->now.overdue);
	assert_false(lane->killed);
	pass_until_killed(&w, lane, 41);
	assert_int_equal(lane->life, LANE_ENDED);
	view = look_back(&w);
	assert_string_equal(failure_of(view, ASLEEP)->reason, "wedged");
	assert_int_equal(view->lanes[ASLEEP].steps[1].skipped, 1);
	assert_int_equal(view->lanes[ASLEEP].steps[2].skipped, 1);
	assert_int_equal(view->lanes[ASLEEP].cycles_failed, 1);
	finish(&w, view);
}

static void a_process_that_cannot_be_killed_is_abandoned(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;
	pid_t pid;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_cycle(&w, AWAKE);
	begins_step(&w, AWAKE, 1, 10);
	pid = lane->proc.pid;
	loop_unwatch(w.s.loop, lane->proc.pidfd); /* its death is never seen */
	pass(&w, 20);
	assert_true(lane->abandoned);
	assert_int_equal(lane->life, LANE_ABANDONED);
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "wedged");
	assert_int_equal(view->lanes[AWAKE].end, OUTCOME_FAIL);
	finish(&w, view);
	kill(pid, SIGKILL);
}

static void put_file(const struct world *w, const char *path, const char *what)
{
	char full[160];
	char *slash;
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", w->dir, path);
	for (slash = strchr(full + strlen(w->dir) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)!mkdir(full, 0700);
		*slash = '/';
	}
	f = fopen(full, "we");
	assert_non_null(f);
	fputs(what, f);
	fclose(f);
}

static bool is_noted(const struct run_view *view, const char *what)
{
	size_t i;

	for (i = 0; i < view->notes.n; i++)
		if (strstr(view->notes.v[i], what) != NULL)
			return true;
	return false;
}

/* The lane's own process waits for libvirt then, and shows nothing. */
static void a_qemu_that_sleeps_in_the_kernel_is_seen(void **state)
{
	char path[64], pid[16];
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	snprintf(pid, sizeof(pid), "%d", (int)w.s.lanes[ASLEEP].proc.pid);
	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	put_file(&w, path, "qemu-system-x86\n");
	put_file(&w, "run/libvirt/qemu/other.pid", pid);
	begins_step(&w, ASLEEP, 1, 3000);
	begins_step(&w, AWAKE, 2, 30);
	pass(&w, 40);
	assert_true(lane->now.overdue);
	assert_false(lane->killed);
	put_file(&w, "run/libvirt/qemu/other.pid", ""); /* as libvirt does before it is gone */
	pass_until_killed(&w, lane, 41);
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "wedged");
	assert_true(is_noted(view, "awake, stuck in destroy: QEMU: 1 task"));
	finish(&w, view);
}

/* ---- shared fate ---- */

static void a_time_out_beside_a_lane_that_sleeps_in_the_kernel_is_not_blamed(void **state)
{
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	begins_cycle(&w, AWAKE);
	begins_step(&w, ASLEEP, 0, 200);
	pass(&w, 5);
	begins_step(&w, AWAKE, 2, 60);
	pass(&w, 25);
	asks_for_time(&w, AWAKE, 43); /* its neighbours are looked at all the same */
	ends_step(&w, AWAKE, 2, OUTCOME_FAIL, "stop-failed");
	fails_cycle(&w, AWAKE);
	view = look_back(&w);
	assert_int_equal(failure_of(view, AWAKE)->outcome, OUTCOME_BROKEN);
	assert_string_equal(failure_of(view, AWAKE)->reason, "blocked");
	assert_non_null(strstr(failure_of(view, AWAKE)->detail,
		"stop-failed: blocked behind lane 'asleep', for 25 s"));
	assert_int_equal(view->lanes[AWAKE].end, OUTCOME_BROKEN);
	assert_int_equal(view->lanes[AWAKE].cycles_failed, 1);
	finish(&w, view);
}

static void one_that_let_go_just_before_still_counts(void **state)
{
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	begins_step(&w, ASLEEP, 0, 200);
	begins_step(&w, AWAKE, 0, 60);
	pass(&w, 30);
	ends_step(&w, ASLEEP, 0, OUTCOME_PASS, "");
	pass(&w, 10);
	ends_step(&w, AWAKE, 0, OUTCOME_FAIL, "not-ready");
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "blocked");
	assert_non_null(strstr(failure_of(view, AWAKE)->detail, "for 30 s"));
	finish(&w, view);
}

static void what_is_no_time_out_or_needs_no_lock_is_the_lanes_own(void **state)
{
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	begins_step(&w, ASLEEP, 0, 200);
	begins_step(&w, AWAKE, 0, 60);
	pass(&w, 30);
	ends_step(&w, AWAKE, 0, OUTCOME_FAIL, "guest-panicked");
	begins_step(&w, AWAKE, 1, 60);
	pass(&w, 30);
	ends_step(&w, AWAKE, 1, OUTCOME_FAIL, "timeout");
	/* and the one that holds up the other is not held up by it */
	ends_step(&w, ASLEEP, 0, OUTCOME_FAIL, "not-ready");
	view = look_back(&w);
	assert_int_equal(view->nfailures, 3);
	assert_string_equal(view->failures[0].reason, "guest-panicked");
	assert_string_equal(view->failures[1].reason, "timeout");
	assert_string_equal(view->failures[2].reason, "not-ready");
	finish(&w, view);
}

static void who_is_held_up_gets_the_time_back(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_step(&w, ASLEEP, 0, 200);
	begins_step(&w, AWAKE, 0, 60);
	pass(&w, 40);
	ends_step(&w, ASLEEP, 0, OUTCOME_PASS, "");
	begins_step(&w, ASLEEP, 1, 3000);
	pass(&w, 60); /* of its 60 s it has had 60 now */
	assert_false(lane->now.overdue);
	pass_until_killed(&w, lane, 6);
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "timeout");
	finish(&w, view);
}

static void who_is_held_up_to_the_end_is_ended_without_blame(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_step(&w, AWAKE, 0, 60);
	pass(&w, 1);
	begins_step(&w, ASLEEP, 0, 3000);
	pass(&w, 123);
	assert_false(lane->killed);
	pass_until_killed(&w, lane, 12);
	view = look_back(&w);
	assert_string_equal(failure_of(view, AWAKE)->reason, "blocked");
	assert_int_equal(failure_of(view, AWAKE)->outcome, OUTCOME_BROKEN);
	finish(&w, view);
}

static void a_step_that_begins_behind_another_is_told_how_long_that_may_take(void **state)
{
	struct sup_lane *lane;
	struct run_view *view;
	struct world w;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	begins_step(&w, ASLEEP, 0, 100);
	pass(&w, 20);
	begins_step(&w, AWAKE, 0, 200);
	assert_int_equal(sup_fate_forecast(lane), 80 * NS_PER_S);
	begins_step(&w, AWAKE, 0, 30);
	assert_int_equal(sup_fate_forecast(lane), 30 * NS_PER_S);
	begins_step(&w, AWAKE, 1, 30);
	assert_int_equal(sup_fate_forecast(lane), 0);
	lane->open_step.step = 0;
	lane->open_step.flags = EVENT_ACK;
	lane->open_step.ask = 7;
	sup_lane_acked(lane, 7, 0);
	assert_int_equal(lane->now.bound_ns, 60 * NS_PER_S);
	view = look_back(&w);
	assert_int_equal(stored_extensions(view, AWAKE), 1);
	finish(&w, view);
}

/* ---- who goes on ---- */

static bool was_told_to_stop(const struct world *w, uint32_t lane)
{
	vec_foreach (fact, &w->s.facts)
		if (fact->lane == lane && str_eq(fact->subject, "told to stop"))
			return true;
	return false;
}

/* Else a run that was told to stop would go on with its cycles. */
static void a_stop_reaches_the_process_that_takes_over(void **state)
{
	struct sup_lane *lane;
	struct world w;

	(void)state;
	begin(&w);
	w.sc->on_failure = ON_FAILURE_CONTINUE;
	lane = &w.s.lanes[AWAKE];
	begins_cycle(&w, AWAKE);
	begins_step(&w, AWAKE, 0, 30);
	loop_unwatch(w.s.loop, writer_fd(w.s.writer)); /* the disk takes its time */
	kill(lane->proc.pid, SIGKILL);
	await_fd(&w, lane->proc.pidfd);
	assert_true(lane->heir_due);
	w.s.interrupts = 1;
	sup_lanes_stop(&w.s);
	sup_lane_acked(lane, 0, 0);
	assert_int_equal(lane->keep->task, HEIR_CYCLES);
	while (!was_told_to_stop(&w, AWAKE))
		await_fd(&w, lane->proc.fd);
	finish(&w, look_back(&w));
}

/* ---- the end ---- */

/* They have said that they have ended, and hang: in libvirt, for one. */
static void lanes_that_do_not_go_away_share_one_deadline(void **state)
{
	pid_t pids[2];
	int64_t began_ns;
	struct world w;
	int i;

	(void)state;
	begin(&w);
	for (i = 0; i < 2; i++) {
		pids[i] = w.s.lanes[i].proc.pid;
		kill(pids[i], SIGSTOP);
	}
	clock_test_set(0);
	began_ns = clock_mono_ns();
	finish(&w, look_back(&w));
	assert_int_equal(w.killed, 2);
	assert_true(clock_mono_ns() - began_ns < 4 * NS_PER_S); /* 2 s, as one alone */
	for (i = 0; i < 2; i++)
		assert_int_equal(kill(pids[i], 0), -1);
}

/* ---- QEMU's log ---- */

static const char stuck[] =
	"2026-11-21T00:25:27.123456Z qemu-system-x86_64: vfio: Unable to power on "
	"device, stuck in D3\n";

/* It names no device: only who says it tells whose it is. */
static void a_line_of_qemu_is_its_lanes_while_the_step_goes_on(void **state)
{
	struct diags diags = {0};
	struct sup_lane *lane;
	struct run_view *view;
	struct rules *rules;
	struct world w;
	int log;

	(void)state;
	begin(&w);
	rules = scenario_rules(w.sc, &diags);
	assert_non_null(rules);
	w.req.rules = rules;
	w.host.kmsg = "/nonexistent"; /* whose moment need not be waited for */
	sup_log_open(&w.s);
	lane = &w.s.lanes[AWAKE];
	snprintf(lane->qemu_log_path, sizeof(lane->qemu_log_path), "%s/qemu.log", w.dir);
	log = open(lane->qemu_log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(write(log, "before the run\n", 15) == 15);
	sup_qemu_open(lane);
	begins_step(&w, ASLEEP, 1, 3000);
	begins_step(&w, AWAKE, 1, 3000);
	assert_true(write(log, stuck, strlen(stuck)) == (ssize_t)strlen(stuck));
	await_fd(&w, tail_fd(lane->qemu_log));
	sup_log_close(&w.s);
	view = look_back(&w);
	assert_int_equal(view->nincidents, 1);
	assert_string_equal(view->incidents[0].id, "qemu.stuck-d3");
	assert_int_equal(view->incidents[0].place.lane, AWAKE);
	assert_string_equal(view->incidents[0].place.step, "hold");
	close(log);
	finish(&w, view);
	rules_free(rules);
}

static void what_qemu_said_in_a_step_comes_before_the_steps_end(void **state)
{
	struct sup_lane *lane;
	struct world w;
	int log, i;

	(void)state;
	begin(&w);
	lane = &w.s.lanes[AWAKE];
	snprintf(lane->qemu_log_path, sizeof(lane->qemu_log_path), "%s/qemu.log", w.dir);
	log = open(lane->qemu_log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	sup_qemu_open(lane);
	for (i = 0; i < 3; i++)
		assert_true(write(log, "words\n", 6) == 6);
	sup_enqueue(&w.s, INBOX_EVENT,
		&(struct event){.kind = EV_STEP_END, .lane = AWAKE, .phase = PHASE_CYCLE});
	assert_int_equal(w.s.inbox.n, 4);
	assert_int_equal(w.s.inbox.v[2].ev.kind, EV_QEMU_LINE);
	assert_int_equal(w.s.inbox.v[2].ev.lane, AWAKE);
	assert_int_equal(w.s.inbox.v[3].ev.kind, EV_STEP_END);
	w.s.inbox.n = 0;
	close(log);
	finish(&w, look_back(&w));
}

static void __attribute__((noreturn)) wait_for_the_end(void)
{
	const struct event here = {.kind = EV_LANE_FACT},
			   told = {.kind = EV_LANE_FACT, .subject = "told to stop"};
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!send(LANE_SOCKET_FD, &here, sizeof(here), 0);
	while (recv(LANE_SOCKET_FD, &order, sizeof(order), 0) > 0)
		if (order.kind == ORDER_STOP)
			(void)!send(LANE_SOCKET_FD, &told, sizeof(told), 0);
	_exit(0);
}

/* `lane --index N ...`: the parent of a vfork sleeps in the kernel (state D) until its child ends. */
static void __attribute__((noreturn)) play_lane(const char *index)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (str_eq(index, "0") && vfork() != 0)
		_exit(0);
	wait_for_the_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_that_never_begins_is_ended),
		cmocka_unit_test(a_lane_that_hangs_between_two_steps_is_ended),
		cmocka_unit_test(a_lane_that_hangs_while_it_gives_the_host_back_is_ended),
		cmocka_unit_test(while_a_lane_waits_for_the_disk_its_time_stands_still),
		cmocka_unit_test(a_lane_that_asks_for_time_is_not_killed_at_the_bound_of_its_step),
		cmocka_unit_test(
			what_sleeps_in_the_kernel_is_given_twice_the_time_and_then_left_alone),
		cmocka_unit_test(a_process_that_cannot_be_killed_is_abandoned),
		cmocka_unit_test(a_qemu_that_sleeps_in_the_kernel_is_seen),
		cmocka_unit_test(a_time_out_beside_a_lane_that_sleeps_in_the_kernel_is_not_blamed),
		cmocka_unit_test(one_that_let_go_just_before_still_counts),
		cmocka_unit_test(what_is_no_time_out_or_needs_no_lock_is_the_lanes_own),
		cmocka_unit_test(who_is_held_up_gets_the_time_back),
		cmocka_unit_test(who_is_held_up_to_the_end_is_ended_without_blame),
		cmocka_unit_test(a_step_that_begins_behind_another_is_told_how_long_that_may_take),
		cmocka_unit_test(a_stop_reaches_the_process_that_takes_over),
		cmocka_unit_test(lanes_that_do_not_go_away_share_one_deadline),
		cmocka_unit_test(a_line_of_qemu_is_its_lanes_while_the_step_goes_on),
		cmocka_unit_test(what_qemu_said_in_a_step_comes_before_the_steps_end),
	};

	if (argc > 3 && str_eq(argv[1], "lane"))
		play_lane(argv[3]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

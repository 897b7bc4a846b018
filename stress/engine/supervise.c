/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervise.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/aftermath.h"
#include "engine/apart.h"
#include "engine/crashlog.h"
#include "engine/lookout.h"
#include "engine/progress.h"
#include "engine/refresh.h"
#include "engine/resume.h"
#include "engine/screen.h"
#include "engine/stored_settings.h"
#include "engine/streaming.h"
#include "engine/writer.h"
#include "engine/supervisor.h"
#include "engine/telling.h"
#include "model/reporter.h"
#include "reporters/reporters.h"
#include "world/machine.h"
#include "world/notify.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PREPARE_NS        (120 * NS_PER_S) /* libvirtd may have to probe QEMU's capabilities first */
#define STORE_PATIENCE_NS (60 * NS_PER_S) /* a disk that refuses for longer ends the run */
#define STORE_LOCKED_MS   60000 /* at the end: another process has it, `runs prune` for one */
/* After a SIGTERM, which nobody sends twice by hand: a lane that has not ended by then is left behind. */
#define TERM_PATIENCE_MS 90000
/* Putting back what lanes left, reports and webhooks: without the loop nobody can say that we live. */
#define LAST_WORDS "WATCHDOG_USEC=600000000\nWATCHDOG=1\nSTATUS=putting the host back and reporting"
#define LAST_NS    (600 * NS_PER_S)

enum { EXIT_CANNOT_RUN = 3, EXIT_UNPROVED = 4 };

/* ---- events, in order, each behind the kernel log of its moment ---- */

/* Edges of what errors are attributed to: what was seen until then belongs to what was before. */
static bool is_edge(enum event_kind kind)
{
	return kind == EV_STEP_BEGIN || kind == EV_STEP_END || kind == EV_LANE_END;
}

/* `seen` (heap) goes with it. The log's ticket is drawn last: what was counted is printed by then. */
static void enqueue(struct supervisor *s, enum inbox_kind kind, const struct event *ev,
	struct sighting *seen, size_t nseen)
{
	struct inbox_item *item = vec_push(&s->inbox);

	item->kind = kind;
	item->ev = *ev;
	item->seen = seen;
	item->nseen = nseen;
	item->ticket = s->kmsg ? kmsg_sync(s->kmsg) : 0;
}

void sup_enqueue(struct supervisor *s, enum inbox_kind kind, const struct event *ev)
{
	bool edge = kind == INBOX_LANE_GONE || is_edge(ev->kind);
	struct sighting *seen = NULL;
	size_t n = 0;

	if (edge)
		sup_qemu_look(&s->lanes[ev->lane]);
	if (s->lookout != NULL && edge)
		seen = lookout_look(s->lookout, ev->lane, &n);
	enqueue(s, kind, ev, seen, n);
}

static void on_milestone(struct supervisor *s);

static void handle(struct supervisor *s, struct inbox_item *item)
{
	sup_log_sight(s, item->seen, item->nseen);
	free(item->seen);
	switch (item->kind) {
	case INBOX_SEEN:
		return;
	case INBOX_EVENT:
		sup_fate_judge(&s->lanes[item->ev.lane], &item->ev);
		sup_lane_handle(s, &item->ev, s->last_seq);
		return;
	case INBOX_MILESTONE:
		on_milestone(s);
		return;
	case INBOX_LANE_GONE:
		sup_lane_gone(&s->lanes[item->ev.lane]);
		return;
	}
}

void sup_pump(struct supervisor *s)
{
	while (s->inbox_head < s->inbox.n) {
		struct inbox_item item = s->inbox.v[s->inbox_head];
		uint64_t seq = UINT64_MAX;

		if (s->kmsg != NULL && !kmsg_synced(s->kmsg, item.ticket, &seq))
			return;
		if (!sup_log_drain(s, seq))
			return;
		s->inbox_head++;
		handle(s, &item);
	}
	s->inbox.n = s->inbox_head = 0;
	(void)sup_log_drain(s, UINT64_MAX);
}

static void on_kmsg(void *arg)
{
	sup_pump(arg);
}

/*
 * What all witnesses have seen until now. A milestone is our own place in the queue: everything that
 * the kernel said before it has then been read.
 */
static void look_around(struct supervisor *s, enum inbox_kind kind)
{
	const struct event none = {.kind = EV_NONE};
	struct sighting *seen;
	size_t n;

	seen = lookout_look(s->lookout, LOOKOUT_ALL, &n);
	if (n == 0 && kind == INBOX_SEEN)
		return;
	enqueue(s, kind, &none, seen, n);
	sup_pump(s);
}

/* ---- the store ---- */

static void on_disk_trouble(struct supervisor *s, const struct err *err)
{
	if (!s->disk_trouble)
		progress_note(s->progress,
			"%s; keeping everything in memory and trying again every second", err->msg);
	s->disk_trouble = true;
}

static void give_up_on_store(void *arg)
{
	struct supervisor *s = arg;
	size_t i;

	progress_note(s->progress, "the store refuses for too long: ending the run");
	s->aborted = "the store could not be written";
	for (i = 0; i < s->nlanes; i++)
		lane_proc_order(&s->lanes[i].proc, ORDER_DENY, 0);
	sup_lanes_stop(s);
	sup_lanes_no_heirs(s);
}

static void on_writer(void *arg)
{
	struct supervisor *s = arg;
	struct writer_ack ack;
	struct err err;

	while (writer_next_ack(s->writer, &ack))
		sup_lane_acked(&s->lanes[ack.lane], ack.ask, ack.id);
	if (writer_in_trouble(s->writer, &err)) {
		on_disk_trouble(s, &err);
		if (!s->store_patience.set)
			loop_timer_set(s->loop, &s->store_patience,
				clock_mono_ns() + STORE_PATIENCE_NS, give_up_on_store, s);
	} else if (s->disk_trouble) {
		s->disk_trouble = false;
		loop_timer_clear(s->loop, &s->store_patience);
		progress_note(s->progress, "the store can be written again");
	}
}

static void show_alive(const struct supervisor *s, int64_t ahead_ns)
{
	if (s->req->alive_ns != NULL)
		*s->req->alive_ns = clock_mono_ns() + ahead_ns;
}

static void say_last_words(const struct supervisor *s)
{
	notify_send(LAST_WORDS);
	show_alive(s, LAST_NS);
}

/* The service manager's watchdog: it hears from the loop, or not at all. */
static void on_watchdog(void *arg)
{
	struct supervisor *s = arg;

	notify_send("WATCHDOG=1");
	show_alive(s, 0);
	loop_timer_set(s->loop, &s->watchdog,
		clock_mono_ns() + notify_watchdog_ms() * NS_PER_MS / 3, on_watchdog, s);
}

/* The run before this one, of `resume`, asked for more time at its end. */
static void begin_watchdog(struct supervisor *s)
{
	char text[64];

	if (notify_watchdog_ms() == 0)
		return;
	snprintf(text, sizeof(text), "WATCHDOG_USEC=%" PRId64, notify_watchdog_ms() * 1000);
	notify_send(text);
	on_watchdog(s);
}

/* `systemctl status` shows it. */
static void say_status(struct supervisor *s)
{
	char text[STATUS_MAX], line[STATUS_MAX + 16];

	telling_status(s->telling, text, sizeof(text));
	if (str_eq(text, s->status))
		return;
	str_set(s->status, text);
	snprintf(line, sizeof(line), "STATUS=%s", text);
	notify_send(line);
}

static void say_dropped(struct supervisor *s)
{
	if (s->dropped_said || writer_dropped(s->writer) == 0)
		return;
	s->dropped_said = true;
	progress_note(s->progress,
		"the store's disk is too slow or nearly full, or refuses them: kernel log records "
		"are not stored, and counted as lost; what they tell is in the incidents all the "
		"same");
}

static void on_heartbeat(void *arg)
{
	struct supervisor *s = arg;

	writer_heartbeat(s->writer);
	say_dropped(s);
	look_around(s, INBOX_SEEN);
	sup_fate_look(s);
	sup_log_tick(s);
	progress_tick(s->progress);
	telling_tick(s->telling);
	say_status(s);
	refresh_tick(s->refresh);
	loop_timer_set(s->loop, &s->heartbeat, clock_mono_ns() + NS_PER_S, on_heartbeat, s);
}

/* ---- the beginning ---- */

static void print_refusals(const struct supervisor *s)
{
	vec_foreach (ev, &s->prepare_notes) {
		const char *lane = s->lanes[ev->lane].spec->name;

		if (ev->kind == EV_LANE_NOTE) {
			fprintf(stderr, "note: %s: %s\n", lane, ev->text);
			continue;
		}
		fprintf(stderr, "refused: %s: %s\n", lane, ev->text);
		if (ev->hint[0] != '\0')
			fprintf(stderr, "  hint: %s\n", ev->hint);
	}
}

static void refuse_lane(void *arg, size_t lane, const struct err *err)
{
	struct event ev = {.kind = EV_LANE_REFUSED, .lane = (uint32_t)lane};
	struct supervisor *s = arg;

	str_set(ev.text, err->msg);
	str_set(ev.hint, err->hint);
	*vec_push(&s->prepare_notes) = ev;
	s->refusals++;
}

/* Resets of one lane's device must not reach another's. */
static void check_across_lanes(struct supervisor *s)
{
	auto_free struct neighbour *lanes = xcalloc(s->nlanes + 1, sizeof(*lanes));
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		lanes[i] = (struct neighbour){
			s->lanes[i].spec, s->lanes[i].devices.v, s->lanes[i].devices.n};
	lanes_apart(s->req->host, s->req->scenario, &s->topology, lanes, refuse_lane, s);
}

static const char *fact(const struct supervisor *s, const char *what)
{
	vec_foreach (ev, &s->facts)
		if (str_eq(ev->subject, what))
			return ev->text;
	return "";
}

/* For the one who goes on with it: `resume` is started elsewhere, and without this command line. */
static void describe_call(const struct run_request *req, struct arena *arena, struct run_call *out)
{
	auto_free char *path = realpath(req->scenario->source.name, NULL);
	auto_free char *cwd = getcwd(NULL, 0);
	size_t i;

	out->cwd = arena_strdup(arena, cwd ? cwd : "");
	out->path = arena_strdup(arena, path ? path : "");
	out->reports.n = req->nreports;
	out->reports.v = arena_alloc(arena, (req->nreports + 1) * sizeof(*out->reports.v));
	for (i = 0; i < req->nreports; i++)
		out->reports.v[i] = req->reports[i].asked;
}

static int store_beginning(
	struct supervisor *s, const struct machine_facts *m, const char *boot_id, struct err *err)
{
	auto_free struct lane_begin *lanes = xcalloc(s->nlanes, sizeof(*lanes));
	auto_free char *dumps = crashlog_dumps(s->req->host);
	auto_arena struct arena arena = {0};
	struct str settings = {0};
	struct run_call call;
	size_t i;
	int rc;

	for (i = 0; i < s->nlanes; i++)
		lanes[i] = (struct lane_begin){
			s->lanes[i].spec, s->lanes[i].devices.v, s->lanes[i].devices.n};
	stored_settings_text(s->req->settings, s->req->nsettings, &settings);
	describe_call(s->req, &arena, &call);
	call.known_dumps = dumps;
	const struct run_begin begin = {
		.id = run_id_new(s->run_id),
		.scenario = s->req->scenario,
		.lanes = lanes,
		.settings = settings.s,
		.tool_version = s->req->tool_version,
		.boot_id = boot_id,
		.machine_id = m->id,
		.seed = s->seed,
		.simulated = s->req->host->simulated,
		.host = {m->name, m->kernel, m->cmdline, m->bios, m->board, m->cpu, m->microcode,
			fact(s, "qemu"), fact(s, "libvirt")},
		.pid = getpid(),
		.call = &call,
	};
	rc = store_run_begin(s->store, &begin, &s->run, err);
	str_finish(&settings);
	return rc;
}

static int write_beginning(struct supervisor *s, struct err *err)
{
	const struct run_past *past = s->req->past;
	auto_arena struct arena arena = {0};
	struct machine_facts m;
	char boot_id[40];
	int previous;

	host_boot_id(s->req->host, boot_id);
	machine_facts_read(s->req->host, &arena, &m);
	if (past != NULL) {
		s->run = past->run;
		str_set(s->run_id, past->id);
	} else if (store_beginning(s, &m, boot_id, err) != 0) {
		return -1;
	}
	sup_machine_keep(s);
	sup_witness_begin(s, boot_id);
	previous = telling_previous(s->store, s->req->scenario->name, m.name, s->run);
	s->writer = writer_start(s->store, s->run, boot_id);
	writer_bear_locks(s->writer, STORE_LOCKED_MS);
	s->telling = telling_begin(s->req, s->writer,
		&(struct told_run){.id = s->run_id,
			.host = m.name,
			.db = store_path(s->store),
			.previous = previous});
	s->refresh = refresh_begin(s->req, store_path(s->store), s->run_id, s->progress);
	s->streaming = streaming_begin(s->req, store_path(s->store), s->run_id);
	return loop_watch(s->loop, writer_fd(s->writer), on_writer, s, err);
}

static void tell_subjects(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		progress_devices(
			s->progress, (uint32_t)i, s->lanes[i].devices.v, s->lanes[i].devices.n);
}

/* All lanes are prepared: refuse, or write the run down and wait for the marker. */
void sup_begin_run(struct supervisor *s)
{
	struct err err;
	size_t i;

	loop_timer_clear(s->loop, &s->patience);
	check_across_lanes(s);
	if (s->refusals > 0 || s->aborted != NULL) {
		loop_stop(s->loop);
		return;
	}
	if (write_beginning(s, &err) != 0) {
		s->cannot_run = err;
		loop_stop(s->loop);
		return;
	}
	s->begun_ns = clock_mono_ns();
	if (s->req->begun != NULL)
		s->req->begun(s->req->begun_arg, s->run_id);
	progress_begin(s->progress, s->run_id, s->begun_ns);
	tell_subjects(s);
	notify_send("READY=1");
	say_status(s);
	/* what a lane cannot do comes first where there is no room for all */
	vec_foreach (ev, &s->prepare_notes)
		sup_lane_note(&s->lanes[ev->lane], ev);
	for (i = 0; i < s->req->nnotes; i++)
		writer_note(s->writer, "note", s->req->notes[i]);
	sup_log_mark(s, "begin", true);
	look_around(s, INBOX_MILESTONE);
}

/* The first marker was read back, or was not: say so before anything is touched, and go. */
static void on_started(struct supervisor *s)
{
	struct klog_account account;

	s->started = true;
	sup_log_account(s, &account);
	if (account.blind)
		progress_note(s->progress, "blind, so this run cannot pass: %s", account.reason);
	on_heartbeat(s);
	sup_lanes_go(s);
}

/* ---- the end ---- */

static void on_linger(void *arg)
{
	struct supervisor *s = arg;

	s->ending = true;
	sup_log_mark(s, "end", true);
	look_around(s, INBOX_MILESTONE);
}

static void on_milestone(struct supervisor *s)
{
	if (!s->started)
		on_started(s);
	else if (s->ending)
		loop_stop(s->loop);
}

/* A lane has ended. After the last one the log is read as long as a late reporter may take. */
void sup_lane_over(struct supervisor *s)
{
	int64_t until = 0;
	size_t i;

	if (s->over || !sup_lanes_all(s, LANE_ENDED))
		return;
	s->over = true;
	for (i = 0; i < s->nlanes; i++)
		if (s->lanes[i].at.tail_until_ns > until)
			until = s->lanes[i].at.tail_until_ns;
	loop_timer_set(s->loop, &s->linger, s->interrupts > 1 ? 0 : until, on_linger, s);
}

static void stop_now(struct supervisor *s, const char *why)
{
	s->interrupts = 2;
	s->cut_off = why;
	progress_note(s->progress, "stopping now");
	sup_lanes_kill(s);
	if (s->over)
		on_linger(s);
}

static void on_out_of_patience(void *arg)
{
	stop_now(arg, "did not end in time when the run was told to");
}

static int64_t term_patience_ns(const struct run_request *req)
{
	return (req->term_patience_ms > 0 ? req->term_patience_ms : TERM_PATIENCE_MS) * NS_PER_MS;
}

static void on_signal(void *arg, int sig)
{
	struct supervisor *s = arg;
	int64_t now = clock_mono_ns();

	/* `timeout` signals twice at once, a closing terminal hangs up twice: neither means "now" */
	if (s->interrupts > 0 &&
		(sig == SIGHUP || (sig == SIGTERM && now - s->interrupted_ns < 2 * NS_PER_S)))
		return;
	s->interrupted_ns = now;
	s->interrupts++;
	if (s->aborted == NULL)
		s->aborted = sig == SIGINT ? "interrupted" : "terminated by a signal";
	if (s->writer == NULL) {
		loop_stop(s->loop);
		return;
	}
	if (s->interrupts == 1) {
		writer_aborted(s->writer, s->aborted);
		progress_stopping(s->progress);
		progress_note(s->progress,
			"finishing the step, then putting the host back; once more to stop now");
		sup_lanes_stop(s);
		if (sig == SIGTERM)
			loop_timer_set(s->loop, &s->term_patience, now + term_patience_ns(s->req),
				on_out_of_patience, s);
	} else if (s->interrupts == 2) {
		stop_now(s, "stopped by a second interrupt");
	}
}

static void on_unprepared(void *arg)
{
	struct supervisor *s = arg;

	err_set(&s->cannot_run, ERR_TIMEOUT, 0, "not all lanes were ready within %d s",
		(int)(PREPARE_NS / NS_PER_S));
	err_hint(&s->cannot_run, "is libvirtd stuck? `virsh list` should answer at once");
	loop_stop(s->loop);
}

/* ---- from start to end ---- */

static int start_lanes(struct supervisor *s, struct err *err)
{
	loop_timer_set(s->loop, &s->patience, clock_mono_ns() + PREPARE_NS, on_unprepared, s);
	return sup_lanes_start(s, err);
}

static void on_cooled_down(void *arg)
{
	struct supervisor *s = arg;

	if (start_lanes(s, &s->cannot_run) != 0)
		loop_stop(s->loop);
}

static int cool_down(struct supervisor *s)
{
	int64_t ms = s->req->scenario->host_crash.cool_down_ms;
	char text[32];

	progress_note(s->progress, "run %s goes on in %s", s->req->past->id,
		duration_text(ms, text, sizeof(text)));
	loop_timer_set(s->loop, &s->patience, clock_mono_ns() + ms * NS_PER_MS, on_cooled_down, s);
	return 0;
}

static void redraw(void *arg)
{
	struct supervisor *s = arg;

	progress_tick(s->progress);
}

/* A window that is being drawn larger tells its size over and over. */
static void on_screen_signal(void *arg, int sig)
{
	struct supervisor *s = arg;

	if (sig == SIGCONT)
		progress_continued(s->progress);
	else
		loop_timer_set(s->loop, &s->redraw, clock_mono_ns() + SCREEN_SETTLES_NS, redraw, s);
}

static int set_up(struct supervisor *s, struct err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
	static const int screen_signals[] = {SIGWINCH, SIGCONT, 0};

	signal(SIGCHLD, SIG_DFL); /* ignored by our parent, lanes could not be waited for */
	signal(SIGPIPE, SIG_IGN); /* `run 2>&1 | head` must not kill a run */
	signal(SIGTTOU, SIG_IGN); /* nor `stty tostop` stop one that goes on in the background */
	if (pcidev_scan(s->req->host, &s->topology, err) != 0)
		return -1;
	if (store_open(s->req->db, STORE_CREATE, &s->store, err) != 0)
		return -1;
	if (loop_open(&s->loop, err) != 0 ||
		loop_signals(s->loop, signals, on_signal, s, err) != 0 ||
		loop_signals(s->loop, screen_signals, on_screen_signal, s, err) != 0)
		return -1;
	sup_log_open(s);
	if (s->kmsg != NULL && loop_watch(s->loop, kmsg_fd(s->kmsg), on_kmsg, s, err) != 0)
		return -1;
	begin_watchdog(s);
	return s->req->past != NULL ? cool_down(s) : start_lanes(s, err);
}

/* Lanes of a run that did not begin; of others all is over. */
static void end_lanes(struct supervisor *s)
{
	struct way_out out = way_out_begin();

	(void)!sup_lanes_finish(s, &out);
}

static void tear_down(struct supervisor *s)
{
	size_t i;

	end_lanes(s);
	sup_log_close(s);
	progress_free(s->progress);
	streaming_free(s->streaming);
	store_close(s->store);
	loop_close(s->loop);
	pcidev_list_finish(&s->topology);
	for (i = s->inbox_head; i < s->inbox.n; i++)
		free(s->inbox.v[i].seen);
	vec_finish(&s->inbox);
	vec_finish(&s->prepare_notes);
	vec_finish(&s->facts);
	vec_foreach (text, &s->notes_said)
		free(*text);
	vec_finish(&s->notes_said);
	free(s->lanes);
}

/* A run that was to go on after its host died has an end all the same. */
static int end_past(struct supervisor *s)
{
	const char *why = s->cannot_run.msg;

	say_last_words(s);
	end_lanes(s);
	if (s->cannot_run.code == ERR_NONE)
		print_refusals(s);
	vec_foreach (ev, &s->prepare_notes)
		if (ev->kind == EV_LANE_REFUSED && *why == '\0')
			why = ev->text;
	if (s->aborted != NULL)
		return resume_give_up(s->req, s->store, OUTCOME_ABORTED, s->aborted);
	return resume_give_up(s->req, s->store, OUTCOME_BROKEN, why);
}

/* Before anything was written down: why there is no run. */
static int end_without_run(struct supervisor *s)
{
	if (s->req->past != NULL && s->store != NULL)
		return end_past(s);
	if (s->cannot_run.code != ERR_NONE) {
		fprintf(stderr, "vfio-stress: %s\n", s->cannot_run.msg);
		if (s->cannot_run.hint[0] != '\0')
			fprintf(stderr, "  hint: %s\n", s->cannot_run.hint);
		return s->cannot_run.code == ERR_INPUT ? 2 : EXIT_CANNOT_RUN;
	}
	print_refusals(s);
	if (s->aborted != NULL) {
		fprintf(stderr, "vfio-stress: %s before the run began; nothing was tried\n",
			s->aborted);
		return EXIT_UNPROVED;
	}
	fprintf(stderr, "vfio-stress: nothing was tried\n");
	return EXIT_CANNOT_RUN;
}

/* What the log and the witnesses come to; the writer has it then. That is work, however long it takes. */
static void write_end(struct supervisor *s, struct klog_account *account)
{
	sup_log_stop(s);
	sup_log_account(s, account);
	sup_log_close(s);
	writer_klog(s->writer, account);
	sup_witness_account(s);
	if (s->aborted != NULL)
		writer_aborted(s->writer, s->aborted);
}

static void say_unwritten(struct supervisor *s, struct klog_account *account, size_t unwritten)
{
	struct err err;

	account->blind = true;
	snprintf(account->reason, sizeof(account->reason),
		"%zu things could not be written to the store", unwritten);
	(void)!store_run_klog(s->store, s->run, account, &err);
	fprintf(stderr, "vfio-stress: %zu things could not be written to %s and are lost\n",
		unwritten, store_path(s->store));
}

static void say_killed(struct supervisor *s, size_t lanes)
{
	char text[160];
	struct err err;

	snprintf(text, sizeof(text),
		"%zu process%s of lanes that had ended did not go away and had to be killed: does "
		"libvirtd hang?",
		lanes, lanes == 1 ? "" : "es");
	if (store_note(s->store, s->run, "note", text, &err) != 0)
		log_warn("store", "%s", err.msg);
}

/*
 * Everything is over: what is left is written, and the rest is done from the store. Who is to end is told
 * first, so that all do so while the store is written.
 */
static int end_run(struct supervisor *s)
{
	struct klog_account account;
	size_t unwritten, killed;
	struct way_out out;

	say_last_words(s);
	write_end(s, &account);
	out = way_out_begin();
	sup_lanes_hang_up(s);
	telling_hang_up(s->telling);
	loop_unwatch(s->loop, writer_fd(s->writer));
	unwritten =
		writer_stop(s->writer, (out.ask_until_ns - clock_mono_ns()) / NS_PER_MS, &s->store);
	s->writer = NULL;
	killed = sup_lanes_finish(s, &out);
	telling_end(s->telling, &out);
	refresh_end(s->refresh, &out);
	streaming_end_files(s->streaming, &out);
	sup_witness_end(s);
	progress_free(s->progress);
	s->progress = NULL;
	if (killed > 0)
		say_killed(s, killed);
	if (unwritten > 0)
		say_unwritten(s, &account, unwritten);
	return aftermath(s->req, s->store, s->run, s->run_id, s->streaming, loop_signal_fd(s->loop),
		s->interrupts > 1, NULL);
}

const struct report_spec *run_request_report(const struct run_request *req, size_t i)
{
	if (i < req->nreports)
		return &req->reports[i];
	i -= req->nreports;
	return i < req->scenario->nreports ? &req->scenario->reports[i] : NULL;
}

int supervise(const struct run_request *req)
{
	struct supervisor s = {.req = req, .progress = progress_new(req->scenario, req->quiet)};
	int code;

	(void)!getrandom(&s.seed, sizeof(s.seed), 0);
	s.seed >>= 11; /* 53 bits: what every reader of JSON can hold */
	if (set_up(&s, &s.cannot_run) == 0) {
		struct err err;

		if (loop_run(s.loop, &err) != 0)
			log_error("supervisor", "%s", err.msg);
	}
	code = s.writer == NULL ? end_without_run(&s) : end_run(&s);
	tear_down(&s);
	return code;
}

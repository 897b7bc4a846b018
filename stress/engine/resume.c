/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/resume.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/lock.h"
#include "engine/aftermath.h"
#include "engine/orphan.h"
#include "engine/postmortem.h"
#include "engine/report_out.h"
#include "engine/scenario_rules.h"
#include "engine/spare.h"
#include "engine/stored_settings.h"
#include "engine/telling.h"
#include "engine/undo_run.h"
#include "engine/vocabulary.h"
#include "klog/rules.h"
#include "model/reporter.h"
#include "model/run_view.h"
#include "reporters/reporters.h"
#include "world/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOOL_DIED "tool-died"
/* Its lanes end without it; one that has not by then sleeps in the kernel. */
#define LANES_END_NS ((ORPHAN_S + 5) * NS_PER_S)
#define LOCK_POLL_MS 100 /* nothing announces that a lock is free ... */
#define LOOK_NS      (10 * NS_PER_S)
#define LOOK_POLL_MS 1000 /* ... nor that a disk is well again */

/* A run whose scenario cannot be read any more is reported all the same. */
static const struct scenario no_scenario = {.name = "?"};

/* ---- what the run was asked for ---- */

/* It was right when the run began; a rule file may be gone since, which is no reason to forget the rest. */
static void read_scenario(struct resumed *r, const struct unfinished *run)
{
	struct diags *diags = xcalloc(1, sizeof(*diags));

	r->req.nsettings = stored_settings(&r->arena, run->settings, &r->settings);
	r->req.settings = r->settings;
	r->scenario = scenario_parse(*run->call.path ? run->call.path : run->id, run->scenario_text,
		strlen(run->scenario_text), r->settings, r->req.nsettings, &words_of_this_build,
		diags);
	if (r->scenario != NULL)
		r->rules = scenario_rules(r->scenario, diags);
	if (r->rules == NULL) {
		diags_print(diags, stderr);
		r->rules_lost = r->scenario != NULL;
		r->rules = rules_load(NULL, 0, diags);
	}
	free(diags);
}

static void read_reports(struct resumed *r, const struct unfinished *run)
{
	struct err err = {0};
	size_t i;

	r->reports = arena_alloc(&r->arena, (run->call.reports.n + 1) * sizeof(*r->reports));
	for (i = 0; i < run->call.reports.n; i++)
		if (report_parse(&r->arena, run->call.reports.v[i], &r->reports[r->req.nreports],
			    &err) == 0)
			r->req.nreports++;
		else
			log_warn("resume", "%s", err.msg);
	r->req.reports = r->reports;
}

/* Files are named as seen from where it was started. */
static void go_where_it_was(const struct unfinished *run)
{
	if (*run->call.cwd != '\0' && chdir(run->call.cwd) != 0)
		log_warn("resume", "chdir to %s: %s", run->call.cwd, strerror(errno));
}

/* Other runs were started elsewhere: each report goes where it belongs, or, when that is gone, nowhere. */
static void name_from_where_it_was(
	const struct unfinished *run, struct report_spec *reports, size_t n, struct arena *arena)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct file_opts *file = reports[i].opts;

		if (*run->call.cwd != '\0' && reports[i].type->hand_over == NULL &&
			*file->path != '/' && !str_eq(file->path, "-"))
			file->path = arena_printf(arena, "%s/%s", run->call.cwd, file->path);
	}
}

static int load(const struct resume_request *q, struct store *store, const struct unfinished *run,
	struct resumed *r, struct err *err)
{
	uint32_t i;

	if (run_view_load(store, run->id, &r->view, err) != 0)
		return -1;
	r->trails = xcalloc(r->view->nlanes + 1, sizeof(*r->trails));
	for (i = 0; i < r->view->nlanes; i++)
		if (store_lane_trail(store, run->run, i, &r->trails[i], err) != 0)
			return -1;
	r->past = (struct run_past){
		.run = run->run,
		.id = run->id,
		.view = r->view,
		.trails = r->trails,
		.spent_ns = clock_wall_ns() - run->started_ns,
	};
	r->req = (struct run_request){
		.host = q->host,
		.db = q->db,
		.tool_version = q->tool_version,
		.quiet = q->quiet,
		.past = &r->past,
		.stored_out = &r->stored,
	};
	go_where_it_was(run);
	read_scenario(r, run);
	read_reports(r, run);
	name_from_where_it_was(run, r->reports, r->req.nreports, &r->arena);
	if (r->scenario != NULL)
		name_from_where_it_was(run, r->scenario->reports, r->scenario->nreports, &r->arena);
	r->req.scenario = r->scenario ? r->scenario : &no_scenario;
	r->req.rules = r->rules;
	return 0;
}

void resumed_finish(struct resumed *r)
{
	run_view_free(r->view);
	free(r->trails);
	rules_free(r->rules);
	scenario_free(r->scenario);
	arena_finish(&r->arena);
	*r = (struct resumed){0};
}

/* Within a transaction of the caller. */
static int note_lost_rules(const struct resumed *r, struct store *store, struct err *err)
{
	if (!r->rules_lost)
		return 0;
	return store_note(store, r->past.run, "blind-spot",
		"the log rules of the scenario's `faults` could not be read any more after the run "
		"had died: what its host said from then on was judged by the built-in ones alone",
		err);
}

/* ---- the ends of lanes ---- */

static int end_lane(const struct run_past *past, struct store *store, uint32_t lane,
	enum outcome outcome, const char *reason, const char *why, struct err *err)
{
	struct event ev = {
		.kind = EV_LANE_END,
		.lane = lane,
		.step = -1,
		.outcome = (uint8_t)outcome,
		.mono_ns = clock_mono_ns(),
		.wall_ns = clock_wall_ns(),
	};

	str_set(ev.reason, reason);
	str_set(ev.text, why);
	return store_event(store, past->run, &ev, 0, err);
}

/* The step in which its process died. */
static int end_open_step(
	const struct run_past *past, struct store *store, uint32_t lane, struct err *err)
{
	const struct lane_trail *t = &past->trails[lane];
	struct event ev = t->last;

	if (!t->open)
		return 0;
	ev.kind = EV_STEP_END;
	ev.outcome = OUTCOME_BROKEN;
	ev.flags &= (uint16_t)~EVENT_ACK;
	ev.dur_ns = past->view->ended_ns > ev.wall_ns ? past->view->ended_ns - ev.wall_ns : 0;
	str_set(ev.reason, TOOL_DIED);
	str_set(ev.text,
		"vfio-stress died in this step: it was killed or crashed; its host did not");
	str_set(ev.hint, "look for an out-of-memory kill or a crash of it in the kernel log");
	return store_event(store, past->run, &ev, 0, err);
}

static int end_lanes(const struct run_past *past, struct store *store, enum outcome outcome,
	const char *reason, const char *why, struct err *err)
{
	uint32_t i;

	for (i = 0; i < past->view->nlanes; i++)
		if (!past->trails[i].over && !(past->over >> i & 1) &&
			end_lane(past, store, i, outcome, reason, why, err) != 0)
			return -1;
	return 0;
}

static void complain_of(const char *what, const struct err *err)
{
	fprintf(stderr, "vfio-stress: %s: %s\n", what, err->msg);
}

int resume_give_up(
	const struct run_request *req, struct store *store, enum outcome outcome, const char *why)
{
	const struct run_past *past = req->past;
	struct err err;

	if ((outcome == OUTCOME_ABORTED && store_run_aborted(store, past->run, why, &err) != 0) ||
		end_lanes(past, store, outcome, "not-resumed", why, &err) != 0)
		complain_of(past->id, &err);
	return aftermath(req, store, past->run, past->id, NULL, -1, false, NULL);
}

/* ---- its process died ---- */

static bool has_let_go(const struct resumed *r, const struct lane_row *lane)
{
	struct domain_lock lock;
	struct err err;
	pid_t pid;
	size_t i;

	for (i = 0; i < lane->ndevices; i++)
		if (lock_holder(r->req.host, lane->devices[i].bdf, &pid))
			return false;
	if (lane->domain == NULL || r->scenario == NULL)
		return true;
	if (lock_take_domain(
		    r->req.host, r->scenario->connect, lane->domain, "resume", &lock, &err) != 0)
		return err.code != ERR_REFUSED;
	lock_drop_domain(&lock);
	return true;
}

/* What they still have cannot be put back. */
static void await_lanes(const struct resumed *r)
{
	int64_t until = clock_mono_ns() + LANES_END_NS;
	size_t i;

	for (i = 0; i < r->view->nlanes; i++)
		while (!has_let_go(r, &r->view->lanes[i]) && clock_mono_ns() < until)
			poll(NULL, 0, LOCK_POLL_MS);
}

static int tool_died(
	struct resumed *r, struct store *store, const struct unfinished *run, struct err *err)
{
	static const char why[] = "tool died: vfio-stress was killed or crashed, its host was not";
	uint32_t i;

	printf("run %s: tool died: its process %d is gone, and its host was not restarted\n",
		run->id, (int)run->pid);
	await_lanes(r);
	if (store_begin(store, err) != 0)
		return -1;
	if (store_run_take_over(store, run, run->boot_id, err) != 0 ||
		note_lost_rules(r, store, err) != 0)
		goto failed;
	for (i = 0; i < r->view->nlanes; i++)
		if (end_open_step(&r->past, store, i, err) != 0)
			goto failed;
	if (end_lanes(&r->past, store, OUTCOME_BROKEN, TOOL_DIED, why, err) != 0 ||
		store_note(store, run->run, "note", why, err) != 0 || store_commit(store, err) != 0)
		goto failed;
	return 0;
failed:
	store_rollback(store);
	return -1;
}

/* ---- its host died ---- */

static bool has_cycles_left(const struct resumed *r, uint32_t lane)
{
	const struct lane_trail *t = &r->trails[lane];
	const struct scenario *sc = r->scenario;

	return !t->over && !t->in_after && (sc->cycles == 0 || t->cycle < (uint64_t)sc->cycles);
}

/* NULL: it goes on, with the lanes that are not over. */
static const char *why_it_ends(
	struct resumed *r, const struct resume_request *q, const struct unfinished *run)
{
	const struct scenario *sc = r->scenario;
	uint64_t all = 0;
	uint32_t i;

	if (sc == NULL)
		return "its scenario cannot be read any more";
	if (sc->host_crash.then != HOST_CRASH_CONTINUE)
		return "its scenario says `on-host-crash: report`";
	if (q->report_only)
		return "--report-only";
	if (run->host_crashes + 1 >= (uint64_t)sc->host_crash.most)
		return "`max-host-crashes` is reached";
	if (sc->duration_ms > 0 && r->past.spent_ns >= sc->duration_ms * NS_PER_MS)
		return "its duration is over";
	for (i = 0; i < r->view->nlanes; i++) {
		all |= UINT64_C(1) << i;
		if (!has_cycles_left(r, i))
			r->past.over |= UINT64_C(1) << i;
	}
	return r->past.over == all ? "all its cycles have begun" : NULL;
}

static int store_death(const struct resumed *r, struct store *store, const struct postmortem *p,
	const char *boot_id, const char *why_end, struct err *err)
{
	char text[DETAIL_MAX];
	uint32_t i;

	if (store_run_take_over(store, p->run, boot_id, err) != 0 ||
		postmortem_store(p, r->rules, store, err) != 0 ||
		note_lost_rules(r, store, err) != 0 ||
		store_run_dumps(store, p->run->run, p->dumps, err) != 0 ||
		store_run_log_begins(store, p->run->run, err) != 0)
		return -1;
	for (i = 0; i < r->view->nlanes; i++)
		if ((why_end != NULL || r->past.over >> i & 1) &&
			postmortem_end_lane(p, i, store, err) != 0)
			return -1;
	snprintf(text, sizeof(text), "crash %" PRIu64 " of its host, in boot %s: the run %s%s",
		p->run->host_crashes + 1, p->run->boot_id, why_end ? "ends: " : "goes on",
		why_end ? why_end : "");
	return store_note(store, p->run->run, "note", text, err);
}

static int write_death(const struct resumed *r, struct store *store, const struct postmortem *p,
	const char *boot_id, const char *why_end, struct err *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	if (store_death(r, store, p, boot_id, why_end, err) == 0 && store_commit(store, err) == 0)
		return 0;
	store_rollback(store);
	return -1;
}

/* What a reboot has undone is marked so, before the next boot's records come. */
static void settle_undo(const struct resumed *r, struct store *store)
{
	auto_free struct undo_open *open = NULL;
	struct err err;
	size_t n = 0;

	if (store_undo_list(store, r->past.run, &open, &n, &err) != 0 ||
		(n > 0 && undo_in_child(r->req.host, store_path(store), r->past.id, -1, &err) != 0))
		complain_of("undo", &err);
}

/* What its death has added counts for what comes. It is stored: nothing but this may be tried again. */
static int look_again(struct resumed *r, struct store *store, struct err *err)
{
	int64_t until = clock_mono_ns() + LOOK_NS;
	struct run_view *view;

	while (run_view_load(store, r->past.id, &view, err) != 0) {
		if (err->code != ERR_IO || clock_mono_ns() > until)
			return -1;
		poll(NULL, 0, LOOK_POLL_MS);
	}
	run_view_free(r->view);
	r->view = view;
	r->past.view = view;
	return 0;
}

static int host_died(const struct resume_request *q, struct resumed *r, struct store *store,
	const struct unfinished *run, const char *boot_id, bool *goes_on, struct err *err)
{
	const char *why_end = why_it_ends(r, q, run);
	struct postmortem p;
	int rc;

	postmortem_look(q->host, r->rules, r->req.scenario, run, r->view, r->trails, &p);
	rc = write_death(r, store, &p, boot_id, why_end, err);
	if (rc == 0) {
		printf("run %s: %s\n", run->id, p.text);
		if (why_end != NULL)
			printf("run %s ends: %s\n", run->id, why_end);
		r->past.host_crashes = run->host_crashes + 1;
		str_set(r->past.how, p.text);
		r->past.records = run->records + p.log.recs.n;
		r->past.incidents = run->incidents + p.incidents.n + 1;
		*goes_on = why_end == NULL;
	} else if (err->code == ERR_IO && !q->said) {
		printf("run %s: %s\n", run->id, p.text);
		fflush(stdout);
	}
	postmortem_finish(&p);
	if (rc != 0 || why_end != NULL)
		return rc;
	settle_undo(r, store);
	return look_again(r, store, err);
}

/* ---- which of these it is ---- */

/* The name may be another one at this boot; a host that boots over the network may get another id. */
static bool is_this_machine(const struct unfinished *run, const struct machine_facts *m)
{
	return str_eq(m->name, run->host) || (*m->id != '\0' && str_eq(m->id, run->machine_id));
}

static int check_is_ours(
	const struct host *host, const struct unfinished *run, const char *boot_id, struct err *err)
{
	auto_arena struct arena arena = {0};
	struct machine_facts m;

	machine_facts_read(host, &arena, &m);
	if (!is_this_machine(run, &m)) {
		err_set(err, ERR_REFUSED, 0, "run %s was made on host '%s', and this is '%s'",
			run->id, run->host, m.name);
		return err_hint(err, "`vfio-stress report %s` works here too", run->id);
	}
	if (*boot_id == '\0' || run->boot_id[0] == '\0')
		return err_set(err, ERR_REFUSED, 0,
			"whether the host was restarted since run %s cannot be told: no boot id",
			run->id);
	if (!str_eq(boot_id, run->boot_id) || !run->alive)
		return 0;
	err_set(err, ERR_REFUSED, 0, "run %s is running (process %d)", run->id, (int)run->pid);
	return err_hint(err, "there is nothing to resume");
}

/* ---- its store cannot be written ---- */

static int note_unstored(
	const struct resumed *r, struct store *store, const struct err *why, struct err *err)
{
	char text[DETAIL_MAX];

	snprintf(text, sizeof(text),
		"the store could not be written when this was told, so the run has no end there "
		"yet: %.*s",
		DETAIL_MAX / 2, why->msg);
	return store_note(store, r->past.run, "blind-spot", text, err);
}

static bool all_lanes_over(const struct resumed *r)
{
	uint32_t i;

	for (i = 0; i < r->view->nlanes; i++)
		if (!r->trails[i].over)
			return false;
	return true;
}

/* It will go on under the same number when its store can be written. */
static void tell_crash(
	struct resumed *r, struct store *copy, const struct postmortem *p, const struct err *why)
{
	const struct told_run told = {
		.id = p->run->id,
		.host = p->run->host,
		.db = store_path(copy),
		.previous =
			telling_previous(copy, r->req.scenario->name, p->run->host, p->run->run),
	};

	r->past.host_crashes = p->run->host_crashes + 1;
	snprintf(r->past.how, sizeof(r->past.how),
		"%.*s; the run waits, because its store could not be written: %.*s", DETAIL_MAX / 2,
		p->text, DETAIL_MAX / 4, why->msg);
	telling_crash(&r->req, copy, &told);
}

/* All of it at once: what the copy has was told, or is in its outbox. */
static int write_copy(struct resumed *r, struct store *copy, const struct postmortem *p,
	const char *boot_id, const char *why_end, const struct err *why, struct err *err)
{
	if (store_begin(copy, err) != 0)
		return -1;
	if (store_death(r, copy, p, boot_id, why_end, err) != 0 ||
		note_unstored(r, copy, why, err) != 0)
		goto failed;
	if (why_end == NULL)
		tell_crash(r, copy, p, why);
	if (store_commit(copy, err) == 0)
		return 0;
failed:
	store_rollback(copy);
	return -1;
}

static int host_died_in_copy(const struct resume_request *q, struct resumed *r, struct store *copy,
	const struct unfinished *run, const char *boot_id, const struct err *why, bool *ends,
	struct err *err)
{
	const char *why_end = why_it_ends(r, q, run);
	struct postmortem p;
	int rc;

	postmortem_look(q->host, r->rules, r->req.scenario, run, r->view, r->trails, &p);
	if (q->store_is_shut)
		printf("run %s: %s\n", run->id, p.text);
	rc = write_copy(r, copy, &p, boot_id, why_end, why, err);
	postmortem_finish(&p);
	*ends = why_end != NULL;
	return rc;
}

/* How its host died, as a try before this one has found out in this boot; NULL = none has. */
static const char *known_death(const struct run_view *view)
{
	size_t i;

	for (i = view->nfailures; i-- > 0;)
		if (str_eq(view->failures[i].reason, "host-died"))
			return view->failures[i].detail;
	return NULL;
}

/*
 * It has not ended, and its boot is this one: its host's death was found out by a try before this one, and
 * it waits to go on; or all but its end was stored; or only its process died, which can wait, for its host
 * and the logs are as they were, or which was stored after the copy was made.
 */
static int ends_in_copy(const struct resumed *r, struct store *copy, const struct err *why,
	bool *ends, struct err *err)
{
	*ends = all_lanes_over(r);
	if (*ends)
		return note_unstored(r, copy, why, err);
	if (known_death(r->view) != NULL)
		return 0;
	return err_set(err, ERR_ABSENT, 0, "the copy of the store knows no end of the run");
}

static int settle_in_copy(const struct resume_request *q, struct resumed *r, struct store *copy,
	const struct unfinished *run, const char *boot_id, const struct err *why, struct err *err)
{
	bool ends = true;
	int rc = 0;

	if (run->ended)
		aftermath_of_ended(&r->req, copy, run->run, run->id);
	else if (str_eq(boot_id, run->boot_id))
		rc = ends_in_copy(r, copy, why, &ends, err);
	else
		rc = host_died_in_copy(q, r, copy, run, boot_id, why, &ends, err);
	if (rc != 0 || !ends)
		return rc;
	if (!run->ended)
		aftermath(&r->req, copy, run->run, run->id, NULL, -1, false, NULL);
	/* its files are for the next try, too */
	return store_reports_due(copy, run->run, true, err);
}

static int tell_in_copy(const struct resume_request *q, struct store *copy, struct unfinished *run,
	const struct err *why, struct err *err)
{
	struct resumed r = {0};
	char boot_id[40];
	struct err not_ours;
	int rc;

	host_boot_id(q->host, boot_id);
	run->alive &= run->pid != getpid();
	if (check_is_ours(q->host, run, boot_id, &not_ours) != 0)
		return 0;
	rc = load(q, copy, run, &r, err);
	if (rc == 0) {
		if (q->store_is_shut && str_eq(boot_id, run->boot_id) && known_death(r.view))
			printf("run %s: %s\n", run->id, known_death(r.view));
		rc = settle_in_copy(q, &r, copy, run, boot_id, why, err);
	}
	resumed_finish(&r);
	return rc == 0 ? 0 : err_wrap(err, "run %s", run->id);
}

int resume_tell(const struct resume_request *q, struct store *from, const char *which,
	const struct err *why, struct err *err)
{
	struct unfinished *runs;
	struct store *copy;
	int64_t run = 0;
	size_t n, i;
	int rc = 0;

	if (spare_open(q->spare, from, &copy, err) != 0 ||
		(which != NULL && store_find_run(copy, which, &run, err) != 0) ||
		store_unfinished(copy, run, &runs, &n, err) != 0)
		return err_wrap(err, "webhooks cannot be told");
	for (i = 0; i < n; i++) {
		if (tell_in_copy(q, copy, &runs[i], why, err) != 0)
			rc = err_wrap(err, "webhooks cannot be told");
		unfinished_finish(&runs[i]);
	}
	free(runs);
	aftermath_tell(copy, q->quiet, -1);
	return rc;
}

/* Read out of a transaction that is never written: files at least. p NULL: that its host died is stored. */
static void report_in_memory(const struct resumed *r, struct store *store,
	const struct postmortem *p, const char *boot_id, const char *why_end, const struct err *why)
{
	struct err err;

	if (store_begin_in_memory(store, &err) != 0) {
		complain_of("the run cannot be reported", &err);
		return;
	}
	/* files of less than all there is to tell are better than none */
	if ((p != NULL && store_death(r, store, p, boot_id, why_end, &err) != 0) ||
		note_unstored(r, store, why, &err) != 0)
		complain_of(r->past.id, &err);
	aftermath_unstored(&r->req, store, r->past.run, r->past.id);
	store_rollback(store);
}

static void look_and_report(const struct resume_request *q, struct resumed *r, struct store *store,
	const struct unfinished *run, const char *boot_id, const struct err *why)
{
	const char *why_end = why_it_ends(r, q, run);
	struct postmortem p;

	postmortem_look(q->host, r->rules, r->req.scenario, run, r->view, r->trails, &p);
	if (q->store_is_shut)
		printf("run %s: %s\n", run->id, p.text);
	if (why_end != NULL)
		report_in_memory(r, store, &p, boot_id, why_end, why);
	postmortem_finish(&p);
}

void resume_report_unstored(const struct resume_request *q, struct store *store,
	const struct unfinished *run, const struct err *why)
{
	struct resumed r = {0};
	char boot_id[40];
	struct err err;

	host_boot_id(q->host, boot_id);
	if (check_is_ours(q->host, run, boot_id, &err) != 0 || run->ended)
		return;
	if (load(q, store, run, &r, &err) != 0)
		complain_of(run->id, &err);
	else if (!str_eq(boot_id, run->boot_id))
		look_and_report(q, &r, store, run, boot_id, why);
	else if (all_lanes_over(&r))
		report_in_memory(&r, store, NULL, boot_id, NULL, why);
	resumed_finish(&r);
}

/* The disk may do worse next: whatever it does, it was said once. */
static void tell_unstored(const struct resume_request *q, struct store *store,
	const struct unfinished *run, const struct err *why)
{
	struct unfinished *now;
	struct err err;
	size_t n, i;

	if (resume_tell(q, store, run->id, why, &err) == 0)
		return;
	complain_of(run->id, &err);
	/* some of what was found may have been stored */
	if (store_unfinished(store, run->run, &now, &n, &err) != 0) {
		complain_of(run->id, &err);
		return;
	}
	for (i = 0; i < n; i++) {
		now[i].alive &= now[i].pid != getpid();
		resume_report_unstored(q, store, &now[i], why);
		unfinished_finish(&now[i]);
	}
	free(now);
}

int resume_run(const struct resume_request *q, struct store *store, const struct unfinished *run,
	struct resumed *out, enum resume_answer *answer, struct err *err)
{
	struct err unstored = {0};
	char boot_id[40];
	bool goes_on = false;
	int rc;

	host_boot_id(q->host, boot_id);
	if (check_is_ours(q->host, run, boot_id, err) != 0) {
		*answer = RESUME_LEFT;
		return 0;
	}
	*out = (struct resumed){0};
	rc = load(q, store, run, out, err);
	if (rc == 0 && run->ended) {
		printf("run %s has ended, but its reports were not written any more\n", run->id);
		out->exit_code = aftermath_of_ended(&out->req, store, run->run, run->id);
		out->stored = true;
		*answer = RESUME_ENDED;
		return 0;
	}
	if (rc == 0 && str_eq(boot_id, run->boot_id))
		rc = tool_died(out, store, run, err);
	else if (rc == 0)
		rc = host_died(q, out, store, run, boot_id, &goes_on, err);
	if (rc == 0 && !goes_on)
		out->exit_code =
			aftermath(&out->req, store, run->run, run->id, NULL, -1, false, &unstored);
	else if (rc != 0 && err->code == ERR_IO && !goes_on)
		unstored = *err;
	out->stored = !goes_on && unstored.code == ERR_NONE;
	out->refused = unstored.code == ERR_IO;
	if (unstored.code != ERR_NONE && !q->said)
		tell_unstored(q, store, run, &unstored);
	if (rc != 0 &&
		goes_on) { /* its host's death is stored: the next try ends a run whose tool died */
		resumed_finish(out);
		*answer = RESUME_LEFT;
		return 0;
	}
	if (rc != 0) {
		resumed_finish(out);
		return -1;
	}
	*answer = goes_on ? RESUME_GOES_ON : RESUME_ENDED;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_view.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/incident_rows.h"
#include "model/process.h"
#include "model/pulse.h"
#include "model/run_times.h"
#include "model/run_view_parts.h"
#include "model/store.h"
#include "model/store_baseline.h"
#include "model/times.h"

#include <stdlib.h>
#include <string.h>

/* What is needed while loading: one store, one run, one view. */
struct loading {
	struct db *db;
	int64_t run;
	struct run_view *view;
	struct err *err;
};

static const char *keep(struct loading *l, struct query *q, int column)
{
	return arena_strdup(&l->view->arena, db_text(q, column));
}

static const char *keep_or_null(struct loading *l, struct query *q, int column)
{
	return db_is_null(q, column) ? NULL : keep(l, q, column);
}

/* Moves a VEC into the arena. */
#define KEEP_VEC(l, vec, array, count)                                                             \
	do {                                                                                       \
		size_t bytes_ = (vec)->n * sizeof(*(vec)->v);                                      \
		(array) = arena_alloc(&(l)->view->arena, bytes_ + 1);                              \
		if (bytes_ > 0)                                                                    \
			memcpy((array), (vec)->v, bytes_);                                         \
		(count) = (vec)->n;                                                                \
		vec_finish(vec);                                                                   \
	} while (0)

static int load_run(struct loading *l)
{
	struct run_view *v = l->view;
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT id, scenario, scenario_text, tool_version, boot_id, seed, simulated,"
		    " started_ns, coalesce(ended_ns, alive_ns), ended_ns IS NOT NULL, aborted,"
		    /* a run that died left no account of the log, but the records themselves */
		    " CASE WHEN ended_ns IS NULL THEN (SELECT count(*) FROM record WHERE run = key)"
		    " ELSE klog_records END, klog_lost, blind, blind_reason, host_name, kernel, "
		    "cmdline, "
		    "bios,"
		    " board, cpu, microcode, qemu, libvirt, pid, pid_start, settings FROM run"
		    " WHERE key = ?",
		    "i", l->run) != 0)
		return -1;
	rc = db_row(q, l->err);
	if (rc == 1) {
		v->id = keep(l, q, 0);
		v->scenario = keep(l, q, 1);
		v->scenario_text = keep(l, q, 2);
		v->tool_version = keep(l, q, 3);
		v->boot_id = keep(l, q, 4);
		v->seed = (uint64_t)db_int(q, 5);
		v->simulated = db_int(q, 6);
		v->started_ns = db_int(q, 7);
		v->ended_ns = db_int(q, 8);
		v->ended = db_int(q, 9);
		v->aborted = keep(l, q, 10);
		v->klog_records = (uint64_t)db_int(q, 11);
		v->klog_lost = (uint64_t)db_int(q, 12);
		v->blind = db_int(q, 13);
		v->blind_reason = keep(l, q, 14);
		v->host = (struct host_facts){keep(l, q, 15), keep(l, q, 16), keep(l, q, 17),
			keep(l, q, 18), keep(l, q, 19), keep(l, q, 20), keep(l, q, 21),
			keep(l, q, 22), keep(l, q, 23)};
		v->running = !v->ended && process_lives(NULL, db_int(q, 24), db_int(q, 25));
		v->settings = keep(l, q, 26);
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int load_lane_list(struct loading *l)
{
	VEC(struct lane_row) lanes = {0};
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err, "SELECT name, domain FROM lane WHERE run = ? ORDER BY lane",
		    "i", l->run) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		struct lane_row *lane = vec_push(&lanes);

		lane->name = keep(l, q, 0);
		lane->domain = keep_or_null(l, q, 1);
		lane->reason = "";
	}
	db_done(q);
	KEEP_VEC(l, &lanes, l->view->lanes, l->view->nlanes);
	return rc;
}

static int load_devices(struct loading *l, size_t lane)
{
	VEC(struct pcidev) devices = {0};
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT bdf, vendor, device, subvendor, subdevice, revision, class, name"
		    " FROM lane_device WHERE run = ? AND lane = ?",
		    "ii", l->run, (int64_t)lane) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		struct pcidev *d = vec_push(&devices);

		(void)bdf_parse(db_text(q, 0), &d->bdf);
		d->vendor = (uint16_t)db_int(q, 1);
		d->device = (uint16_t)db_int(q, 2);
		d->subvendor = (uint16_t)db_int(q, 3);
		d->subdevice = (uint16_t)db_int(q, 4);
		d->revision = (uint8_t)db_int(q, 5);
		d->class_code = (uint32_t)db_int(q, 6);
		str_set(d->name, db_text(q, 7));
	}
	db_done(q);
	KEEP_VEC(l, &devices, l->view->lanes[lane].devices, l->view->lanes[lane].ndevices);
	return rc;
}

static int load_step_list(struct loading *l, size_t lane)
{
	VEC(struct step_row) steps = {0};
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT phase, step, name, word, arg, device FROM step"
		    " WHERE run = ? AND lane = ? ORDER BY phase, step, device",
		    "ii", l->run, (int64_t)lane) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		struct step_row *s = vec_push(&steps);

		s->phase = (enum phase)db_int(q, 0);
		s->index = (uint32_t)db_int(q, 1);
		s->name = keep(l, q, 2);
		s->word = keep(l, q, 3);
		s->arg = keep_or_null(l, q, 4);
		s->device = *db_text(q, 5) ? keep(l, q, 5) : NULL;
		s->p50_ms = s->p95_ms = s->max_ms = -1;
	}
	db_done(q);
	KEEP_VEC(l, &steps, l->view->lanes[lane].steps, l->view->lanes[lane].nsteps);
	return rc;
}

/* Counts one step row's ends and sorts their times. */
static int load_step_ends(struct loading *l, size_t lane, struct step_row *s, struct times *times)
{
	int64_t total_ns = 0;
	struct query *q;
	int rc;

	times->n = 0;
	if (run_row_query(l->db, l->run, lane, s, EV_STEP_END, &q, l->err) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		enum outcome o = (enum outcome)db_int(q, 0);

		s->count++;
		s->failed += o == OUTCOME_FAIL;
		s->broken += o == OUTCOME_BROKEN;
		s->skipped += o == OUTCOME_SKIPPED;
		if (o == OUTCOME_SKIPPED)
			continue;
		total_ns += db_int(q, 1);
		times_add(times, db_int(q, 1));
	}
	db_done(q);
	s->total_ms = total_ns / NS_PER_MS;
	times_spread(times, &s->p50_ms, &s->p95_ms, &s->max_ms);
	return rc;
}

static int load_usable(struct loading *l, size_t lane, struct step_row *s, struct times *times)
{
	struct query *q;
	int rc;

	times->n = 0;
	if (run_row_query(l->db, l->run, lane, s, EV_SUBSTEP, &q, l->err) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1)
		if (str_eq(db_text(q, 2), SUBSTEP_USABLE))
			times_add(times, db_int(q, 1));
	db_done(q);
	s->usable.count = times->n;
	times_spread(times, &s->usable.p50_ms, &s->usable.p95_ms, &s->usable.max_ms);
	return rc;
}

static int load_steps(struct loading *l, size_t lane)
{
	struct lane_row *row = &l->view->lanes[lane];
	struct times times = {0};
	size_t i;
	int rc;

	rc = load_step_list(l, lane);
	for (i = 0; rc == 0 && i < row->nsteps; i++) {
		rc = load_step_ends(l, lane, &row->steps[i], &times);
		if (rc == 0 && row->steps[i].device != NULL)
			rc = load_usable(l, lane, &row->steps[i], &times);
	}
	times_finish(&times);
	return rc;
}

/* A cycle failed when a step of it did, or when an incident over budget fell into it. */
static int load_cycles(struct loading *l, size_t lane)
{
	struct lane_row *row = &l->view->lanes[lane];
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT count(*), coalesce(sum(outcome IN (1, 2) OR cycle IN (SELECT cycle FROM"
		    " incident i WHERE i.run = ?1 AND i.lane = ?2 AND i.over_budget)), 0)"
		    " FROM event WHERE run = ?1 AND kind = ?3 AND lane = ?2 AND outcome <> 4",
		    "iii", l->run, (int64_t)lane, (int64_t)EV_CYCLE_END) != 0)
		return -1;
	rc = db_row(q, l->err);
	if (rc == 1) {
		row->cycles_done = (uint64_t)db_int(q, 0);
		row->cycles_failed = (uint64_t)db_int(q, 1);
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int load_lane_end(struct loading *l, size_t lane)
{
	struct lane_row *row = &l->view->lanes[lane];
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT outcome, text FROM event WHERE run = ? AND kind = ? AND lane = ?"
		    " ORDER BY id DESC LIMIT 1",
		    "iii", l->run, (int64_t)EV_LANE_END, (int64_t)lane) != 0)
		return -1;
	rc = db_row(q, l->err);
	if (rc == 1) {
		row->ended = true;
		row->end = (enum outcome)db_int(q, 0);
		row->reason = keep(l, q, 1);
	}
	db_done(q);
	return rc < 0 ? -1 : 0;
}

static int load_lanes(struct loading *l)
{
	size_t i;

	if (load_lane_list(l) != 0)
		return -1;
	for (i = 0; i < l->view->nlanes; i++)
		if (load_devices(l, i) != 0 || load_steps(l, i) != 0 || load_cycles(l, i) != 0 ||
			load_lane_end(l, i) != 0)
			return -1;
	return 0;
}

/* Every boot that a lane waited for must have been proved; one that could not be spoils it. */
static int load_boot_proof(struct loading *l)
{
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT count(*) > 0 AND min(code) > 0 FROM event WHERE run = ? AND kind = ?",
		    "ii", l->run, (int64_t)EV_BOOT_PROOF) != 0)
		return -1;
	rc = db_row(q, l->err);
	if (rc == 1)
		l->view->boots_proved = db_int(q, 0);
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static const char *word_of(const struct run_view *v, int64_t lane, int64_t phase, int64_t step)
{
	size_t i;

	if (lane < 0 || (size_t)lane >= v->nlanes)
		return "";
	for (i = 0; i < v->lanes[lane].nsteps; i++) {
		const struct step_row *s = &v->lanes[lane].steps[i];

		if (s->phase == (enum phase)phase && s->index == step)
			return s->word;
	}
	return "";
}

/* From lane, cycle, phase, step and subject of an event. */
static void place_failure(struct loading *l, struct query *q, struct failure_row *f)
{
	f->lane = (int32_t)db_int(q, 0);
	f->cycle = db_int(q, 2) == PHASE_AFTER ? -1 : (int32_t)db_int(q, 1);
	f->step_index = (int32_t)db_int(q, 3);
	f->step = f->step_index == -1 ? "between"
				      : word_of(l->view, db_int(q, 0), db_int(q, 2), f->step_index);
	f->device = strchr(db_text(q, 4), ':') ? keep(l, q, 4) : NULL;
}

static int load_failures(struct loading *l)
{
	VEC(struct failure_row) failures = {0};
	struct run_view *v = l->view;
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT lane, cycle, phase, step, subject, outcome, reason, text, hint FROM "
		    "event"
		    " WHERE run = ? AND kind = ? AND outcome IN (1, 2) ORDER BY id",
		    "ii", l->run, (int64_t)EV_STEP_END) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		struct failure_row *f;

		if (v->failures_total++ >= FAILURES_SHOWN_MAX)
			continue;
		f = vec_push(&failures);
		place_failure(l, q, f);
		f->outcome = (enum outcome)db_int(q, 5);
		f->reason = keep(l, q, 6);
		f->detail = keep(l, q, 7);
		f->advice = keep(l, q, 8);
	}
	db_done(q);
	KEEP_VEC(l, &failures, v->failures, v->nfailures);
	return rc;
}

static void append_failures(struct run_view *v, const struct failure_row *rows, size_t n)
{
	struct failure_row *all = arena_alloc(&v->arena, (v->nfailures + n) * sizeof(*all) + 1);

	if (v->nfailures > 0)
		memcpy(all, v->failures, v->nfailures * sizeof(*all));
	if (n > 0)
		memcpy(all + v->nfailures, rows, n * sizeof(*all));
	v->failures = all;
	v->nfailures += n;
	v->failures_total += n;
}

/* Of a run that died, the step in which each lane was then: the suspects. */
static int load_open_steps(struct loading *l)
{
	VEC(struct failure_row) failures = {0};
	struct run_view *v = l->view;
	struct query *q;
	char took[32];
	int rc;

	if (v->ended || v->running)
		return 0;
	if (db_query(l->db, &q, l->err,
		    "SELECT b.lane, b.cycle, b.phase, b.step, b.subject, b.wall_ns FROM event b"
		    " WHERE b.id IN (SELECT max(id) FROM event WHERE run = ?1 AND kind IN (?2, ?3)"
		    "  GROUP BY lane) AND b.kind = ?2 ORDER BY b.wall_ns",
		    "iii", l->run, (int64_t)EV_STEP_BEGIN, (int64_t)EV_STEP_END) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		struct failure_row *f = vec_push(&failures);
		int64_t open_ns = v->ended_ns - db_int(q, 5);

		place_failure(l, q, f);
		f->outcome = OUTCOME_ABORTED;
		f->reason = "run-died";
		f->detail = arena_printf(&v->arena,
			"the run died in this step: its last sign of life came %s after the step "
			"began",
			duration_text(open_ns > 0 ? open_ns / NS_PER_MS : 0, took, sizeof(took)));
		f->advice = "this step is the suspect when the host went down with the run";
	}
	db_done(q);
	append_failures(v, failures.v, failures.n);
	vec_finish(&failures);
	return rc;
}

static void count_incident(struct run_view *v, enum severity severity, bool tolerated, bool over)
{
	v->totals.all++;
	v->totals.severity[severity]++;
	v->totals.tolerated += tolerated;
	v->totals.over_budget += over;
}

/* Info is counted, not listed; expected events too. The rest: what fails the run comes first. */
static int load_incidents(struct loading *l)
{
	VEC(struct incident) list = {0};
	struct run_view *v = l->view;
	struct query *q;
	size_t i;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT " INCIDENT_COLUMNS
		    " FROM incident WHERE run = ? ORDER BY over_budget DESC, in_lane DESC, "
		    "severity DESC, no",
		    "i", l->run) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1) {
		if (db_int(q, 5))
			v->expected_events += (uint64_t)db_int(q, 15);
		else if (db_int(q, 2) == SEV_INFO && !db_int(q, 3) && !db_int(q, 4))
			v->info_events += (uint64_t)db_int(q, 15);
		else {
			count_incident(
				v, incident_severity(db_int(q, 2)), db_int(q, 3), db_int(q, 4));
			if (list.n < INCIDENTS_SHOWN_MAX)
				incident_read(q, vec_push(&list));
		}
	}
	db_done(q);
	KEEP_VEC(l, &list, v->incidents, v->nincidents);
	for (i = 0; rc == 0 && i < v->nincidents; i++)
		rc = incident_read_lines(l->db, l->run, &v->incidents[i], l->err);
	return rc;
}

static int load_sentences(struct loading *l, const char *kind, struct strings_row *out)
{
	VEC(const char *) list = {0};
	struct query *q;
	int rc;

	if (db_query(l->db, &q, l->err,
		    "SELECT text FROM note WHERE run = ? AND kind = ? ORDER BY rowid", "is", l->run,
		    kind) != 0)
		return -1;
	while ((rc = db_row(q, l->err)) == 1)
		*vec_push(&list) = keep(l, q, 0);
	db_done(q);
	KEEP_VEC(l, &list, out->v, out->n);
	return rc;
}

static const char *undo_sentence(struct run_view *v, const struct undo_rec *rec)
{
	switch (rec->kind) {
	case UNDO_WRITE:
		return arena_printf(&v->arena, "write '%s' to %s", rec->value, rec->path);
	case UNDO_DRIVER:
		return arena_printf(&v->arena, "bind %s to %s", rec->subject,
			*rec->value ? rec->value : "no driver");
	case UNDO_DOMAIN:
		return arena_printf(
			&v->arena, "bring domain %s back to '%s'", rec->subject, rec->value);
	case UNDO_TRACE:
		return arena_printf(&v->arena, "remove tracing instance %s", rec->subject);
	}
	return "";
}

static int load_undo_left(struct loading *l, struct store *store)
{
	auto_free struct undo_open *open = NULL;
	struct run_view *v = l->view;
	size_t i;

	if (store_undo_list(store, l->run, &open, &v->undo_left.n, l->err) != 0)
		return -1;
	v->undo_left.v = arena_alloc(&v->arena, (v->undo_left.n + 1) * sizeof(char *));
	for (i = 0; i < v->undo_left.n; i++)
		v->undo_left.v[i] = undo_sentence(v, &open[i].rec);
	return 0;
}

int run_last_verdict(struct store *store, const char *scenario, const char *host, int64_t before,
	enum verdict *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(store), &q, err,
		    "SELECT verdict, pid, pid_start FROM run WHERE scenario = ? AND host_name = ?"
		    " AND key < ? ORDER BY key DESC",
		    "ssi", scenario, host, before) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		if (db_is_null(q, 0) && process_lives(NULL, db_int(q, 1), db_int(q, 2)))
			continue; /* it goes on */
		*out = db_is_null(q, 0) ? VERDICT_ABORTED : (enum verdict)db_int(q, 0);
		break;
	}
	db_done(q);
	return rc;
}

static int load_previous(struct loading *l, struct store *store)
{
	struct run_view *v = l->view;
	int rc = run_last_verdict(store, v->scenario, v->host.name, l->run, &v->previous, l->err);

	v->has_previous = rc == 1;
	return rc < 0 ? -1 : 0;
}

static int load_baseline(struct loading *l, struct store *store)
{
	struct baseline_result r = {0};
	int rc = store_baseline_result_get(store, l->run, &l->view->arena, &r, l->err);

	l->view->baseline.run = r.run;
	l->view->baseline.result = r.result;
	l->view->baseline.text = r.text;
	return rc < 0 ? -1 : 0;
}

int run_view_load(struct store *store, const char *which, struct run_view **out, struct err *err)
{
	struct run_view *v = xcalloc(1, sizeof(*v));
	struct loading l = {.db = store_db(store), .view = v, .err = err};

	v->verdict_reason = "";
	if (store_find_run(store, which, &l.run, err) != 0 || load_run(&l) != 0 ||
		load_lanes(&l) != 0 || run_view_resets(l.db, l.run, v, err) != 0 ||
		run_view_preflight(l.db, l.run, v, err) != 0 || load_boot_proof(&l) != 0 ||
		load_failures(&l) != 0 || load_open_steps(&l) != 0 || load_incidents(&l) != 0 ||
		load_sentences(&l, "note", &v->notes) != 0 ||
		load_sentences(&l, "blind-spot", &v->blind_spots) != 0 ||
		load_undo_left(&l, store) != 0 || load_previous(&l, store) != 0 ||
		load_baseline(&l, store) != 0) {
		run_view_free(v);
		return -1;
	}
	v->store = store;
	v->key = l.run;
	*out = v;
	return 0;
}

int run_view_goes_on(const struct run_view *view, bool *out, struct err *err)
{
	struct run_pulse pulse;

	if (store_pulse(view->store, view->key, &pulse, err) != 0)
		return -1;
	*out = !pulse.ended && pulse.lives;
	return 0;
}

void run_view_free(struct run_view *view)
{
	size_t i;

	if (view == NULL)
		return;
	for (i = 0; i < view->nincidents; i++)
		incident_finish(&view->incidents[i]);
	arena_finish(&view->arena);
	free(view);
}

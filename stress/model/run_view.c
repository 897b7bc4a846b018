/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_view.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/incident_rows.h"
#include "model/process.h"
#include "model/pulse.h"
#include "model/run_view_parts.h"
#include "model/store.h"
#include "model/store_baseline.h"

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
	rc = db_one_row(q, l->err);
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
		if (load_devices(l, i) != 0 || load_step_list(l, i) != 0 ||
			load_lane_end(l, i) != 0)
			return -1;
	return 0;
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

int run_view_load(struct store *store, const char *which, struct run_view **out, struct err *err)
{
	struct run_view *v = xcalloc(1, sizeof(*v));
	struct loading l = {.db = store_db(store), .view = v, .err = err};

	v->verdict_reason = "";
	if (store_find_run(store, which, &l.run, err) != 0 || load_run(&l) != 0 ||
		load_lanes(&l) != 0 || run_view_events(l.db, l.run, v, err) != 0 ||
		run_view_preflight(l.db, l.run, v, err) != 0 || load_incidents(&l) != 0 ||
		load_sentences(&l, "note", &v->notes) != 0 ||
		load_sentences(&l, "blind-spot", &v->blind_spots) != 0 ||
		load_sentences(&l, "left", &v->left) != 0 || load_undo_left(&l, store) != 0 ||
		load_previous(&l, store) != 0 ||
		store_baseline_result_get(store, l.run, &v->arena, &v->baseline, err) != 0) {
		run_view_free(v);
		return -1;
	}
	v->store = store;
	v->key = l.run;
	*out = v;
	return 0;
}

uint64_t step_row_passed(const struct step_row *s)
{
	return s->count - s->failed - s->broken - s->skipped - s->aborted;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/run_rows.h"
#include "model/run_view_parts.h"
#include "model/times.h"

#include <string.h>

/* Of the query of all events; the first five, of every query that says where a step failed. */
enum column { LANE, CYCLE, PHASE, STEP, SUBJECT, OUTCOME, REASON, TEXT, HINT, KIND, CODE, DUR_NS };

/* What is counted of a step row until all is read. */
struct tally {
	struct times ends, usable;
	uint64_t total_ns;
};

/* A cycle into which an incident over budget fell. */
struct spoiled {
	int64_t lane, cycle;
};

struct reading {
	struct run_view *view;
	struct tally **tallies; /* [lane][step] */
	struct reset_matrix *resets;
	VEC(struct failure_row) failures;
	VEC(struct spoiled) spoiled; /* sorted */
	bool boot_unproved;
};

/* ---- failures ---- */

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

static const char *keep(struct run_view *v, struct query *q, enum column column)
{
	return arena_strdup(&v->arena, db_text(q, column));
}

static void place_failure(struct run_view *v, struct query *q, struct failure_row *f)
{
	f->lane = (int32_t)db_int(q, LANE);
	f->cycle = db_int(q, PHASE) == PHASE_AFTER ? -1 : (int32_t)db_int(q, CYCLE);
	f->step_index = (int32_t)db_int(q, STEP);
	f->step = f->step_index == -1
		? "between"
		: word_of(v, db_int(q, LANE), db_int(q, PHASE), f->step_index);
	f->device = strchr(db_text(q, SUBJECT), ':') ? keep(v, q, SUBJECT) : NULL;
}

static void add_failure(struct reading *r, struct query *q)
{
	struct failure_row *f;

	if (r->view->failures_total++ >= FAILURES_SHOWN_MAX)
		return;
	f = vec_push(&r->failures);
	place_failure(r->view, q, f);
	f->outcome = (enum outcome)db_int(q, OUTCOME);
	f->reason = keep(r->view, q, REASON);
	f->detail = keep(r->view, q, TEXT);
	f->advice = keep(r->view, q, HINT);
}

/* Of a run that died, the step in which each lane was then: the suspects. */
static int add_open_steps(struct reading *r, struct db *db, int64_t run, struct err *err)
{
	struct run_view *v = r->view;
	struct query *q;
	char took[32];
	int rc;

	if (v->ended || v->running)
		return 0;
	if (db_query(db, &q, err,
		    "SELECT b.lane, b.cycle, b.phase, b.step, b.subject, b.wall_ns FROM event b"
		    " WHERE b.id IN (SELECT max(id) FROM event WHERE run = ?1 AND kind IN (?2, ?3)"
		    "  GROUP BY lane) AND b.kind = ?2 ORDER BY b.wall_ns",
		    "iii", run, (int64_t)EV_STEP_BEGIN, (int64_t)EV_STEP_END) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		struct failure_row *f = vec_push(&r->failures);
		int64_t open_ns = v->ended_ns - db_int(q, SUBJECT + 1);

		v->failures_total++;
		place_failure(v, q, f);
		f->outcome = OUTCOME_ABORTED;
		f->reason = "run-died";
		f->detail = arena_printf(&v->arena,
			"the run died in this step: its last sign of life came %s after the step "
			"began",
			duration_text(open_ns > 0 ? open_ns / NS_PER_MS : 0, took, sizeof(took)));
		f->advice = "this step is the suspect when the host went down with the run";
	}
	db_done(q);
	return rc;
}

/* ---- rows of steps ---- */

/* The row of the step in whose course it came; -1 = none. */
static int64_t row_of(const struct lane_row *lane, struct query *q)
{
	enum phase phase = (enum phase)db_int(q, PHASE);
	int64_t index = db_int(q, STEP);
	size_t i;

	for (i = 0; i < lane->nsteps; i++) {
		const struct step_row *s = &lane->steps[i];

		if (s->phase == phase && s->index == index &&
			(s->device == NULL || str_eq(s->device, db_text(q, SUBJECT))))
			return (int64_t)i;
	}
	return -1;
}

static void end_step(struct reading *r, size_t lane, size_t step, struct query *q)
{
	struct step_row *s = &r->view->lanes[lane].steps[step];
	struct tally *t = &r->tallies[lane][step];
	enum outcome o = (enum outcome)db_int(q, OUTCOME);
	int64_t dur_ns = db_int(q, DUR_NS);

	reset_matrix_ended(r->resets, lane, step, o, db_text(q, REASON), dur_ns);
	s->count++;
	s->failed += o == OUTCOME_FAIL;
	s->broken += o == OUTCOME_BROKEN;
	s->skipped += o == OUTCOME_SKIPPED;
	s->aborted += o == OUTCOME_ABORTED;
	if (o == OUTCOME_SKIPPED)
		return;
	t->total_ns += (uint64_t)dur_ns;
	times_add(&t->ends, dur_ns);
}

/* ---- cycles ---- */

static int compare_spoiled(const void *a, const void *b)
{
	const struct spoiled *x = a, *y = b;

	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	return (x->cycle > y->cycle) - (x->cycle < y->cycle);
}

/* Here, not by a join: that would have to look for each of all cycles. */
static int list_spoiled(struct reading *r, struct db *db, int64_t run, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(db, &q, err, "SELECT lane, cycle FROM incident WHERE run = ? AND over_budget",
		    "i", run) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		if (!db_is_null(q, 0) && !db_is_null(q, 1))
			*vec_push(&r->spoiled) = (struct spoiled){db_int(q, 0), db_int(q, 1)};
	db_done(q);
	if (r->spoiled.n > 0)
		qsort(r->spoiled.v, r->spoiled.n, sizeof(*r->spoiled.v), compare_spoiled);
	return rc;
}

/* A cycle failed when a step of it did, or when an incident over budget fell into it. */
static void end_cycle(struct reading *r, struct query *q)
{
	const struct spoiled key = {db_int(q, LANE), db_int(q, CYCLE)};
	struct lane_row *lane = &r->view->lanes[key.lane];
	enum outcome o = (enum outcome)db_int(q, OUTCOME);

	if (o == OUTCOME_ABORTED)
		return;
	lane->cycles_done++;
	lane->cycles_failed += o == OUTCOME_FAIL || o == OUTCOME_BROKEN ||
		(r->spoiled.n > 0 &&
			bsearch(&key, r->spoiled.v, r->spoiled.n, sizeof(key), compare_spoiled));
}

/* ---- one event ---- */

/* Of a step on a device: what became of it, how the device was before, when it answered again. */
static void add_to_row(struct reading *r, size_t lane, struct query *q)
{
	int64_t kind = db_int(q, KIND), step = row_of(&r->view->lanes[lane], q);

	if (step < 0)
		return;
	if (kind == EV_STEP_END)
		end_step(r, lane, (size_t)step, q);
	else if (kind == EV_DEVICE_STATE && str_eq(db_text(q, REASON), "before"))
		reset_matrix_found(r->resets, lane, (size_t)step, db_int(q, CODE));
	else if (kind == EV_SUBSTEP && r->view->lanes[lane].steps[step].device != NULL &&
		str_eq(db_text(q, TEXT), SUBSTEP_USABLE))
		times_add(&r->tallies[lane][step].usable, db_int(q, DUR_NS));
}

static void add_event(struct reading *r, struct query *q)
{
	int64_t kind = db_int(q, KIND), lane = db_int(q, LANE), outcome = db_int(q, OUTCOME);

	if (kind == EV_STEP_END && (outcome == OUTCOME_FAIL || outcome == OUTCOME_BROKEN))
		add_failure(r, q);
	if (kind == EV_BOOT_PROOF) {
		/* every boot that a lane waited for must have been proved */
		r->view->boots_proved = !r->boot_unproved && db_int(q, CODE) > 0;
		r->boot_unproved = !r->view->boots_proved;
	} else if (lane >= 0 && (size_t)lane < r->view->nlanes) {
		if (kind == EV_CYCLE_END)
			end_cycle(r, q);
		else
			add_to_row(r, (size_t)lane, q);
	}
}

/* ---- all of them ---- */

/* In the order in which they came, by key: to find each through an index takes four times as long. */
static int read_all(struct reading *r, struct db *db, int64_t run, struct err *err)
{
	const int64_t kinds = EVENTS_OF(EV_CYCLE_END) | EVENTS_OF(EV_STEP_END) |
		EVENTS_OF(EV_SUBSTEP) | EVENTS_OF(EV_DEVICE_STATE) | EVENTS_OF(EV_BOOT_PROOF);
	struct event_ids ids;
	struct query *q;
	int rc;

	if (list_spoiled(r, db, run, err) != 0 || run_event_ids(db, run, &ids, err) != 0 ||
		db_query(db, &q, err,
			"SELECT lane, cycle, phase, step, subject, outcome, reason, text, hint, "
			"kind, code, dur_ns FROM event WHERE id BETWEEN ?2 AND ?3 AND +run = ?1"
			" AND (1 << kind) & ?4 ORDER BY id",
			"iiii", run, ids.first, ids.last, kinds) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		add_event(r, q);
	db_done(q);
	return rc;
}

static void finish_row(struct step_row *s, struct tally *t)
{
	s->total_ms = (int64_t)(t->total_ns / (uint64_t)NS_PER_MS);
	times_spread(&t->ends, &s->p50_ms, &s->p95_ms, &s->max_ms);
	times_finish(&t->ends);
	s->usable.count = t->usable.n;
	times_spread(&t->usable, &s->usable.p50_ms, &s->usable.p95_ms, &s->usable.max_ms);
	times_finish(&t->usable);
}

static void finish(struct reading *r)
{
	struct run_view *v = r->view;
	size_t i, k;

	for (i = 0; i < v->nlanes; i++) {
		for (k = 0; k < v->lanes[i].nsteps; k++)
			finish_row(&v->lanes[i].steps[k], &r->tallies[i][k]);
		free(r->tallies[i]);
	}
	free(r->tallies);
	reset_matrix_finish(r->resets, v);
	v->failures = arena_alloc(&v->arena, r->failures.n * sizeof(*v->failures) + 1);
	if (r->failures.n > 0)
		memcpy(v->failures, r->failures.v, r->failures.n * sizeof(*v->failures));
	v->nfailures = r->failures.n;
	vec_finish(&r->failures);
	vec_finish(&r->spoiled);
}

int run_view_events(struct db *db, int64_t run, struct run_view *v, struct err *err)
{
	struct reading r = {.view = v, .resets = reset_matrix_new(v)};
	size_t i;
	int rc;

	r.tallies = xcalloc(v->nlanes + 1, sizeof(struct tally *));
	for (i = 0; i < v->nlanes; i++)
		r.tallies[i] = xcalloc(v->lanes[i].nsteps + 1, sizeof(struct tally));
	rc = read_all(&r, db, run, err);
	if (rc == 0)
		rc = add_open_steps(&r, db, run, err);
	finish(&r);
	return rc;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/run_view_parts.h"
#include "model/times.h"

#include <string.h>

/* What one method did to one device, by who had that. */
struct tally {
	uint64_t tried, worked;
	struct times times;
};

struct matrix {
	struct db *db;
	int64_t run;
	struct run_view *view;
	struct tally by_use[USE_COUNT];
	VEC(struct reset_row) rows;
	struct err *err;
};

/* A store may come from anywhere: what is no use is unknown. */
static enum device_use use_of(int64_t stored)
{
	return stored > 0 && stored < USE_COUNT ? (enum device_use)stored : USE_UNKNOWN;
}

/*
 * Others than these say nothing of the device. A step that was expected to fail, and did, has passed;
 * the reset has not worked.
 */
static void count(struct tally *t, struct query *end)
{
	enum outcome outcome = (enum outcome)db_int(end, 1);

	if (outcome != OUTCOME_PASS && outcome != OUTCOME_FAIL)
		return;
	t->tried++;
	t->worked += outcome == OUTCOME_PASS && *db_text(end, 3) == '\0';
	times_add(&t->times, db_int(end, 2));
}

/*
 * Two readings in the order of time, one beside the other: how resets ended, and how the device was
 * found before. What was not found has no use.
 */
static int pair(struct matrix *m, struct query *ends, struct query *finds)
{
	enum device_use use = USE_UNKNOWN;
	int rc, more = db_row(finds, m->err);

	while ((rc = db_row(ends, m->err)) == 1 && more >= 0) {
		while (more == 1 && db_int(finds, 0) < db_int(ends, 0)) {
			use = use_of(db_int(finds, 1));
			more = db_row(finds, m->err);
		}
		count(&m->by_use[use], ends);
		use = USE_UNKNOWN;
	}
	return more < 0 ? -1 : rc;
}

static int tally_row(struct matrix *m, size_t lane, const struct step_row *s)
{
	struct query *ends = NULL, *finds = NULL;
	int rc = -1;

	if (db_query(m->db, &ends, m->err,
		    "SELECT id, outcome, dur_ns, reason FROM event WHERE run = ? AND kind = ?"
		    " AND lane = ? AND phase = ? AND step = ? AND subject = ? ORDER BY id",
		    "iiiiis", m->run, (int64_t)EV_STEP_END, (int64_t)lane, (int64_t)s->phase,
		    (int64_t)s->index, s->device) == 0 &&
		db_query(m->db, &finds, m->err,
			"SELECT id, code FROM event WHERE run = ? AND kind = ? AND lane = ?"
			" AND phase = ? AND step = ? AND subject = ? AND reason = 'before'"
			" ORDER BY id",
			"iiiiis", m->run, (int64_t)EV_DEVICE_STATE, (int64_t)lane,
			(int64_t)s->phase, (int64_t)s->index, s->device) == 0)
		rc = pair(m, ends, finds);
	db_done(ends);
	db_done(finds);
	return rc;
}

static void add_rows(struct matrix *m, size_t lane, const struct step_row *s)
{
	enum device_use use;

	for (use = USE_UNKNOWN; use < USE_COUNT; use++) {
		struct tally *t = &m->by_use[use];
		struct reset_row row = {.lane = lane,
			.device = s->device,
			.method = s->arg ? s->arg : s->name,
			.use = use,
			.tried = t->tried,
			.worked = t->worked};

		times_spread(&t->times, &row.p50_ms, &row.p95_ms, &row.max_ms);
		if (t->tried > 0)
			*vec_push(&m->rows) = row;
		t->tried = t->worked = t->times.n = 0;
	}
}

static bool is_same(const struct step_row *a, const struct step_row *b)
{
	return str_eq(b->word, "reset") && b->device != NULL && str_eq(a->device, b->device) &&
		str_eq(a->arg ? a->arg : a->name, b->arg ? b->arg : b->name);
}

/* The same method on the same device, in any step of the lane. */
static int tally_lane(struct matrix *m, size_t lane)
{
	const struct lane_row *row = &m->view->lanes[lane];
	size_t i, k;

	for (i = 0; i < row->nsteps; i++) {
		const struct step_row *s = &row->steps[i];

		if (!str_eq(s->word, "reset") || s->device == NULL)
			continue;
		for (k = 0; k < i && !is_same(s, &row->steps[k]); k++)
			;
		if (k < i)
			continue;
		for (; k < row->nsteps; k++)
			if (is_same(s, &row->steps[k]) && tally_row(m, lane, &row->steps[k]) != 0)
				return -1;
		add_rows(m, lane, s);
	}
	return 0;
}

int run_view_resets(struct db *db, int64_t run, struct run_view *v, struct err *err)
{
	struct matrix m = {.db = db, .run = run, .view = v, .err = err};
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < v->nlanes; i++)
		rc = tally_lane(&m, i);
	for (i = 0; i < USE_COUNT; i++)
		times_finish(&m.by_use[i].times);
	v->resets = arena_alloc(&v->arena, m.rows.n * sizeof(*v->resets) + 1);
	if (m.rows.n > 0)
		memcpy(v->resets, m.rows.v, m.rows.n * sizeof(*v->resets));
	v->nresets = m.rows.n;
	vec_finish(&m.rows);
	return rc;
}

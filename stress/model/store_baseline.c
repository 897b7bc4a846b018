/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/baseline.h"
#include "model/store_baseline.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/db.h"

/* Made when they are first needed: stores of before are stores without baselines, and stay readable. */
static const char tables[] =
	"CREATE TABLE IF NOT EXISTS baseline (run INTEGER PRIMARY KEY, host TEXT NOT NULL,"
	" scenario TEXT NOT NULL, models TEXT NOT NULL, marked_ns INTEGER NOT NULL,"
	" UNIQUE (host, scenario, models));"
	"CREATE TABLE IF NOT EXISTS baseline_result (run INTEGER PRIMARY KEY, baseline TEXT NOT "
	"NULL,"
	" result TEXT NOT NULL, text TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS baseline_row (run INTEGER NOT NULL, no INTEGER NOT NULL,"
	" lane INTEGER NOT NULL, step INTEGER NOT NULL, device TEXT NOT NULL, what TEXT NOT NULL,"
	" result TEXT NOT NULL, text TEXT NOT NULL,"
	" before_n INTEGER NOT NULL, before_p50_us INTEGER NOT NULL,"
	" before_p95_us INTEGER NOT NULL, before_max_us INTEGER NOT NULL,"
	" before_bins TEXT NOT NULL,"
	" n INTEGER NOT NULL, p50_us INTEGER NOT NULL, p95_us INTEGER NOT NULL,"
	" max_us INTEGER NOT NULL, bins TEXT NOT NULL, PRIMARY KEY (run, no)) WITHOUT ROWID";

int store_baseline_prepare(struct store *s, struct err *err)
{
	return db_exec(store_db(s), tables, err);
}

static int has_tables(struct store *s, struct err *err)
{
	return db_has_table(store_db(s), "baseline_result", err);
}

int store_run_sort(struct store *s, int64_t run, struct run_sort *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT host_name, scenario, (SELECT group_concat(model, ', ') FROM"
		    " (SELECT DISTINCT printf('%04x:%04x', vendor, device) || CASE WHEN subvendor "
		    "THEN"
		    " printf(' %04x:%04x', subvendor, subdevice) ELSE '' END AS model FROM "
		    "lane_device WHERE run = key ORDER BY model))"
		    " FROM run WHERE key = ?",
		    "i", run) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1) {
		str_set(out->host, db_text(q, 0));
		str_set(out->scenario, db_text(q, 1));
		str_set(out->models, db_text(q, 2));
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

int store_baseline_find(
	struct store *s, const struct run_sort *sort, char id_out[RUN_ID_MAX], struct err *err)
{
	int rc = has_tables(s, err);
	struct query *q;

	if (rc != 1)
		return rc;
	if (db_query(store_db(s), &q, err,
		    "SELECT r.id FROM baseline b JOIN run r ON r.key = b.run"
		    " WHERE b.host = ? AND b.scenario = ? AND b.models = ?",
		    "sss", sort->host, sort->scenario, sort->models) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1)
		str_copy(id_out, RUN_ID_MAX, db_text(q, 0));
	db_done(q);
	return rc;
}

static int replace_mark(struct store *s, int64_t run, char was[RUN_ID_MAX], struct err *err)
{
	struct run_sort sort;
	bool is;

	was[0] = '\0';
	if (store_baseline_prepare(s, err) != 0 || store_run_sort(s, run, &sort, err) != 0 ||
		store_baseline_is(s, run, &is, err) != 0 ||
		(!is && store_baseline_find(s, &sort, was, err) < 0))
		return -1;
	return db_run(store_db(s), err, "INSERT OR REPLACE INTO baseline VALUES (?,?,?,?,?)",
		"isssi", run, sort.host, sort.scenario, sort.models, clock_wall_ns());
}

int store_baseline_mark(struct store *s, int64_t run, char was_out[RUN_ID_MAX], struct err *err)
{
	char was[RUN_ID_MAX];

	if (store_begin(s, err) != 0)
		return -1;
	if (replace_mark(s, run, was, err) != 0 || store_commit(s, err) != 0) {
		store_rollback(s);
		return -1;
	}
	str_copy(was_out, RUN_ID_MAX, was);
	return 0;
}

int store_baseline_clear(struct store *s, int64_t run, struct err *err)
{
	bool is;

	if (store_baseline_is(s, run, &is, err) != 0 ||
		(is &&
			db_run(store_db(s), err, "DELETE FROM baseline WHERE run = ?", "i", run) !=
				0))
		return -1;
	return is;
}

int store_baseline_is(struct store *s, int64_t run, bool *out, struct err *err)
{
	int rc = has_tables(s, err);
	struct query *q;

	if (rc == 1) {
		if (db_query(store_db(s), &q, err, "SELECT 1 FROM baseline WHERE run = ?", "i",
			    run) != 0)
			return -1;
		rc = db_row(q, err);
		db_done(q);
	}
	if (rc < 0)
		return -1;
	*out = rc == 1;
	return 0;
}

/* ---- how a run came out ---- */

static int add_row(
	struct store *s, int64_t run, size_t no, const struct baseline_row *r, struct err *err)
{
	const struct baseline_times *a = &r->before, *b = &r->now;

	return db_run(store_db(s), err,
		"INSERT INTO baseline_row VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"iiiissssiiiisiiiis", run, (int64_t)no, (int64_t)r->lane, (int64_t)r->step,
		r->device, r->what, r->result, r->text, (int64_t)a->n, a->p50_us, a->p95_us,
		a->max_us, a->bins, (int64_t)b->n, b->p50_us, b->p95_us, b->max_us, b->bins);
}

static int add_result(
	struct store *s, int64_t run, const struct baseline_result *r, struct err *err)
{
	size_t i;

	if (db_run(store_db(s), err, "INSERT OR REPLACE INTO baseline_result VALUES (?,?,?,?)",
		    "isss", run, r->run, r->result, r->text) != 0 ||
		db_run(store_db(s), err, "DELETE FROM baseline_row WHERE run = ?", "i", run) != 0)
		return -1;
	for (i = 0; i < r->nrows; i++)
		if (add_row(s, run, i, &r->rows[i], err) != 0)
			return -1;
	return 0;
}

int store_baseline_result(
	struct store *s, int64_t run, const struct baseline_result *r, struct err *err)
{
	if (store_baseline_prepare(s, err) != 0 || store_begin(s, err) != 0)
		return -1;
	if (add_result(s, run, r, err) != 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, err);
}

static struct baseline_times times_at(struct query *q, int column, struct arena *arena)
{
	return (struct baseline_times){
		.n = (uint64_t)db_int(q, column),
		.p50_us = db_int(q, column + 1),
		.p95_us = db_int(q, column + 2),
		.max_us = db_int(q, column + 3),
		.bins = arena_strdup(arena, db_text(q, column + 4)),
	};
}

static struct baseline_row row_at(struct query *q, struct arena *arena)
{
	return (struct baseline_row){
		.lane = (uint32_t)db_int(q, 0),
		.step = (uint32_t)db_int(q, 1),
		.device = arena_strdup(arena, db_text(q, 2)),
		.what = arena_strdup(arena, db_text(q, 3)),
		.result = arena_strdup(arena, db_text(q, 4)),
		.text = arena_strdup(arena, db_text(q, 5)),
		.before = times_at(q, 6, arena),
		.now = times_at(q, 11, arena),
	};
}

static int count_rows(struct store *s, int64_t run, size_t *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err, "SELECT count(*) FROM baseline_row WHERE run = ?", "i",
		    run) != 0)
		return -1;
	rc = db_one_row(q, err);
	*out = rc == 1 ? (size_t)db_int(q, 0) : 0;
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int read_rows(struct store *s, int64_t run, struct arena *arena, struct baseline_result *r,
	struct err *err)
{
	struct query *q;
	size_t most;
	int rc = db_has_table(store_db(s), "baseline_row", err);

	if (rc != 1)
		return rc; /* of an older program: the sentence is all there is */
	if (count_rows(s, run, &most, err) != 0 ||
		db_query(store_db(s), &q, err,
			"SELECT lane, step, device, what, result, text, before_n, before_p50_us,"
			" before_p95_us, before_max_us, before_bins, n, p50_us, p95_us, max_us,"
			" bins FROM baseline_row WHERE run = ? ORDER BY no",
			"i", run) != 0)
		return -1;
	r->rows = arena_alloc(arena, most * sizeof(*r->rows) + 1);
	while (r->nrows < most && (rc = db_row(q, err)) == 1)
		r->rows[r->nrows++] = row_at(q, arena);
	db_done(q);
	return rc < 0 ? -1 : 0;
}

int store_baseline_result_get(struct store *s, int64_t run, struct arena *arena,
	const struct baseline_result **out, struct err *err)
{
	int rc = has_tables(s, err);
	struct baseline_result *r;
	struct query *q;

	*out = NULL;
	if (rc != 1)
		return rc;
	if (db_query(store_db(s), &q, err,
		    "SELECT baseline, result, text FROM baseline_result WHERE run = ?", "i",
		    run) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		r = arena_alloc(arena, sizeof(*r));
		r->run = arena_strdup(arena, db_text(q, 0));
		r->result = arena_strdup(arena, db_text(q, 1));
		r->text = arena_strdup(arena, db_text(q, 2));
	}
	db_done(q);
	if (rc != 1)
		return rc;
	if (read_rows(s, run, arena, r, err) != 0)
		return -1;
	*out = r;
	return 0;
}

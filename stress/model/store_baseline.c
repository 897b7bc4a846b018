/* SPDX-License-Identifier: GPL-2.0-or-later */
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
	" result TEXT NOT NULL, text TEXT NOT NULL)";

int store_baseline_prepare(struct store *s, struct err *err)
{
	return db_exec(store_db(s), tables, err);
}

/* 1, 0 or -1; they come together. */
static int has_tables(struct store *s, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT 1 FROM sqlite_master WHERE name = 'baseline_result'", "") != 0)
		return -1;
	rc = db_row(q, err);
	db_done(q);
	return rc;
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
	rc = db_row(q, err);
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

int store_baseline_result(
	struct store *s, int64_t run, const struct baseline_result *r, struct err *err)
{
	if (store_baseline_prepare(s, err) != 0)
		return -1;
	return db_run(store_db(s), err, "INSERT OR REPLACE INTO baseline_result VALUES (?,?,?,?)",
		"isss", run, r->run, r->result, r->text);
}

int store_baseline_result_get(struct store *s, int64_t run, struct arena *arena,
	struct baseline_result *out, struct err *err)
{
	int rc = has_tables(s, err);
	struct query *q;

	if (rc != 1)
		return rc;
	if (db_query(store_db(s), &q, err,
		    "SELECT baseline, result, text FROM baseline_result WHERE run = ?", "i",
		    run) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1)
		*out = (struct baseline_result){arena_strdup(arena, db_text(q, 0)),
			arena_strdup(arena, db_text(q, 1)), arena_strdup(arena, db_text(q, 2))};
	db_done(q);
	return rc;
}

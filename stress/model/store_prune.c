/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store_prune.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/store_baseline.h"

#include <inttypes.h>
#include <stdlib.h>

struct pruning {
	struct store *store;
	const struct prune_rules *rules;
	VEC(struct run_line) runs; /* newest first */
	VEC(char *) tables; /* that hold parts of runs */
};

/* ---- what there is ---- */

static bool take_line(void *arg, const struct run_line *line)
{
	struct pruning *p = arg;

	*vec_push(&p->runs) = *line;
	return true;
}

/* Asked of the file: some tables are made when they are first needed. */
static int find_tables(struct pruning *p, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(p->store), &q, err,
		    "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c"
		    " WHERE m.type = 'table' AND c.name = 'run' AND m.name <> 'outbox'",
		    "") != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		*vec_push(&p->tables) = xstrdup(db_text(q, 0));
	db_done(q);
	return rc;
}

static int one_number(
	struct store *s, int64_t *out, const char *sql, const char *id, struct err *err)
{
	struct query *q;
	int rc = db_query(store_db(s), &q, err, sql, "s", id);

	if (rc != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1)
		*out = db_int(q, 0);
	db_done(q);
	return rc == 1 ? 0 : -1;
}

/* Pages that hold something. */
static int bytes_in_use(struct store *s, int64_t *out, struct err *err)
{
	static const char sql[] = "SELECT (p.page_count - f.freelist_count) * z.page_size"
				  " FROM pragma_page_count p, pragma_freelist_count f,"
				  " pragma_page_size z WHERE ? IS NOT NULL";

	return one_number(s, out, sql, "", err);
}

/* ---- one run ---- */

/* As it is now, under the lock: a run may have come to its end, or a message been sent. */
static int fate_of(
	struct store *s, const struct run_line *line, enum prune_fate *out, struct err *err)
{
	static const struct {
		enum prune_fate fate;
		const char *sql;
	} reasons[] = {
		{PRUNE_UNFINISHED,
			"SELECT count(*) FROM run WHERE id = ?"
			" AND (ended_ns IS NULL OR reports_due)"},
		{PRUNE_UNDO,
			"SELECT count(*) FROM undo u JOIN run r ON r.key = u.run"
			" WHERE r.id = ? AND u.done = 0"},
		{PRUNE_UNTOLD, "SELECT count(*) FROM outbox WHERE run = ? AND state = 0"},
	};
	bool is_baseline;
	int64_t key;
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		int64_t n;

		if (one_number(s, &n, reasons[i].sql, line->id, err) != 0)
			return -1;
		if (n > 0) {
			*out = reasons[i].fate;
			return 0;
		}
	}
	if (one_number(s, &key, "SELECT key FROM run WHERE id = ?", line->id, err) != 0 ||
		store_baseline_is(s, key, &is_baseline, err) != 0)
		return -1;
	*out = is_baseline ? PRUNE_BASELINE : PRUNE_DELETED;
	return 0;
}

static int delete_run(struct pruning *p, const struct run_line *line, struct err *err)
{
	struct db *db = store_db(p->store);
	int64_t key;

	if (one_number(p->store, &key, "SELECT key FROM run WHERE id = ?", line->id, err) != 0)
		return -1;
	vec_foreach (table, &p->tables) {
		auto_free char *sql =
			xasprintf("DELETE FROM \"%s\" WHERE run = %" PRId64, *table, key);

		if (db_exec(db, sql, err) != 0)
			return -1;
	}
	if (db_run(db, err, "DELETE FROM outbox WHERE run = ?", "s", line->id) != 0)
		return -1;
	return db_run(db, err, "DELETE FROM run WHERE key = ?", "i", key);
}

/* ---- all of them ---- */

/* Does the rules' word fall on the run that is the n-th newest (from 0)? */
static bool is_meant(const struct prune_rules *r, const struct run_line *line, size_t n,
	int64_t now, int64_t in_use)
{
	if ((int64_t)n < r->keep)
		return false;
	return r->beyond_keep ||
		(r->older_than_ns != NEVER && line->started_ns < now - r->older_than_ns) ||
		(r->max_bytes != NEVER && in_use > r->max_bytes);
}

/* A dry run is one transaction that is taken back: so it knows the sizes, too. */
static int begin(const struct pruning *p, struct err *err)
{
	return p->rules->dry_run ? 0 : store_begin(p->store, err);
}

static int end(const struct pruning *p, struct err *err)
{
	return p->rules->dry_run ? 0 : store_commit(p->store, err);
}

static int prune_one(
	struct pruning *p, const struct run_line *line, enum prune_fate *fate, struct err *err)
{
	if (begin(p, err) != 0)
		return -1;
	if (fate_of(p->store, line, fate, err) != 0 ||
		(*fate == PRUNE_DELETED && delete_run(p, line, err) != 0) || end(p, err) != 0) {
		store_rollback(p->store);
		return -1;
	}
	return 0;
}

static int prune_all(struct pruning *p,
	void (*each)(void *arg, const struct run_line *line, enum prune_fate fate), void *arg,
	struct prune_result *r, struct err *err)
{
	int64_t now = clock_wall_ns(), in_use = r->bytes_before;
	size_t n;

	for (n = p->runs.n; n-- > 0;) {
		const struct run_line *line = &p->runs.v[n];
		enum prune_fate fate;

		r->kept++;
		if (!is_meant(p->rules, line, n, now, in_use))
			continue;
		if (prune_one(p, line, &fate, err) != 0 ||
			bytes_in_use(p->store, &in_use, err) != 0)
			return -1;
		r->deleted += fate == PRUNE_DELETED;
		r->kept -= fate == PRUNE_DELETED;
		each(arg, line, fate);
	}
	r->bytes_after = in_use;
	r->too_large = p->rules->max_bytes != NEVER && in_use > p->rules->max_bytes;
	return 0;
}

int store_prune(struct store *s, const struct prune_rules *rules,
	void (*each)(void *arg, const struct run_line *line, enum prune_fate fate), void *arg,
	struct prune_result *out, struct err *err)
{
	struct pruning p = {.store = s, .rules = rules};
	struct prune_result r = {0};
	int rc = rules->dry_run ? store_begin(s, err) : 0;

	if (rc == 0 &&
		(store_list_runs(s, take_line, &p, err) != 0 || find_tables(&p, err) != 0 ||
			bytes_in_use(s, &r.bytes_before, err) != 0 ||
			prune_all(&p, each, arg, &r, err) != 0))
		rc = -1;
	if (rules->dry_run)
		store_rollback(s);
	vec_finish(&p.runs);
	vec_foreach (table, &p.tables)
		free(*table);
	vec_finish(&p.tables);
	if (rc == 0)
		*out = r;
	return rc;
}

int store_shrink(struct store *s, struct err *err)
{
	return db_exec(store_db(s), "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", err);
}

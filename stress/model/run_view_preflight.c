/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/vec.h"
#include "model/db.h"
#include "model/run_view_parts.h"

#include <string.h>

static const char *keep(struct run_view *v, struct query *q, int column)
{
	return db_is_null(q, column) ? NULL : arena_strdup(&v->arena, db_text(q, column));
}

static int read_rows(struct query *q, struct run_view *v, struct err *err)
{
	VEC(struct check_row) rows = {0};
	int rc;

	while ((rc = db_row(q, err)) == 1)
		*vec_push(&rows) = (struct check_row){keep(v, q, 0), keep(v, q, 1), keep(v, q, 2),
			keep(v, q, 3), keep(v, q, 4), keep(v, q, 5), keep(v, q, 6), keep(v, q, 7),
			keep(v, q, 8)};
	v->checks = arena_alloc(&v->arena, rows.n * sizeof(*v->checks) + 1);
	if (rows.n > 0)
		memcpy(v->checks, rows.v, rows.n * sizeof(*v->checks));
	v->nchecks = rows.n;
	vec_finish(&rows);
	return rc;
}

int run_view_preflight(struct db *db, int64_t run, struct run_view *v, struct err *err)
{
	int rc = db_has_table(db, "preflight", err); /* a store of before has none */
	struct query *q;

	if (rc != 1)
		return rc;
	/* what is there may be anybody's: the bound is that of what is stored */
	if (db_query(db, &q, err,
		    "SELECT id, device, domain, item, result, asks, seen, meaning, advice"
		    " FROM preflight WHERE run = ? ORDER BY no LIMIT ?",
		    "ii", run, (int64_t)PREFLIGHT_ROWS_MAX) != 0)
		return -1;
	rc = read_rows(q, v, err);
	db_done(q);
	return rc;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store.h"

#include "model/db.h"

/* Made when it is first needed, as the snapshots' is: a store of before is one without. */
static const char table[] =
	"CREATE TABLE IF NOT EXISTS preflight (run INTEGER NOT NULL, no INTEGER NOT NULL,"
	" id TEXT NOT NULL, device TEXT, domain TEXT, item TEXT, result TEXT NOT NULL,"
	" asks TEXT NOT NULL, seen TEXT NOT NULL, meaning TEXT, advice TEXT,"
	" PRIMARY KEY (run, no)) WITHOUT ROWID";

static int add(struct db *db, int64_t run, size_t no, const struct check_row *c, struct err *err)
{
	return db_run(db, err, "INSERT OR REPLACE INTO preflight VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		"iisssssssss", run, (int64_t)no, c->id, c->device, c->domain, c->item, c->result,
		c->asks, c->seen, c->meaning, c->advice);
}

int store_preflight(
	struct store *s, int64_t run, const struct check_row *checks, size_t n, struct err *err)
{
	size_t i;

	if (n == 0)
		return 0;
	if (db_exec(store_db(s), table, err) != 0 || store_begin(s, err) != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (add(store_db(s), run, i, &checks[i], err) != 0) {
			store_rollback(s);
			return -1;
		}
	return store_commit(s, err);
}

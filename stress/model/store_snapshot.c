/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store.h"

#include "base/str.h"
#include "model/db.h"
#include "model/store_baseline.h"

#include <stdlib.h>
#include <string.h>

/* Made when it is first needed: stores of before are stores without snapshots. */
static const char table[] =
	"CREATE TABLE IF NOT EXISTS snapshot (run INTEGER PRIMARY KEY, text BLOB NOT NULL)";

int store_snapshot(struct store *s, int64_t run, const char *text, size_t n, struct err *err)
{
	struct db *db = store_db(s);

	if (db_exec(db, table, err) != 0 || store_baseline_prepare(s, err) != 0 ||
		db_run(db, err, "INSERT OR REPLACE INTO snapshot VALUES (?,?)", "ib", run, text,
			n) != 0)
		return -1;
	return db_run(db, err,
		"DELETE FROM snapshot WHERE run NOT IN"
		" (SELECT run FROM snapshot ORDER BY run DESC LIMIT ?)"
		" AND run NOT IN (SELECT run FROM baseline)",
		"i", (int64_t)STORE_SNAPSHOTS_MAX);
}

int store_snapshot_get(struct store *s, int64_t run, char **text_out, size_t *n_out,
	char id_out[RUN_ID_MAX], struct err *err)
{
	struct db *db = store_db(s);
	int rc = db_has_table(db, "snapshot", err);
	struct query *q;
	const void *text;
	size_t n;

	if (rc != 1)
		return rc;
	if (db_query(db, &q, err,
		    "SELECT r.id, s.text FROM snapshot s JOIN run r ON r.key = s.run"
		    " WHERE ? IN (0, s.run) ORDER BY s.run DESC LIMIT 1",
		    "i", run) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		text = db_blob(q, 1, &n);
		*text_out = xmalloc(n + 1);
		memcpy(*text_out, text, n);
		(*text_out)[n] = '\0';
		*n_out = n;
		str_copy(id_out, RUN_ID_MAX, db_text(q, 0));
	}
	db_done(q);
	return rc;
}

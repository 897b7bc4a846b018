/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store_schema.h"

#include "model/db.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * The schema as the way to it: what makes version 1, what makes version 2 of that ... A row that is
 * released stays as it is, a change is a row of its own: stores of every version are somewhere. It
 * only adds: columns with a default or NULL, tables, indexes.
 */
static const char *const versions[] = {
	/* 1 */
	"CREATE TABLE run (key INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, scenario TEXT NOT "
	"NULL,"
	" scenario_text TEXT NOT NULL, settings TEXT NOT NULL, connect TEXT NOT NULL,"
	" tool_version TEXT NOT NULL, boot_id TEXT NOT NULL, seed INTEGER NOT NULL,"
	" simulated INTEGER NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL,"
	" started_ns INTEGER NOT NULL, alive_ns INTEGER NOT NULL, ended_ns INTEGER,"
	" verdict INTEGER, exit_code INTEGER, reason TEXT, aborted TEXT,"
	" klog_records INTEGER NOT NULL DEFAULT 0, klog_lost INTEGER NOT NULL DEFAULT 0,"
	" blind INTEGER NOT NULL DEFAULT 0, blind_reason TEXT,"
	" host_name TEXT, kernel TEXT, cmdline TEXT, bios TEXT, board TEXT, cpu TEXT,"
	" microcode TEXT, qemu TEXT, libvirt TEXT);"
	"CREATE TABLE lane (run INTEGER NOT NULL, lane INTEGER NOT NULL, name TEXT NOT NULL,"
	" domain TEXT, PRIMARY KEY (run, lane)) WITHOUT ROWID;"
	"CREATE TABLE lane_device (run INTEGER NOT NULL, lane INTEGER NOT NULL, bdf TEXT NOT NULL,"
	" vendor INTEGER, device INTEGER, subvendor INTEGER, subdevice INTEGER, revision INTEGER,"
	" class INTEGER, name TEXT, PRIMARY KEY (run, lane, bdf)) WITHOUT ROWID;"
	"CREATE TABLE step (run INTEGER NOT NULL, lane INTEGER NOT NULL, phase INTEGER NOT NULL,"
	" step INTEGER NOT NULL, device TEXT NOT NULL, name TEXT NOT NULL, word TEXT NOT NULL,"
	" arg TEXT, PRIMARY KEY (run, lane, phase, step, device)) WITHOUT ROWID;"
	"CREATE TABLE event (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" lane INTEGER NOT NULL, cycle INTEGER NOT NULL, phase INTEGER NOT NULL,"
	" step INTEGER NOT NULL, outcome INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" code INTEGER NOT NULL, mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL,"
	" dur_ns INTEGER NOT NULL, klog_seq INTEGER NOT NULL, subject TEXT, reason TEXT, text TEXT,"
	" hint TEXT);"
	"CREATE INDEX event_of_run ON event (run, kind, lane, phase, step);"
	"CREATE TABLE record (run INTEGER NOT NULL, seq INTEGER NOT NULL, usec INTEGER, wall_ns "
	"INTEGER,"
	" level INTEGER, facility INTEGER, device TEXT, text TEXT);"
	"CREATE INDEX record_of_run ON record (run, seq);"
	"CREATE TABLE incident (run INTEGER NOT NULL, no INTEGER NOT NULL, id TEXT NOT NULL,"
	" severity INTEGER, tolerated INTEGER, over_budget INTEGER, expected INTEGER, bdf TEXT,"
	" reporter TEXT, lane INTEGER, candidates INTEGER, cycle INTEGER, step TEXT,"
	" step_index INTEGER, late INTEGER, in_lane INTEGER, count INTEGER, lower_bound INTEGER,"
	" first_seq INTEGER, last_seq INTEGER, first_ns INTEGER, last_ns INTEGER, fields BLOB,"
	" omitted INTEGER, seen_by TEXT, meaning TEXT, advice TEXT, PRIMARY KEY (run, no))"
	" WITHOUT ROWID;"
	"CREATE TABLE incident_line (run INTEGER NOT NULL, no INTEGER NOT NULL, pos INTEGER NOT "
	"NULL,"
	" seq INTEGER, text TEXT, PRIMARY KEY (run, no, pos)) WITHOUT ROWID;"
	"CREATE TABLE undo (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, lane INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, subject TEXT, path TEXT, value TEXT, boot_id TEXT, done INTEGER"
	" NOT NULL DEFAULT 0);"
	"CREATE INDEX undo_open ON undo (done) WHERE done = 0;"
	"CREATE TABLE note (run INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,"
	" UNIQUE (run, kind, text));"
	"CREATE TABLE outbox (id INTEGER PRIMARY KEY, run TEXT NOT NULL, event_id TEXT NOT NULL,"
	" url TEXT NOT NULL, secret TEXT, content_type TEXT NOT NULL, body BLOB NOT NULL,"
	" created_ns INTEGER NOT NULL, next_ns INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
	" timeout_ms INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, problem TEXT,"
	" UNIQUE (event_id, url));"
	"CREATE INDEX outbox_due ON outbox (next_ns) WHERE state = 0;",
	/* 2 */
	("ALTER TABLE incident ADD COLUMN telling INTEGER;"
	 "ALTER TABLE incident ADD COLUMN budget TEXT;"),
	/* 3 */
	"ALTER TABLE outbox ADD COLUMN key TEXT NOT NULL DEFAULT '';",
	/* 4 */
	"ALTER TABLE run ADD COLUMN machine_id TEXT NOT NULL DEFAULT '';",
	/* 5 */
	"ALTER TABLE run ADD COLUMN reports_due INTEGER NOT NULL DEFAULT 0;",
	/* 6 */
	"ALTER TABLE run ADD COLUMN log_began INTEGER NOT NULL DEFAULT 0;",
	/* 7 */
	"ALTER TABLE run ADD COLUMN alive_mono_ns INTEGER;",
};

#define VERSION ((int64_t)(sizeof(versions) / sizeof(versions[0])))

/* What stands in a database: in one statement, because another process may be creating it. */
struct contents {
	int64_t version, tables, ours;
};

static int look_inside(struct db *db, struct contents *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(db, &q, err,
		    "SELECT (SELECT user_version FROM pragma_user_version), count(*),"
		    " coalesce(sum(name IN ('run', 'undo', 'outbox')), 0) FROM sqlite_master"
		    " WHERE type = 'table'",
		    "") != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1)
		*out = (struct contents){db_int(q, 0), db_int(q, 1), db_int(q, 2)};
	db_done(q);
	return rc == 1 ? 0 : -1;
}

/* Many programs keep SQLite files, some with the same version number: those stay as they are. */
static int check_contents(const struct contents *c, const char *path, struct err *err)
{
	bool empty = c->version == 0 && c->tables == 0, ours = c->version > 0 && c->ours == 3;

	if (!empty && !ours) {
		err_set(err, ERR_INPUT, 0, "%s is a database of another program", path);
		return err_hint(err, "--db names the store of runs");
	}
	if (c->version <= VERSION)
		return 0;
	err_set(err, ERR_IO, 0, "%s was written by a newer vfio-stress (schema %" PRId64 ")", path,
		c->version);
	return err_hint(err, "use that version, or another file with --db FILE");
}

static int look(struct db *db, const char *path, struct contents *out, struct err *err)
{
	return look_inside(db, out, err) == 0 ? check_contents(out, path, err) : -1;
}

int schema_look(struct db *db, const char *path, enum schema_state *out, struct err *err)
{
	struct contents c;

	if (look(db, path, &c, err) != 0)
		return -1;
	*out = c.version == 0 ? SCHEMA_NONE : c.version < VERSION ? SCHEMA_OLDER : SCHEMA_CURRENT;
	return 0;
}

static int add_versions_from(struct db *db, const char *path, int64_t version, struct err *err)
{
	char pragma[64];

	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %" PRId64, VERSION);
	for (; version < VERSION; version++)
		if (db_exec(db, versions[version], err) != 0)
			return err_wrap(err, "bring %s up to date", path);
	return db_exec(db, pragma, err);
}

int schema_update(struct db *db, const char *path, struct err *err)
{
	struct contents c;
	struct err ignored;

	/* two programs may do this at the same time: the second one finds it done */
	if (db_exec(db, "BEGIN IMMEDIATE", err) != 0)
		return -1;
	if (look(db, path, &c, err) == 0 && add_versions_from(db, path, c.version, err) == 0)
		return db_exec(db, "COMMIT", err);
	(void)!db_exec(db, "ROLLBACK", &ignored);
	/* it may be a copy in memory, which has no name */
	return err_wrap(err, "bring %s up to date", path);
}

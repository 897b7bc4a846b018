/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/db.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

/* A connection is one thread's: a lock for each column that is read would be for nobody. */
#define FLAGS (SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX)

#define STATEMENTS_MAX  128 /* of one connection; the end of a run has some 80 kinds */
#define BUSY_TIMEOUT_MS 5000 /* another vfio-stress command may be reading or delivering */

struct query {
	const char *sql;
	sqlite3_stmt *stmt;
	struct db *db;
	bool in_use;
};

struct db {
	sqlite3 *handle;
	struct query statements[STATEMENTS_MAX];
	size_t n;
};

static int sql_err(struct db *db, struct err *err, const char *what)
{
	int code = sqlite3_extended_errcode(db->handle), sys = sqlite3_system_errno(db->handle);
	bool no_store = (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT;
	const char *file = sqlite3_db_filename(db->handle, "main");
	const char *said = sqlite3_errmsg(db->handle); /* may cite a damaged file */
	char words[sizeof(err->msg)];

	if ((code & 0xff) == SQLITE_FULL)
		sys = ENOSPC;
	else if ((code & 0xff) == SQLITE_BUSY)
		sys = EBUSY;
	err_set(err, no_store ? ERR_UNSUPPORTED : ERR_IO, 0, "%s %s: %s%s%s", what,
		file && *file ? file : "the store",
		str_printable(words, sizeof(words), said, strlen(said)), sys ? ": " : "",
		sys ? strerror(sys) : "");
	err->sys = sys;
	if ((code & 0xff) == SQLITE_FULL)
		err_hint(err, "free some space, or keep the store elsewhere with --db FILE");
	else if ((code & 0xff) == SQLITE_BUSY)
		err_hint(err, "another process writes to it: try again when that is done");
	else if (no_store)
		err_hint(err, "move the file away, or choose another one with --db FILE");
	else if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY)
		err_hint(err, "choose a place that you may write to with --db FILE");
	return -1;
}

/* ---- a file system that is read-only ---- */

/* Of a path: what may stand in a URI as it is (RFC 3986), the rest as %XX. Heap. */
static char *immutable_uri(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~/";
	struct str uri = {0};

	str_add(&uri, "file:");
	for (; *path != '\0'; path++)
		if (strchr(plain, *path) != NULL)
			str_addn(&uri, path, 1);
		else
			str_addf(&uri, "%%%02X", (unsigned char)*path);
	str_add(&uri, "?immutable=1");
	return uri.s;
}

static bool has_wal(const char *path)
{
	auto_free char *wal = xasprintf("%s-wal", path);
	struct stat st;

	return stat(wal, &st) == 0 && st.st_size > 0;
}

/*
 * To read, SQLite makes a -shm, which it cannot after a disk's errors have made the file system
 * read-only, nor in another user's folder. Without a -wal the file is all there is, and nobody is
 * about to change it.
 */
static int open_where_nothing_is_written(const char *path, sqlite3 **handle)
{
	int rc = sqlite3_exec(*handle, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL);
	auto_free char *uri = NULL;

	if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || has_wal(path))
		return SQLITE_OK; /* what else is wrong is found by who uses it */
	sqlite3_close(*handle);
	uri = immutable_uri(path);
	return sqlite3_open_v2(uri, handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | FLAGS, NULL);
}

int db_open(const char *path, enum db_mode mode, struct db **out, struct err *err)
{
	static const int flags[] = {
		[DB_READ] = SQLITE_OPEN_READONLY,
		[DB_WRITE] = SQLITE_OPEN_READWRITE,
		[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	/* ":memory:" and "file:..." are no files to SQLite, and what is stored there is lost */
	auto_free char *plain = xasprintf("%s%s", *path == '/' ? "" : "./", path);
	struct db *db = xcalloc(1, sizeof(*db));
	int rc = sqlite3_open_v2(plain, &db->handle, flags[mode] | FLAGS, NULL);

	if (rc == SQLITE_OK && mode == DB_READ)
		rc = open_where_nothing_is_written(plain, &db->handle);
	if (rc != SQLITE_OK) {
		sql_err(db, err, "open");
		db_close(db);
		return -1;
	}
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	*out = db;
	return 0;
}

void db_wait_for_locks(struct db *db, int ms)
{
	sqlite3_busy_timeout(db->handle, ms);
}

bool db_is_locked(const struct err *err)
{
	return err->sys == EBUSY;
}

int db_copy(struct db *db, const char *path, struct db **out, struct err *err)
{
	struct db *copy = xcalloc(1, sizeof(*copy));
	sqlite3_backup *pages = NULL;
	/* SQLite has no name for a file that is temporary but "" */
	int rc = sqlite3_open_v2(path != NULL ? path : "", &copy->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | FLAGS, NULL);

	if (rc == SQLITE_OK)
		pages = sqlite3_backup_init(copy->handle, "main", db->handle, "main");
	if (pages != NULL) {
		while (sqlite3_backup_step(pages, -1) == SQLITE_OK)
			;
		rc = sqlite3_backup_finish(pages);
	}
	if (pages == NULL || rc != SQLITE_OK) {
		sql_err(copy, err, "copy");
		db_close(copy);
		return -1;
	}
	*out = copy;
	return 0;
}

void db_close(struct db *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < db->n; i++)
		sqlite3_finalize(db->statements[i].stmt);
	sqlite3_close(db->handle);
	free(db);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_err(db, err, "write");
	return 0;
}

static struct query *compiled(struct db *db, const char *sql, struct err *err)
{
	struct query *q;
	size_t i;

	for (i = 0; i < db->n; i++)
		if (db->statements[i].sql == sql && !db->statements[i].in_use)
			return &db->statements[i];
	if (db->n == STATEMENTS_MAX) {
		err_set(err, ERR_IO, 0, "more than %d kinds of statement", STATEMENTS_MAX);
		return NULL;
	}
	q = &db->statements[db->n];
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL) !=
		SQLITE_OK) {
		sql_err(db, err, "use");
		return NULL;
	}
	q->sql = sql;
	q->db = db;
	db->n++;
	return q;
}

static void bind(struct query *q, const char *types, va_list ap)
{
	int i;

	assert((int)strlen(types) == sqlite3_bind_parameter_count(q->stmt));
	for (i = 1; *types != '\0'; i++, types++) {
		if (*types == 'i') {
			sqlite3_bind_int64(q->stmt, i, va_arg(ap, int64_t));
		} else if (*types == 's') {
			sqlite3_bind_text(q->stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else {
			const void *data = va_arg(ap, const void *);

			sqlite3_bind_blob64(q->stmt, i, data, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
}

static struct query *begin(
	struct db *db, struct err *err, const char *sql, const char *types, va_list ap)
{
	struct query *q = compiled(db, sql, err);

	if (q != NULL) {
		q->in_use = true;
		bind(q, types, ap);
	}
	return q;
}

int db_query(
	struct db *db, struct query **out, struct err *err, const char *sql, const char *types, ...)
{
	struct query *q;
	va_list ap;

	va_start(ap, types);
	q = begin(db, err, sql, types, ap);
	va_end(ap);
	if (q == NULL)
		return -1;
	*out = q;
	return 0;
}

int db_row(struct query *q, struct err *err)
{
	int rc = sqlite3_step(q->stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return sql_err(q->db, err, "use");
}

int db_one_row(struct query *q, struct err *err)
{
	const char *file = sqlite3_db_filename(q->db->handle, "main");
	int rc = db_row(q, err);

	if (rc != 0)
		return rc;
	err_set(err, ERR_UNSUPPORTED, 0,
		"use %s: it is damaged, or a run was deleted meanwhile: a row is missing",
		file && *file ? file : "the store");
	return err_hint(err, "move the file away, or choose another one with --db FILE");
}

void db_done(struct query *q)
{
	if (q == NULL)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->in_use = false;
}

int64_t db_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *db_text(struct query *q, int column)
{
	const unsigned char *s = sqlite3_column_text(q->stmt, column);

	return s ? (const char *)s : "";
}

bool db_is_null(struct query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

const void *db_blob(struct query *q, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(q->stmt, column);

	*len = (size_t)sqlite3_column_bytes(q->stmt, column);
	return data;
}

int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...)
{
	struct query *q;
	va_list ap;
	int rc;

	va_start(ap, types);
	q = begin(db, err, sql, types, ap);
	va_end(ap);
	if (q == NULL)
		return -1;
	rc = db_row(q, err);
	db_done(q);
	return rc < 0 ? -1 : 0;
}

int db_has_table(struct db *db, const char *name, struct err *err)
{
	struct query *q;
	int rc = db_query(db, &q, err,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", "s", name);

	if (rc != 0)
		return -1;
	rc = db_row(q, err);
	db_done(q);
	return rc;
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

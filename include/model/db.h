/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_DB_H
#define VFIO_STRESS_MODEL_DB_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SQLite, as little of it as the store needs. One thread at a time per connection. */
struct db;
struct query;

enum db_mode { DB_READ, DB_WRITE, DB_CREATE };

int db_open(const char *path, enum db_mode mode, struct db **out, struct err *err) must_check;
void db_close(struct db *db);
/* For so long, and not for the usual 5 s, another process may have it. */
void db_wait_for_locks(struct db *db, int ms);
/* Has something failed because another process had it for too long? */
bool db_is_locked(const struct err *err);
/* Into a file, or (NULL) into one that nobody else sees and that is gone when it is closed. */
int db_copy(struct db *db, const char *path, struct db **out, struct err *err) must_check;
/* Statements without results; several may be in one string. */
int db_exec(struct db *db, const char *sql, struct err *err) must_check;

/*
 * Begins a statement. `types` has a letter per parameter: i = int64_t, s = const char * (NULL is
 * NULL), b = const void * and size_t. Compiled statements are kept by the address of `sql`, which
 * must therefore be a literal. The texts must live until db_done.
 */
int db_query(struct db *db, struct query **out, struct err *err, const char *sql, const char *types,
	...) must_check;
/* 1 = a row, 0 = no more, -1 = error. */
int db_row(struct query *q, struct err *err) must_check;
/* A row that has to be there: 1, or -1 as it is not, which a damaged index can lead to. */
int db_one_row(struct query *q, struct err *err) must_check;
void db_done(struct query *q);

int64_t db_int(struct query *q, int column);
const char *db_text(struct query *q, int column); /* "" for NULL; valid until the next db_row */
bool db_is_null(struct query *q, int column);
const void *db_blob(struct query *q, int column, size_t *len);

/* A statement without results, in one go. */
int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...) must_check;
/* 1, 0 or -1. */
int db_has_table(struct db *db, const char *name, struct err *err) must_check;
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);

#endif

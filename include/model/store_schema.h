/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STORE_SCHEMA_H
#define VFIO_STRESS_MODEL_STORE_SCHEMA_H

#include "base/err.h"

struct db;

enum schema_state {
	SCHEMA_NONE, /* an empty database */
	SCHEMA_OLDER, /* a store of an older program */
	SCHEMA_CURRENT,
};

/* Of a newer program's store, or another program's database: ERR_IO, ERR_INPUT. `path` is for words. */
int schema_look(
	struct db *db, const char *path, enum schema_state *out, struct err *err) must_check;
/* Makes the tables that are missing, in one transaction. */
int schema_update(struct db *db, const char *path, struct err *err) must_check;

#endif

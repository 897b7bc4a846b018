/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_RUNREF_H
#define VFIO_STRESS_CLI_RUNREF_H

#include "base/err.h"

struct run_view;
struct store;

/* A stored run that the user named, judged, and the store that it is in. */
struct runref {
	struct store *store;
	struct run_view *run;
};

/* `which`: RUN of the store `db` (NULL = the default one), or FILE.db:RUN. Both are only read. */
int runref_open(const char *which, const char *db, struct runref *out, struct err *err) must_check;
void runref_close(struct runref *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runref.h"

#include "base/mem.h"
#include "engine/verdict.h"
#include "model/run_view.h"
#include "model/store.h"

#include <string.h>

/* An id has no colon. */
int runref_open(const char *which, const char *db, struct runref *out, struct err *err)
{
	const char *colon = strrchr(which, ':');
	auto_free char *file = colon ? xstrndup(which, (size_t)(colon - which)) : NULL;
	struct runref r = {0};

	if (colon != NULL && (*file == '\0' || colon[1] == '\0')) {
		err_set(err, ERR_USAGE, 0, "'%s' is not FILE.db:RUN", which);
		return err_hint(err, "such as /mnt/rack8/runs.db:latest");
	}
	if (store_open(file ? file : db, STORE_READ, &r.store, err) != 0)
		return -1;
	if (run_view_load(r.store, colon ? colon + 1 : which, &r.run, err) != 0) {
		runref_close(&r);
		return -1;
	}
	verdict_judge(r.run);
	*out = r;
	return 0;
}

void runref_close(struct runref *r)
{
	run_view_free(r->run);
	store_close(r->store);
	*r = (struct runref){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/progress.h"
#include "engine/supervise.h"
#include "model/diff.h"
#include "model/snapshot.h"
#include "model/topology.h"

#include <stdlib.h>

/* The machine that a run is made on: kept with it, and compared with that of the last run. */

#define CHANGES_TOLD 3 /* in words; `diff` tells all */

static void say(struct supervisor *s, const char *text)
{
	struct err err;

	progress_note(s->progress, "%s", text);
	if (store_note(s->store, s->run, "note", text, &err) != 0)
		log_warn("store", "%s", err.msg);
}

static void say_changes(struct supervisor *s, const struct machine_diff *d, const char *last)
{
	struct str text = {0};
	size_t i;

	str_addf(&text,
		"the machine has changed since run %s: %zu regression%s, %zu neutral, "
		"%zu improvement%s",
		last, d->count[CHANGE_REGRESSION], d->count[CHANGE_REGRESSION] == 1 ? "" : "s",
		d->count[CHANGE_NEUTRAL], d->count[CHANGE_IMPROVEMENT],
		d->count[CHANGE_IMPROVEMENT] == 1 ? "" : "s");
	for (i = 0; i < d->n && i < CHANGES_TOLD; i++)
		str_addf(&text, "%s%s: %s", i == 0 ? ": " : "; ", d->v[i].subject, d->v[i].text);
	if (d->n > CHANGES_TOLD)
		str_add(&text, " ...");
	say(s, text.s);
	str_finish(&text);
}

/* Another host's store is no history of this one. */
static void compare(struct supervisor *s, const struct topology *last, const struct topology *now,
	const char *id)
{
	struct machine_diff d;

	if (!str_eq(last->machine.name, now->machine.name))
		return;
	machine_diff_make(last, now, &d);
	if (d.n > 0)
		say_changes(s, &d, id);
	machine_diff_finish(&d);
}

/* Both as they are written: what a snapshot leaves out is no change, and must not be told. */
static int compare_with_last(struct supervisor *s, const char *text, size_t n, struct err *err)
{
	auto_free char *before = NULL;
	struct topology last, now;
	char id[RUN_ID_MAX];
	size_t len;
	int rc = store_snapshot_get(s->store, 0, &before, &len, id, err);

	if (rc != 1)
		return rc;
	if (snapshot_parse(before, len, id, &last, err) != 0)
		return -1;
	rc = snapshot_parse(text, n, "this machine", &now, err);
	if (rc == 0) {
		compare(s, &last, &now, id);
		topology_finish(&now);
	}
	topology_finish(&last);
	return rc;
}

void sup_machine_keep(struct supervisor *s)
{
	auto_free char *text = NULL;
	struct err err = {0};
	size_t n = 0;
	FILE *out;

	if (store_preflight(s->store, s->run, s->req->checks, s->req->nchecks, &err) != 0)
		log_warn("store", "%s", err.msg);
	if (s->req->machine == NULL)
		return;
	out = open_memstream(&text, &n);
	snapshot_write(s->req->machine, s->req->tool_version, out);
	fclose(out);
	if (compare_with_last(s, text, n, &err) != 0)
		log_warn("store", "the machine of the last run: %s", err.msg);
	if (store_snapshot(s->store, s->run, text, n, &err) != 0)
		log_warn("store", "%s", err.msg);
}

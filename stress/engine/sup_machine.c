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
static void compare(struct supervisor *s, const struct topology *last, const char *id)
{
	struct machine_diff d;

	if (!str_eq(last->machine.name, s->req->machine->machine.name))
		return;
	machine_diff_make(last, s->req->machine, &d);
	if (d.n > 0)
		say_changes(s, &d, id);
	machine_diff_finish(&d);
}

static void compare_with_last(struct supervisor *s, struct err *err)
{
	auto_free char *text = NULL;
	char id[RUN_ID_MAX];
	struct topology last;
	size_t n;
	int rc = store_snapshot_get(s->store, 0, &text, &n, id, err);

	if (rc < 0 || (rc == 1 && snapshot_parse(text, n, id, &last, err) != 0)) {
		log_warn("store", "the machine of the last run: %s", err->msg);
	} else if (rc == 1) {
		compare(s, &last, id);
		topology_finish(&last);
	}
}

void sup_machine_keep(struct supervisor *s)
{
	auto_free char *text = NULL;
	struct err err = {0};
	size_t n = 0;
	FILE *out;

	if (s->req->machine == NULL)
		return;
	compare_with_last(s, &err);
	out = open_memstream(&text, &n);
	snapshot_write(s->req->machine, s->req->tool_version, out);
	fclose(out);
	if (store_snapshot(s->store, s->run, text, n, &err) != 0)
		log_warn("store", "%s", err.msg);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runs_baseline.h"

#include "base/str.h"
#include "cli/command.h"
#include "engine/verdict.h"
#include "model/store_baseline.h"

#include <stdio.h>
#include <string.h>

struct marked {
	struct run_line last;
	size_t n;
};

static bool take_marked(void *arg, const struct run_line *line)
{
	struct marked *m = arg;

	if (line->baseline) {
		m->last = *line;
		m->n++;
	}
	return true;
}

static const char *clean(char *buf, size_t size, const char *text)
{
	return str_printable(buf, size, text, strlen(text));
}

static void say_sort(const char *id, const struct run_sort *sort)
{
	char host[4 * sizeof(sort->host)], scenario[4 * sizeof(sort->scenario)];

	printf("%s is the baseline of %s on %s, %s%s\n", id,
		clean(scenario, sizeof(scenario), sort->scenario),
		*sort->host ? clean(host, sizeof(host), sort->host) : "an unknown host",
		*sort->models ? "with " : "without devices", sort->models);
}

static bool say_marked(void *arg, const struct run_line *line)
{
	struct run_sort sort;
	struct err err;
	int64_t key;

	if (line->baseline && store_find_run(arg, line->id, &key, &err) == 0 &&
		store_run_sort(arg, key, &sort, &err) == 0)
		say_sort(line->id, &sort);
	return true;
}

static int list(struct store *store, struct err *err)
{
	struct marked m = {0};

	if (store_list_runs(store, take_marked, &m, err) != 0 ||
		store_list_runs(store, say_marked, store, err) != 0)
		return -1;
	if (m.n == 0)
		printf("no run is a baseline: `vfio-stress runs baseline RUN` marks one\n");
	return EXIT_GOOD;
}

/* One that goes on will be another run when it ends. */
static int mark(struct store *store, const char *which, struct err *err)
{
	char was[RUN_ID_MAX];
	struct run_view *run;
	struct run_sort sort;
	int rc;

	if (run_view_load(store, which, &run, err) != 0)
		return -1;
	verdict_judge(run);
	rc = run->ended ? 0 : -1;
	if (rc != 0) {
		err_set(err, ERR_REFUSED, 0, "run %s %s", run->id,
			run->running ? "still goes on" : "has no end: it died");
		err_hint(err, "a baseline is a whole run");
	}
	if (rc == 0 &&
		(store_baseline_mark(store, run->key, was, err) != 0 ||
			store_run_sort(store, run->key, &sort, err) != 0))
		rc = -1;
	if (rc == 0) {
		say_sort(run->id, &sort);
		if (*was != '\0')
			printf("instead of %s\n", was);
		if (run->verdict != VERDICT_PASS)
			printf("note: its verdict is %s\n", verdict_name(run->verdict));
	}
	run_view_free(run);
	return rc == 0 ? EXIT_GOOD : -1;
}

/* Without a name the one that there is. */
static int clear(struct store *store, const char *which, struct err *err)
{
	struct marked m = {0};
	int64_t key;
	int was;

	if (which == NULL) {
		if (store_list_runs(store, take_marked, &m, err) != 0)
			return -1;
		if (m.n != 1) {
			err_set(err, m.n ? ERR_USAGE : ERR_ABSENT, 0,
				m.n ? "which of the %zu baselines?" : "no run is a baseline", m.n);
			return err_hint(err, "`vfio-stress runs baseline` lists them");
		}
		which = m.last.id;
	}
	if (store_find_run(store, which, &key, err) != 0)
		return -1;
	was = store_baseline_clear(store, key, err);
	if (was < 0)
		return -1;
	if (was == 0) {
		err_set(err, ERR_ABSENT, 0, "run '%s' is no baseline", which);
		return err_hint(err, "`vfio-stress runs baseline` lists them");
	}
	printf("%s is no baseline any more\n", which);
	return EXIT_GOOD;
}

int runs_baseline(const struct options *o, struct err *err)
{
	const char *which = o->nargs > 1 ? o->args[1] : NULL;
	bool clears = options_get(o, "clear") != NULL, reads = which == NULL && !clears;
	struct store *store;
	int rc;

	if (store_open(options_get(o, "db"), reads ? STORE_READ : STORE_CHANGE, &store, err) != 0)
		return -1;
	if (clears)
		rc = clear(store, which, err);
	else
		rc = which != NULL ? mark(store, which, err) : list(store, err);
	store_close(store);
	return rc;
}

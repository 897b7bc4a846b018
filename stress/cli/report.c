/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/complain.h"
#include "cli/runref.h"
#include "engine/baseline.h"
#include "engine/report_out.h"
#include "engine/verdict.h"
#include "model/pulse.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/reporters.h"

#include <unistd.h>

#define REFRESH_NICE 10 /* the run is what matters */

static int write_as(const char *format, const char *path, const struct options *o,
	const struct run_view *view, struct err *err)
{
	const char *db = options_get(o, "db");
	auto_arena struct arena arena = {0};
	struct report_spec spec;

	if (report_of(&arena, format, path, &spec, err) != 0)
		return -1;
	if (spec.type == &reporter_text) {
		struct text_opts *text = spec.opts;

		text->colour = str_eq(path, "-") && report_colour(STDOUT_FILENO);
		text->db = db;
	}
	if (options_get(o, "refresh") != NULL) {
		(void)!nice(REFRESH_NICE);
		return options_get(o, "follow") != NULL
			? report_grow(&spec, view, err)
			: report_make(&spec, view, view->store, err);
	}
	if (options_get(o, "follow") != NULL)
		return report_follow(spec.type, view, path, err);
	return report_write(spec.type, view, spec.opts, path, err);
}

static int check_follow(struct store *store, const char *which, struct err *err)
{
	struct run_pulse pulse;
	int64_t run;

	if (store_find_run(store, which, &run, err) != 0 ||
		store_pulse(store, run, &pulse, err) != 0)
		return -1;
	return pulse_follows(&pulse, store, err);
}

/* For one report: what is stored stays what it was when the run ended. */
static int set_against(const char *which, const char *db, struct run_view *view, struct err *err)
{
	struct runref other;
	int rc = -1;

	if (runref_open(which, db, &other, err) != 0)
		return -1;
	if (str_eq(other.run->id, view->id))
		err_set(err, ERR_USAGE, 0, "run %s cannot be compared with itself", view->id);
	else
		rc = baseline_against(other.run, view, err);
	runref_close(&other);
	return rc;
}

static int report_run(const struct options *o, struct store *store, struct err *err)
{
	const char *format = options_get(o, "format"), *path = options_get(o, "output"),
		   *which = o->nargs ? o->args[0] : "latest", *against = options_get(o, "against");
	struct run_view *view;
	int rc = 0;

	if (options_get(o, "follow") != NULL && check_follow(store, which, err) != 0)
		return -1;
	if (run_view_load(store, which, &view, err) != 0)
		return -1;
	verdict_judge(view);
	if (against != NULL)
		rc = set_against(against, options_get(o, "db"), view, err);
	if (rc == 0)
		rc = write_as(format ? format : "text", path ? path : "-", o, view, err);
	run_view_free(view);
	return rc;
}

static int run(const struct host *host, const struct options *o)
{
	struct store *store;
	struct err err;
	int rc;

	(void)host;
	if (store_open(options_get(o, "db"), STORE_READ, &store, &err) != 0)
		return complain(&err);
	rc = report_run(o, store, &err);
	store_close(store);
	return rc == 0 ? EXIT_GOOD : complain(&err);
}

static const struct option_spec options[] = {
	{'f', "format", "FORMAT", "text when not given", false, false},
	{'o', "output", "FILE", "write it there; - is standard output", false, false},
	{0, "against", "RUN", "as if that one, or FILE.db:RUN, were its baseline", false, false},
	{0, "follow", NULL, "ocp: write on until the run has ended", false, false},
	{0, "refresh", NULL, "of a run that goes on: FILE is as in its scenario", true, false},
	OPTION_DB,
	{0},
};

const struct command cmd_report = {
	.name = "report",
	.operands = "[RUN]",
	.summary = "make the report of a stored run, again and in any format",
	.text = "RUN is an id, the unique beginning of one, or latest (the default). A run that "
		"was\n"
		"killed is reported too, with everything that happened until then.\n"
		"Exit codes: 0, also for a run that failed; 2 usage; 3 no such run or no store.\n"
		"\n"
		"  vfio-stress report\n"
		"  vfio-stress report 20261121-040714 --format json -o run.json\n"
		"  vfio-stress report --format html --against 20261114 -o run.html\n"
		"  vfio-stress report --format ocp --follow | test-executive",
	.add_text = report_formats,
	.options = options,
	.max_args = 1,
	.run = run,
};

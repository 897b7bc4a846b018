/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/compare_html.h"
#include "cli/compare_json.h"
#include "cli/compare_text.h"
#include "cli/complain.h"
#include "cli/runref.h"
#include "cli/terminal.h"
#include "engine/compare.h"
#include "engine/report_out.h"
#include "model/run_view.h"
#include "model/store_baseline.h"
#include "world/newfile.h"

#include <string.h>
#include <unistd.h>

static const struct format {
	const char *name;
	void (*write)(const struct compare_output *o, FILE *out);
} formats[] = {
	{"html", compare_write_html},
	{"json", compare_write_json},
	{"text", compare_write_text},
};

static const char *format_name(size_t i)
{
	return i < sizeof(formats) / sizeof(formats[0]) ? formats[i].name : NULL;
}

static int find_format(const char *name, const struct format **out, struct err *err)
{
	size_t i;

	for (i = 0; format_name(i) != NULL; i++)
		if (str_eq(name ? name : "text", formats[i].name)) {
			*out = &formats[i];
			return 0;
		}
	err_set(err, ERR_USAGE, 0, "unknown format '%s'", name);
	return err_hint(err, "html, json or text");
}

/* ---- the runs ---- */

static int no_baseline(const struct run_view *run, const struct run_sort *sort, struct err *err)
{
	err_set(err, ERR_ABSENT, 0, "no run of %s on %s%s%s is marked as a baseline",
		sort->scenario, *sort->host ? sort->host : "an unknown host",
		*sort->models ? " with " : "", sort->models);
	return err_hint(err,
		"`vfio-stress runs baseline RUN` marks one; run %s is compared with it", run->id);
}

/* Of the run's sort, in the store of this machine. */
static int open_baseline(
	const struct runref *after, const char *db, struct runref *out, struct err *err)
{
	char id[RUN_ID_MAX];
	struct run_sort sort;
	struct store *store;
	int rc;

	if (store_run_sort(after->store, after->run->key, &sort, err) != 0 ||
		store_open(db, STORE_READ, &store, err) != 0)
		return -1;
	rc = store_baseline_find(store, &sort, id, err);
	store_close(store);
	if (rc == 0)
		return no_baseline(after->run, &sort, err);
	return rc == 1 ? runref_open(id, db, out, err) : -1;
}

static int open_both(
	const struct options *o, struct runref *before, struct runref *after, struct err *err)
{
	const char *db = options_get(o, "db");
	bool baseline = options_get(o, "baseline") != NULL;
	const char *later = o->nargs == 0 ? "latest" : o->args[o->nargs - 1];
	int rc;

	if (o->nargs != 2 && !baseline) {
		err_set(err, ERR_USAGE, 0, "two runs are compared");
		return err_hint(err, "an earlier and a later one, or one and --baseline");
	}
	if (o->nargs == 2 && baseline) {
		err_set(err, ERR_USAGE, 0, "--baseline is the earlier run");
		return err_hint(err, "name the later one only");
	}
	if (runref_open(later, db, after, err) != 0)
		return -1;
	rc = baseline ? open_baseline(after, db, before, err)
		      : runref_open(o->args[0], db, before, err);
	if (rc == 0 && str_eq(before->run->id, after->run->id)) {
		err_set(err, ERR_USAGE, 0, "run %s cannot be compared with itself", after->run->id);
		runref_close(before);
		rc = -1;
	}
	if (rc != 0)
		runref_close(after);
	return rc;
}

/* ---- what matters ---- */

/* Thousandths, percent: a whole number below `most`. */
static int read_number(const struct options *o, const char *name, int64_t most, double unit,
	double *out, struct err *err)
{
	const char *text = options_get(o, name);
	int64_t n;

	if (text == NULL)
		return 0;
	if (!str_to_i64(text, 10, 1, most, &n))
		return err_set(err, ERR_USAGE, 0, "--%s '%s' is not a number from 1 to %lld", name,
			text, (long long)most);
	*out = (double)n * unit;
	return 0;
}

static int read_margins(const struct options *o, struct compare_margins *out, struct err *err)
{
	const char *time = options_get(o, "margin-time");
	int64_t ms;

	*out = compare_margins_default;
	if (read_number(o, "margin-rate", 1000, 1e-3, &out->rate, err) != 0 ||
		read_number(o, "margin-percent", 1000, 1e-2, &out->time_share, err) != 0)
		return -1;
	if (time == NULL)
		return 0;
	if (!str_to_duration_ms(time, &ms) || ms < 1) {
		err_set(err, ERR_USAGE, 0, "--margin-time '%s' is not a duration", time);
		return err_hint(err, "a number with its unit: 10ms, 2s");
	}
	out->time_us = ms * 1000;
	return 0;
}

/* ---- the command ---- */

static int write_out(const struct options *o, const struct format *format,
	struct compare_output *output, struct err *err)
{
	const char *path = options_get(o, "output");
	struct newfile file;

	output->columns = terminal_columns(stdout);
	if (path == NULL || str_eq(path, "-")) {
		output->colour = report_colour(STDOUT_FILENO);
		format->write(output, stdout);
		return 0;
	}
	if (newfile_open(path, path, &file, err) != 0)
		return -1;
	format->write(output, file.out);
	return newfile_commit(&file, err);
}

static int compare(const struct options *o, const struct runref *before, const struct runref *after,
	const struct format *format, const struct compare_margins *margins, struct err *err)
{
	struct comparison c;
	struct compare_output output = {.c = &c,
		.store_a = store_path(before->store),
		.store_b = store_path(after->store),
		.baseline = options_get(o, "baseline") != NULL};
	int rc;

	if (compare_runs(before->run, after->run, margins, &c, err) != 0)
		return -1;
	rc = write_out(o, format, &output, err) == 0 ? compare_exit_code(&c) : -1;
	compare_finish(&c);
	return rc;
}

static int run(const struct host *host, const struct options *o)
{
	struct compare_margins margins;
	struct runref before = {0}, after = {0};
	const struct format *format = NULL;
	struct err err;
	int rc;

	(void)host;
	if (find_format(options_get(o, "format"), &format, &err) != 0 ||
		read_margins(o, &margins, &err) != 0 || open_both(o, &before, &after, &err) != 0)
		return complain(&err);
	rc = compare(o, &before, &after, format, &margins, &err);
	runref_close(&before);
	runref_close(&after);
	return rc < 0 ? complain(&err) : rc;
}

static const struct option_spec options[] = {
	{0, "baseline", NULL, "the earlier run is RUN's baseline", false, false},
	{'f', "format", "FORMAT", "text when not given", false, false},
	{'o', "output", "FILE", "write it there; - is standard output", false, false},
	{0, "margin-rate", "N", "failures per 1,000 cycles that matter (10)", false, false},
	{0, "margin-percent", "N", "of a step's median: what of its time matters (5)", false,
		false},
	{0, "margin-time", "TIME", "and what never does, however short the step (10ms)", false,
		false},
	OPTION_DB,
	{0},
};

const struct command cmd_compare = {
	.name = "compare",
	.operands = "[RUN|FILE.db:RUN] [RUN|FILE.db:RUN]",
	.summary = "say what is worse, the same or better in a later run",
	.text = "The earlier run comes first. Verdicts, failures, incidents, times, resets and "
		"the\n"
		"machine: each row is worse, the same, better or cannot be told, and why. The "
		"same\n"
		"means proved to be within the margins. RUN may be FILE.db:RUN, of another store.\n"
		"--baseline compares with what `runs baseline` marked; the latest run without "
		"RUN.\n\n"
		"  vfio-stress compare --baseline\n"
		"  vfio-stress compare rack8.db:latest latest -f html -o compare.html\n\n"
		"Exit codes: 0 same or better, 1 worse, 2 usage, 3 cannot tell, or no such run.",
	.format = format_name,
	.options = options,
	.max_args = 2,
	.run = run,
};

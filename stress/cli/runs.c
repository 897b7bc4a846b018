/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/complain.h"
#include "cli/runs_baseline.h"
#include "cli/runs_prune.h"
#include "cli/runs_stop.h"
#include "model/store.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct listing {
	bool json;
	size_t n;
};

/* A run without an end is running, or its process is gone. */
static const char *state(const struct run_line *line)
{
	if (line->alive)
		return "running";
	return line->ended_ns ? verdict_name(line->verdict) : "died";
}

static void print_row(const struct listing *l, const struct run_line *line)
{
	char time[40], scenario[4 * sizeof(line->scenario) + 1];

	if (l->n == 0)
		printf("%-20s %-20s %-8s %9s %7s  %s\n", "RUN", "STARTED (UTC)", "VERDICT",
			"CYCLES", "FAILED", "SCENARIO");
	clock_rfc3339(line->started_ns, time, sizeof(time));
	printf("%-20s %.10s %.8s  %-8s %9" PRIu64 " %7" PRIu64 "  %s%s\n", line->id, time,
		time + 11, state(line), line->cycles_done, line->cycles_failed,
		str_printable(scenario, sizeof(scenario), line->scenario, strlen(line->scenario)),
		line->baseline ? " (baseline)" : "");
}

static void write_row(const struct run_line *line)
{
	struct json_t *o = jout_object(), *cycles = jout_object();

	jout_text(o, "id", line->id);
	jout_text(o, "scenario", line->scenario);
	jout_time(o, "started", line->started_ns);
	jout_time(o, "ended", line->ended_ns);
	jout_bool(o, "running", line->alive);
	jout_bool(o, "baseline", line->baseline);
	jout_str(o, "verdict", line->ended_ns ? verdict_name(line->verdict) : NULL);
	jout_int(cycles, "done", (int64_t)line->cycles_done);
	jout_int(cycles, "failed", (int64_t)line->cycles_failed);
	jout_put(o, "cycles", cycles);
	jout_write(o, stdout);
}

static bool each(void *arg, const struct run_line *line)
{
	struct listing *l = arg;

	if (l->json) {
		fputs(l->n ? ",\n " : "\n ", stdout);
		write_row(line);
	} else {
		print_row(l, line);
	}
	l->n++;
	return true;
}

static int list(struct store *store, struct listing *l, struct err *err)
{
	if (l->json)
		fputs("{\"schema\": \"vfio-stress/runs/1\", \"runs\": [", stdout);
	if (store_list_runs(store, each, l, err) != 0)
		return -1;
	if (l->json)
		fputs("]}\n", stdout);
	else if (l->n == 0)
		printf("no runs in %s\n", store_path(store));
	return 0;
}

static bool asks_to_prune(const struct options *o)
{
	return options_get(o, "keep") || options_get(o, "older-than") ||
		options_get(o, "max-size") || options_get(o, "dry-run");
}

/* What may stand behind `runs`. */
static const struct part {
	const char *word;
	size_t operands; /* at most, with the word */
	int (*run)(const struct options *o, struct err *err);
} parts[] = {
	{"baseline", 2, runs_baseline},
	{"prune", 1, runs_prune},
	{"stop", 2, runs_stop},
};

static const struct part *find_part(const struct options *o)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (o->nargs > 0 && str_eq(o->args[0], parts[i].word))
			return &parts[i];
	return NULL;
}

/* Nothing is deleted, and no mark moved, by a slip of the finger. */
static int check_words(const struct options *o, const struct part *part, struct err *err)
{
	bool prune = part != NULL && part->run == runs_prune;

	if (part == NULL && o->nargs > 0)
		err_set(err, ERR_USAGE, 0, "unexpected '%s'", o->args[0]);
	else if (part != NULL && o->nargs > part->operands)
		err_set(err, ERR_USAGE, 0, "unexpected '%s'", o->args[part->operands]);
	else if (asks_to_prune(o) && !prune)
		err_set(err, ERR_USAGE, 0, "that is for `runs prune`");
	else if (options_get(o, "clear") != NULL && (part == NULL || part->run != runs_baseline))
		err_set(err, ERR_USAGE, 0, "--clear is for `runs baseline`");
	else if (part != NULL && options_get(o, "json") != NULL)
		err_set(err, ERR_USAGE, 0, "`runs %s` has no --json", part->word);
	else
		return 0;
	return err_hint(err, "`vfio-stress runs --help`");
}

static int run(const struct host *host, const struct options *o)
{
	struct listing l = {.json = options_get(o, "json") != NULL};
	const struct part *part = find_part(o);
	struct store *store;
	struct err err;
	int rc;

	(void)host;
	if (check_words(o, part, &err) != 0)
		return complain(&err);
	if (part != NULL) {
		rc = part->run(o, &err);
		return rc < 0 ? complain(&err) : rc;
	}
	if (store_open(options_get(o, "db"), STORE_READ, &store, &err) != 0)
		return complain(&err);
	rc = list(store, &l, &err);
	store_close(store);
	return rc == 0 ? EXIT_GOOD : complain(&err);
}

static const struct option_spec options[] = {
	{0, "json", NULL, "for machines", false, false},
	{0, "keep", "N", "prune: the newest N stay", false, false},
	{0, "older-than", "AGE", "prune: those that began longer ago go (90d)", false, false},
	{0, "max-size", "SIZE", "prune: the oldest go until the rest fits (2G)", false, false},
	{0, "dry-run", NULL, "prune: say it, delete nothing", false, false},
	{0, "clear", NULL, "baseline: RUN is none any more", false, false},
	OPTION_DB,
	{0},
};

const struct command cmd_runs = {
	.name = "runs",
	.operands = "[baseline|prune|stop] [RUN]",
	.summary = "list the stored runs; stop one, mark a baseline, or delete old ones",
	.text = "`stop` ends the run that goes on as Ctrl-C does, and returns when it has ended; "
		"asked\n"
		"again, it ends now. `baseline RUN` marks the run that later ones of its scenario, "
		"on\n"
		"this host, with the same models, are compared with. `prune` asks nothing and says "
		"what\n"
		"it deletes: with --keep alone all but the newest N; with another rule these N "
		"stay. A\n"
		"baseline, a run without an end, with changes not put back, or that a webhook has "
		"not\n"
		"heard of, stays always.\n"
		"\n"
		"  vfio-stress runs\n"
		"  vfio-stress runs baseline latest\n"
		"  vfio-stress runs prune --older-than 90d --keep 10 --dry-run\n\n"
		"Exit codes: 0, 2 usage, 3 the store cannot be read or written, or the run not "
		"stopped.",
	.max_args = 2,
	.options = options,
	.run = run,
};

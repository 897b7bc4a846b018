/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "base/vec.h"
#include "cli/check.h"
#include "cli/complain.h"
#include "cli/detach.h"
#include "cli/load.h"
#include "cli/runhost.h"
#include "cli/settings.h"
#include "engine/report_out.h"
#include "engine/supervise.h"
#include "klog/rules.h"
#include "model/reporter.h"

#include <stdio.h>

/* The --report of the command line. */
struct asked {
	VEC(struct report_spec) reports;
	struct arena arena;
};

static int add_report(struct asked *a, const char *text)
{
	struct report_spec spec;
	struct err err = {0};

	if (report_parse(&a->arena, text, &spec, &err) != 0) {
		complain(&err);
		return -1;
	}
	*vec_push(&a->reports) = spec;
	return 0;
}

static int add_reports(const struct options *o, struct asked *a)
{
	size_t i;

	for (i = 0; i < o->nset; i++)
		if (str_eq(o->set[i].opt->name, "report") && add_report(a, o->set[i].value) != 0)
			return -1;
	return 0;
}

/* A report of the command line may go where one of the scenario does, too. */
static int check_apart(const struct scenario *sc, const struct asked *a, struct err *err)
{
	size_t i;

	for (i = 0; i < a->reports.n; i++) {
		const struct report_spec *r = &a->reports.v[i], *other;

		other = report_of_same_file(sc->reports, sc->nreports, r);
		if (other == NULL)
			other = report_of_same_file(a->reports.v, i, r);
		if (other == NULL)
			continue;
		err_set(err, ERR_USAGE, 0, "report '%s' goes to '%s', as report '%s' %sdoes",
			r->type->word.name, report_path(r), other->type->word.name,
			other->pos.line > 0 ? "of the scenario " : "");
		return err_hint(err, "it would replace the other: name another file");
	}
	return 0;
}

static int check_reports(const struct report_spec *specs, size_t n)
{
	struct err err = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		if (report_check(&specs[i], &err) == 0)
			continue;
		complain(&err);
		return -1;
	}
	return 0;
}

static int run_on(const struct host *host, struct run_request *req)
{
	struct runhost machine;
	int code;

	runhost_look(host, req->scenario, &machine);
	req->machine = machine.known ? &machine.machine : NULL;
	req->notes = machine.fitness.notes.v;
	req->nnotes = machine.fitness.notes.n;
	req->checks = machine.fitness.checks;
	req->nchecks = machine.fitness.nchecks;
	code = machine.fitness.refusal.code != ERR_NONE ? complain(&machine.fitness.refusal)
							: supervise(req);
	runhost_finish(&machine);
	return code;
}

static int run_detached(const struct host *host, struct run_request *req)
{
	struct detach detach;
	int code;

	if (detach_fork(&detach, req->db, req->quiet, &code)) {
		req->begun = detach_begun;
		req->begun_arg = &detach;
		code = run_on(host, req);
	}
	detach_finish(&detach);
	return code;
}

static bool needs_stdout(const struct report_spec *specs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (report_to_stdout(&specs[i]))
			return true;
	return false;
}

static int check_detached(const struct run_request *req)
{
	const struct scenario *sc = req->scenario;
	struct err err;

	if (!needs_stdout(sc->reports, sc->nreports) && !needs_stdout(req->reports, req->nreports))
		return 0;
	err_set(&err, ERR_USAGE, 0, "a run in the background has no standard output for a report");
	err_hint(&err, "name a file for it, or leave out --detach");
	complain(&err);
	return -1;
}

/* A test seam. */
static int read_patience(
	const struct host *host, const struct options *o, int64_t *ms, struct err *err)
{
	const char *text = options_get(o, "term-patience");

	if (text == NULL)
		return 0;
	if (!host->simulated)
		return err_set(err, ERR_USAGE, 0, "--term-patience is for tests: with --kmsg");
	if (!str_to_duration_ms(text, ms))
		return err_set(err, ERR_USAGE, 0, "--term-patience: '%s' is not a duration", text);
	return 0;
}

static int run_loaded(const struct host *host, const struct options *o, const struct scenario *sc,
	const struct rules *rules, const struct settings *settings, const struct asked *a)
{
	struct run_request req = {
		.host = host,
		.scenario = sc,
		.rules = rules,
		.settings = settings->list.v,
		.nsettings = settings->list.n,
		.db = options_get(o, "db"),
		.reports = a->reports.v,
		.nreports = a->reports.n,
		.tool_version = STRESS_VERSION,
		.quiet = options_get(o, "quiet") != NULL,
	};
	bool detach = options_get(o, "detach") != NULL;
	struct diags diags = {0};
	struct err err = {0};

	if (check_apart(sc, a, &err) != 0 ||
		read_patience(host, o, &req.term_patience_ms, &err) != 0)
		return complain(&err);
	if (options_get(o, "dry-run") != NULL)
		return check_scenario(host, sc, true);
	if (host_check_not_kdump(host, &err) != 0)
		return complain(&err);
	if (detach && check_detached(&req) != 0)
		return EXIT_USAGE;
	if (scenario_check_env(sc, &diags) != 0) {
		diags_print(&diags, stderr);
		return EXIT_REFUSED;
	}
	if (check_reports(sc->reports, sc->nreports) != 0 ||
		check_reports(a->reports.v, a->reports.n) != 0)
		return EXIT_REFUSED;
	return detach ? run_detached(host, &req) : run_on(host, &req);
}

static int run(const struct host *host, const struct options *o)
{
	struct settings settings = {0};
	struct scenario *sc = NULL;
	struct rules *rules = NULL;
	struct asked a = {0};
	int code = EXIT_USAGE;

	if (settings_read(o, &settings) == 0 && add_reports(o, &a) == 0)
		sc = load_scenario(o->args[0], &settings, &rules);
	if (sc != NULL)
		code = run_loaded(host, o, sc, rules, &settings, &a);
	rules_free(rules);
	scenario_free(sc);
	settings_finish(&settings);
	vec_finish(&a.reports);
	arena_finish(&a.arena);
	return code;
}

static const struct option_spec options[] = {
	OPTION_SET,
	OPTION_DB,
	{0, "report", "FORMAT:FILE",
		"also write a report there; may be repeated; FILE,every=10m: "
		"during the run, too; ocp is streamed",
		false, true},
	{0, "dry-run", NULL, "like `check --strict`: say what would be done, touch nothing", false,
		false},
	{'d', "detach", NULL, "go on in the background once it has begun", false, false},
	{'q', "quiet", NULL, "no progress, only the final summary (or, detached, the id)", false,
		false},
	{0, "term-patience", "TIME", "after a SIGTERM, for what does not end", true, false},
	{0},
};

const struct command cmd_run = {
	.name = "run",
	.operands = "SCENARIO",
	.summary = "run a scenario, judge it, report it",
	.text = "Ctrl-C once finishes the step, puts the host back and reports; twice stops "
		"now. A detached run outlives the terminal; `watch` shows it, `runs stop` ends "
		"it as\n"
		"Ctrl-C does, and what it says is in RUN.log beside the store.\n\n"
		"  vfio-stress run scenarios/smoke.yaml --set domain=gpu-vm\n"
		"  vfio-stress run overnight.yaml --report html:run.html,every=10m -q\n"
		"  vfio-stress run overnight.yaml --detach\n\n"
		"Exit codes: 0 pass, 1 fail, 2 usage or scenario error, 3 refused or cannot run "
		"(nothing\n"
		"was tried), 4 aborted, broken or skipped.",
	.add_text = report_formats,
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

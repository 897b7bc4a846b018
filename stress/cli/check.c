/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "cli/settings.h"
#include "engine/plan.h"
#include "engine/scenario_rules.h"
#include "engine/vocabulary.h"
#include "klog/rules.h"

#include <stdio.h>
#include <stdlib.h>

/* Says what the environment does not give; that is of this shell, not of the scenario. */
static size_t print_missing_env(const struct scenario *sc)
{
	size_t i, n = 0;

	for (i = 0; i < sc->nenv; i++)
		if (getenv(sc->env[i].name) == NULL) {
			printf("not checked: report: environment variable '%s' is not set\n",
				sc->env[i].name);
			n++;
		}
	return n;
}

/* Without a look at the host the plan is what the scenario says by itself. */
static size_t print_unseen(const struct scenario *sc, const struct plan_lane *lanes)
{
	size_t i, n = 0;

	for (i = 0; i < sc->nlanes; i++)
		if (lanes[i].topology == NULL) {
			printf("not checked: lane %s: whether its domain and devices are here\n",
				sc->lanes[i].name);
			n++;
		}
	return n;
}

static size_t print_plan(const struct host *host, const struct scenario *sc)
{
	auto_free struct plan_lane *lanes = xcalloc(sc->nlanes, sizeof(*lanes));

	plan_print(sc, host, lanes, stdout);
	return print_unseen(sc, lanes) + print_missing_env(sc);
}

/* The scenario and the log rules that it brings; NULL when anything of it is wrong. */
static struct scenario *load(const char *path, const struct settings *settings)
{
	struct scenario *sc;
	struct diags diags = {0};
	struct rules *rules = NULL;

	sc = scenario_load(path, settings->list.v, settings->list.n, &words_of_this_build, &diags);
	if (sc != NULL)
		rules = scenario_rules(sc, &diags);
	diags_print(&diags, stderr);
	if (rules == NULL) {
		scenario_free(sc);
		return NULL;
	}
	rules_free(rules);
	return sc;
}

static int run(const struct host *host, const struct options *o)
{
	struct settings settings = {0};
	struct scenario *sc = NULL;
	int code = EXIT_USAGE;

	if (settings_read(o, &settings) == 0)
		sc = load(o->args[0], &settings);
	if (sc != NULL) {
		bool unchecked = print_plan(host, sc) > 0;

		code = unchecked && options_get(o, "strict") ? EXIT_REFUSED : EXIT_GOOD;
	}
	scenario_free(sc);
	settings_finish(&settings);
	return code;
}

static const struct option_spec options[] = {
	{0, "set", "NAME=VALUE", "give a variable of the scenario this value", false, true},
	{0, "strict", NULL, "exit with 3 when something could not be checked", false, false},
	{0},
};

const struct command cmd_check = {
	.name = "check",
	.operands = "SCENARIO",
	.summary = "check a scenario and say what it would do",
	.text = "Reports everything that is wrong with it, then prints the plan: lanes, steps, "
		"how\n"
		"long they take at most, and whom each reset disturbs. Touches nothing.\n\n"
		"  vfio-stress check --set domain=gpu-vm smoke.yaml\n\n"
		"Exit codes: 0 it can be run as far as is known, 2 it is wrong, 3 with --strict:\n"
		"something could not be checked here.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/check.h"
#include "cli/check_offline.h"
#include "cli/complain.h"
#include "cli/load.h"
#include "cli/machine.h"
#include "cli/runhost.h"
#include "cli/settings.h"
#include "engine/apart.h"
#include "engine/lane.h"
#include "engine/plan.h"
#include "klog/rules.h"
#include "model/snapshot.h"
#include "model/topology.h"

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

/* Where the refusals of a lane are collected until the plan has been printed. */
struct doubts {
	struct str text;
	const struct lane_spec *lane;
	size_t n;
};

static void doubt(void *arg, const char *subject, const struct err *err)
{
	/* what is not here cannot be looked at; anything else is a no */
	const char *word = err->code == ERR_ABSENT || err->code == ERR_LOST ? "not checked"
									    : "would be refused";
	struct doubts *d = arg;

	(void)subject;
	str_addf(&d->text, "%s: lane %s: %s\n", word, d->lane->name, err->msg);
	if (err->hint[0] != '\0')
		str_addf(&d->text, "  hint: %s\n", err->hint);
	d->n++;
}

static void look(const struct host *host, const struct scenario *sc, struct lane *lanes,
	struct plan_lane *known, struct doubts *doubts)
{
	size_t i;

	for (i = 0; i < sc->nlanes; i++) {
		lanes[i] = (struct lane){
			.host = host, .scenario = sc, .spec = &sc->lanes[i], .out = {.fd = -1}};
		doubts->lane = &sc->lanes[i];
		lane_prepare(&lanes[i], doubt, doubts);
		known[i] = (struct plan_lane){.vm = lanes[i].vm,
			.devs = lanes[i].devs,
			.ndevs = lanes[i].ndevs,
			.topology = lanes[i].devices_known ? &lanes[i].topology : NULL};
	}
}

/* Where refusals of one lane's neighbours go. */
struct across {
	const struct scenario *sc;
	struct doubts *doubts;
};

static void doubt_neighbour(void *arg, size_t lane, const struct err *err)
{
	struct across *across = arg;

	across->doubts->lane = &across->sc->lanes[lane];
	doubt(across->doubts, "", err);
}

/* Any lane's topology serves: all were read just now. */
static void look_across(const struct host *host, const struct scenario *sc, struct lane *lanes,
	struct doubts *doubts)
{
	auto_free struct neighbour *seen = xcalloc(sc->nlanes, sizeof(*seen));
	auto_arena struct arena arena = {0};
	struct across across = {sc, doubts};
	size_t i, d;

	for (i = 0; i < sc->nlanes; i++) {
		struct pcidev *devs = arena_alloc(&arena, (lanes[i].ndevs + 1) * sizeof(*devs));

		for (d = 0; d < lanes[i].ndevs; d++)
			devs[d] = lanes[i].devs[d].pci;
		seen[i] = (struct neighbour){&sc->lanes[i], devs, lanes[i].ndevs};
	}
	lanes_apart(host, sc, &lanes[0].topology, seen, doubt_neighbour, &across);
}

/* Returns how much of it would keep the run from beginning. */
static size_t print_fitness(const struct fitness *f)
{
	vec_foreach (text, &f->notes)
		printf("note: %s\n", *text);
	if (f->refusal.code == ERR_NONE)
		return 0;
	printf("would be refused: %s\n  hint: %s\n", f->refusal.msg, f->refusal.hint);
	return 1;
}

int check_scenario(const struct host *host, const struct scenario *sc, bool strict)
{
	auto_free struct plan_lane *known = xcalloc(sc->nlanes, sizeof(*known));
	auto_free struct lane *lanes = xcalloc(sc->nlanes, sizeof(*lanes));
	struct doubts doubts = {0};
	struct runhost machine;
	size_t i;

	runhost_look(host, sc, &machine); /* first: libvirt's connections have threads */
	look(host, sc, lanes, known, &doubts);
	look_across(host, sc, lanes, &doubts);
	plan_print(sc, host, known, stdout);
	if (doubts.n > 0)
		fputs(doubts.text.s, stdout);
	doubts.n += print_fitness(&machine.fitness);
	doubts.n += print_missing_env(sc);
	for (i = 0; i < sc->nlanes; i++)
		lane_finish(&lanes[i]);
	runhost_finish(&machine);
	str_finish(&doubts.text);
	return strict && doubts.n > 0 ? EXIT_REFUSED : EXIT_GOOD;
}

/* On this machine, or on the one of --topology. */
static int check_somewhere(
	const struct host *host, const struct options *o, const struct scenario *sc)
{
	bool strict = options_get(o, "strict") != NULL;
	struct topology t;
	struct err err = {0};
	int code;

	if (options_get(o, "topology") == NULL)
		return check_scenario(host, sc, strict);
	if (snapshot_read(options_get(o, "topology"), &t, &err) != 0)
		return complain(&err);
	code = check_offline(&t, sc, strict);
	topology_finish(&t);
	return code;
}

static int run(const struct host *host, const struct options *o)
{
	struct settings settings = {0};
	struct scenario *sc = NULL;
	struct rules *rules = NULL;
	int code = EXIT_USAGE;

	if (settings_read(o, &settings) == 0)
		sc = load_scenario(o->args[0], &settings, &rules);
	if (sc != NULL)
		code = check_somewhere(host, o, sc);
	rules_free(rules);
	scenario_free(sc);
	settings_finish(&settings);
	return code;
}

static const struct option_spec options[] = {
	OPTION_SET,
	TOPOLOGY_OPTION,
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

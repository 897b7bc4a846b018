/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/list.h"
#include "cli/sample.h"
#include "engine/report_out.h"
#include "klog/rules.h"
#include "model/incident.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/store.h"
#include "preflight/preflight.h"
#include "reporters/reporters.h"
#include "reporters/template_shipped.h"
#include "steps/steps.h"
#include "world/pcidev.h"
#include "world/vmlist.h"
#include "world/yamldoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RUNS_MAX 50 /* the newest */

/* What stands on the line. The shells' scripts only pass it on. */
struct typed {
	const struct host *host;
	const struct command *cmd;
	const char *word; /* what there is of the word under the cursor */
	size_t keep; /* so much of it stays: "--db=", "json:" */
	const char *db, *scenario; /* named before, or NULL */
	const char *before; /* the last operand before, or NULL */
	size_t operands; /* before */
};

/* A word that may stand there, when it begins like what there is. */
static void offer(const struct typed *t, const char *word, const char *what)
{
	char shown[200];

	if (str_starts(word, t->word + t->keep))
		printf("%.*s%s\t%s\n", (int)t->keep, t->word, word,
			str_printable(
				shown, sizeof(shown), what ? what : "", what ? strlen(what) : 0));
}

/* The shell knows files best. */
static void offer_files(const struct typed *t)
{
	printf(":files\t%zu\n", t->keep);
}

static void offer_devices(const struct typed *t)
{
	struct pcidev_list all = {0};
	char bdf[BDF_LEN];
	struct err err;
	size_t i;

	if (pcidev_scan(t->host, &all, &err) != 0)
		return;
	for (i = 0; i < all.n; i++)
		if (!all.v[i].is_bridge)
			offer(t, bdf_text(all.v[i].bdf, bdf), all.v[i].name);
	pcidev_list_finish(&all);
}

struct offered_runs {
	const struct typed *t;
	size_t n;
};

static bool offer_run(void *arg, const struct run_line *line)
{
	struct offered_runs *o = arg;
	char what[128];

	snprintf(what, sizeof(what), "%s %s", line->scenario,
		line->ended_ns ? verdict_name(line->verdict) : "");
	offer(o->t, line->id, what);
	return ++o->n < RUNS_MAX;
}

static void offer_runs(const struct typed *t)
{
	struct offered_runs runs = {.t = t};
	struct store *store;
	struct err err;

	offer(t, "latest", "the run that began last");
	if (store_open(t->db, STORE_READ, &store, &err) != 0)
		return;
	if (store_list_runs(store, offer_run, &runs, &err) != 0)
		runs.n = 0;
	store_close(store);
}

static void offer_formats(const struct typed *t)
{
	size_t i;

	for (i = 0; t->cmd->format != NULL && t->cmd->format(i) != NULL; i++)
		offer(t, t->cmd->format(i), NULL);
	if (t->cmd->format != NULL)
		return;
	for (i = 0; reporters[i] != NULL; i++)
		if (reporters[i]->hand_over == NULL)
			offer(t, reporters[i]->word.name, reporters[i]->word.summary);
}

/* Behind the file: "every=". */
static void offer_report_options(const struct typed *t, const char *comma)
{
	auto_free char *format = xstrndup(t->word + t->keep, strcspn(t->word + t->keep, ":"));
	const struct reporter *type = reporter_find(format);
	struct typed option = *t;
	const struct field *f;

	option.keep = (size_t)(comma + 1 - t->word);
	for (f = type != NULL ? type->word.fields : NULL; f != NULL && f->name != NULL; f++) {
		auto_free char *word = xasprintf("%s=", f->name);

		if (report_option(type, f))
			offer(&option, word, f->help);
	}
}

/* json:FILE,every=TIME */
static void offer_report(const struct typed *t)
{
	const char *colon = strchr(t->word + t->keep, ':');
	const char *comma = colon ? strrchr(colon, ',') : NULL;
	struct typed file = *t;
	size_t i;

	if (comma != NULL)
		offer_report_options(t, comma);
	if (colon != NULL) {
		file.keep = (size_t)(colon + 1 - t->word);
		offer_files(&file);
		return;
	}
	for (i = 0; reporters[i] != NULL; i++) {
		auto_free char *word = xasprintf("%s:", reporters[i]->word.name);

		if (reporters[i]->hand_over == NULL)
			offer(t, word, reporters[i]->word.summary);
	}
}

static void offer_severities(const struct typed *t)
{
	int s;

	for (s = SEV_INFO; s <= SEV_FATAL; s++)
		offer(t, severity_name((enum severity)s), NULL);
}

static void offer_uris(const struct typed *t)
{
	offer(t, "qemu:///system", "the system's libvirt");
	offer(t, "qemu:///session", "the user's libvirt");
}

static void offer_domains(const struct typed *t)
{
	struct arena arena = {0};
	struct vmlist all = {0};
	struct err err;
	size_t i;

	if (vmlist_read(t->host, NULL, &arena, &all, &err) == 0)
		for (i = 0; i < all.n; i++)
			offer(t, all.v[i].name, all.v[i].active ? "running" : "");
	arena_finish(&arena);
}

/* The variables of the scenario that is on the line. */
static void offer_variables(const struct typed *t)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
	const struct ynode *root, *vars;
	const struct source *src;
	struct arena arena = {0};
	size_t i;

	/* standard input is the shell's */
	if (t->scenario == NULL || str_eq(t->scenario, "-"))
		return;
	src = yamldoc_read(t->scenario, SCENARIO_SIZE_MAX, diags);
	root = src ? yamldoc_parse(&arena, src, diags) : NULL;
	vars = root && root->kind == YNODE_MAP ? ynode_get(root, "vars") : NULL;
	for (i = 0; vars != NULL && vars->kind == YNODE_MAP && i < vars->n; i++) {
		auto_free char *word = xasprintf("%s=", vars->keys[i]->text);

		offer(t, word, vars->items[i]->kind == YNODE_SCALAR ? vars->items[i]->text : NULL);
	}
	arena_finish(&arena);
}

/* NAME=VALUE: what a variable is for, its name tells. */
static void offer_setting(const struct typed *t)
{
	const char *name = t->word + t->keep, *equals = strchr(name, '=');
	struct typed value = *t;

	if (equals == NULL) {
		offer_variables(t);
		return;
	}
	value.keep = (size_t)(equals + 1 - t->word);
	if (str_starts(name, "domain"))
		offer_domains(&value);
	else if (str_starts(name, "device"))
		offer_devices(&value);
}

static void offer_subjects(const struct typed *t)
{
	const char *name, *summary;
	size_t i;

	for (i = 0; (name = list_subject(i, &summary)) != NULL; i++)
		if (summary != NULL)
			offer(t, name, summary);
}

static void offer_faults(const struct typed *t)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
	struct rules *rules = rules_load(NULL, 0, diags);
	size_t i, n = rules ? rules_count(rules) : 0;

	for (i = 0; i < n; i++)
		offer(t, rules_at(rules, i)->id, rules_at(rules, i)->meaning);
	rules_free(rules);
}

static void offer_checks(const struct typed *t)
{
	const struct check *const *table, *c;

	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++)
			offer(t, c->id, c->asks);
}

static void offer_steps(const struct typed *t)
{
	size_t i;

	for (i = 0; step_types[i] != NULL; i++)
		offer(t, step_types[i]->word.name, step_types[i]->word.summary);
}

static void offer_reporters(const struct typed *t)
{
	size_t i;

	for (i = 0; reporters[i] != NULL; i++)
		offer(t, reporters[i]->word.name, reporters[i]->word.summary);
}

static void offer_bodies(const struct typed *t)
{
	size_t i;

	for (i = 0; webhook_bodies[i] != NULL; i++)
		offer(t, webhook_bodies[i], NULL);
}

static void offer_samples(const struct typed *t)
{
	size_t i;

	for (i = 0; sample_word(i) != NULL; i++)
		offer(t, sample_word(i), NULL);
}

static void offer_templates(const struct typed *t)
{
	const struct shipped_template *s;

	for (s = shipped_templates; s->name != NULL; s++)
		offer(t, s->name, s->summary);
}

/* What a word in a table of options or operands stands for. */
struct kind {
	const char *word;
	void (*offer)(const struct typed *t);
};

static const struct kind kinds[] = {
	{"AFTER", offer_files},
	{"BDF", offer_devices},
	{"BEFORE", offer_files},
	{"BODY", offer_bodies},
	{"DEVICE", offer_devices},
	{"DIR", offer_files},
	{"DIRECTORY", offer_files},
	{"FILE", offer_files},
	{"FORMAT", offer_formats},
	{"FORMAT:FILE", offer_report},
	{"NAME=VALUE", offer_setting},
	{"RUN", offer_runs},
	{"SAMPLE", offer_samples},
	{"SCENARIO", offer_files},
	{"SNAPSHOT", offer_files},
	{"URI", offer_uris},
	{"WHAT", offer_subjects},
	{"WORD", offer_severities},
};

/* What `list WHAT` takes as its NAME. */
static const struct kind names[] = {
	{"checks", offer_checks},
	{"faults", offer_faults},
	{"reporters", offer_reporters},
	{"resets", offer_devices},
	{"steps", offer_steps},
	{"templates", offer_templates},
};

static void offer_kind(const struct typed *t, const struct kind *table, size_t n, const char *word)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_eq(table[i].word, word))
			table[i].offer(t);
}

/* The operand that comes next: "BEFORE AFTER" has one for each place, "[FILE...|DIRECTORY|-]" several. */
static void offer_operands(const struct typed *t)
{
	auto_free char *copy = xstrdup(t->cmd->operands);
	char *place, *word, *rest = copy;
	size_t i;

	for (i = 0; (place = strsep(&rest, " ")) != NULL; i++) {
		bool again = strstr(place, "...") != NULL;

		if (i != t->operands && !(again && i < t->operands))
			continue;
		while ((word = strsep(&place, "[].|")) != NULL)
			if (str_eq(word, "NAME"))
				offer_kind(t, names, ARRAY_SIZE(names), t->before);
			else if (islower((unsigned char)*word))
				offer(t, word, NULL); /* it stands for itself: "[prune]" */
			else
				offer_kind(t, kinds, ARRAY_SIZE(kinds), word);
	}
}

static void offer_options(const struct typed *t, const struct option_spec *specs)
{
	for (; specs->name != NULL; specs++) {
		auto_free char *word = xasprintf("--%s", specs->name);

		if (!specs->hidden)
			offer(t, word, specs->help);
	}
}

static const struct option_spec *find_option(
	const struct option_spec *specs, const char *word, size_t n)
{
	for (; specs->name != NULL; specs++) {
		if (n == 2 && word[0] == '-' && specs->letter != 0 && word[1] == specs->letter)
			return specs;
		if (strlen(specs->name) + 2 == n && str_starts(word, "--") &&
			strncmp(word + 2, specs->name, n - 2) == 0)
			return specs;
	}
	return NULL;
}

/* The option that a word is, with or without "=VALUE"; NULL for an operand. */
static const struct option_spec *option_of(const struct command *cmd, const char *word)
{
	size_t n = strcspn(word, "=");
	const struct option_spec *opt = find_option(cmd->options, word, n);

	return opt != NULL ? opt : find_option(common_options, word, n);
}

static void take_value(struct typed *t, const struct option_spec *opt, const char *value)
{
	if (str_eq(opt->name, "db"))
		t->db = value;
}

static void take_operand(struct typed *t, const char *word)
{
	t->operands++;
	t->before = word;
	if (strstr(t->cmd->operands, "SCENARIO") != NULL)
		t->scenario = word;
}

/* Reads the words before the cursor; the option whose value is next, or NULL. */
static const struct option_spec *read_words(struct typed *t, const char **words, size_t n)
{
	const struct option_spec *open = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct option_spec *opt = open ? NULL : option_of(t->cmd, words[i]);
		const char *equals = strchr(words[i], '=');

		if (open != NULL)
			take_value(t, open, words[i]);
		else if (opt == NULL && words[i][0] != '-')
			take_operand(t, words[i]);
		else if (opt != NULL && equals != NULL)
			take_value(t, opt, equals + 1);
		open = opt != NULL && opt->arg != NULL && equals == NULL ? opt : NULL;
	}
	return open;
}

static void offer_commands(const struct typed *t)
{
	size_t i;

	for (i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden)
			offer(t, commands[i]->name, commands[i]->summary);
}

static int run(const struct host *host, const struct options *o)
{
	struct typed t = {.host = host, .word = o->args[o->nargs - 1]};
	const struct option_spec *open;

	if (o->nargs == 1 || str_eq(o->args[0], "help")) {
		offer_commands(&t);
		return EXIT_GOOD;
	}
	t.cmd = command_find(o->args[0]);
	if (t.cmd == NULL)
		return EXIT_USAGE;
	open = read_words(&t, o->args + 1, o->nargs - 2);
	if (open == NULL && str_starts(t.word, "--") && strchr(t.word, '=') != NULL) {
		open = option_of(t.cmd, t.word);
		t.keep = strcspn(t.word, "=") + 1;
	}
	if (open != NULL && open->arg != NULL) {
		offer_kind(&t, kinds, ARRAY_SIZE(kinds), open->arg);
	} else if (t.word[0] == '-') {
		offer_options(&t, t.cmd->options);
		offer_options(&t, common_options);
	} else {
		offer_operands(&t);
	}
	return EXIT_GOOD;
}

static const struct option_spec no_options[] = {{0}};

const struct command cmd_complete = {
	.name = "complete",
	.operands = "WORD...",
	.summary = "what may come next, for the completion of shells",
	.text = "The words of the line up to the cursor, after `--`; the last one is being typed.\n"
		"Prints a word, a tab and what it is, a line each. `:files N`: a file, after the\n"
		"first N letters of what is typed.",
	.options = no_options,
	.min_args = 1,
	.max_args = 1000,
	.hidden = true,
	.run = run,
};

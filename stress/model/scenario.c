/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"

#include "base/str.h"
#include "model/scenario_parts.h"
#include "world/pcidev.h"
#include "world/yamldoc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The keys of a scenario. */
struct top {
	int64_t version;
	const char *name, *summary, *connect;
	const struct ynode *vars, *lanes, *before, *steps, *after, *repeat, *timeouts, *tolerate,
		*report, *allow;
	struct strings faults;
	int bystanders;
	struct host_crash_policy host_crash;
};

static const char *const bystanders_words[] = {
	[BYSTANDERS_REPORT] = "report", [BYSTANDERS_FAIL] = "fail", NULL};

#define TOP(key, type, ...)                                                                        \
	{                                                                                          \
		.name = #key, .kind = type, .offset = offsetof(struct top, key), __VA_ARGS__       \
	}

static const char *const versions[] = {"1", NULL};

static const struct shape vars_shape = {
	.kind = SHAPE_VARS, .what = "a variable", .max = VARS_MAX, .or_nothing = true};

const struct field scenario_fields[] = {
	TOP(version, FIELD_INT, .required = true, .choices = versions,
		.help = "the version of the language, 1"),
	TOP(name, FIELD_STRING, .required = true, .pattern = "[a-z0-9-]{1,64}",
		.help = "what reports call it"),
	TOP(summary, FIELD_STRING, .help = "one line about it"),
	TOP(vars, FIELD_NODE, .shape = &vars_shape, .help = "variables with their defaults"),
	TOP(connect, FIELD_STRING, .dflt = "qemu:///system",
		.pattern = "qemu:///(system|session)|test:///.*", .help = "a local libvirt URI"),
	TOP(lanes, FIELD_NODE, .required = true, .shape = &lanes_shape,
		.help = "what runs side by side: `lanes: [{domain: NAME}]`"),
	TOP(before, FIELD_NODE, .shape = &steps_shape, .help = "steps that run once, first"),
	TOP(steps, FIELD_NODE, .shape = &steps_shape, .help = "one cycle, in order"),
	TOP(after, FIELD_NODE, .shape = &steps_shape, .help = "steps that run once, last"),
	TOP(repeat, FIELD_NODE, .shape = &repeat_shape,
		.help = "how often, and what to do on failure"),
	TOP(timeouts, FIELD_NODE, .shape = &timeouts_shape, .help = "time-outs by step word"),
	TOP(tolerate, FIELD_NODE, .shape = &tolerate_shape, .help = "budgets of log incidents"),
	TOP(faults, FIELD_STRINGS, .help = "files with more log rules"),
	TOP(report, FIELD_NODE, .shape = &reports_shape, .help = "where the reports go"),
	TOP(bystanders, FIELD_CHOICE, .dflt = "report", .choices = bystanders_words,
		.help = "what it means when a device of no lane has a fault or is changed"),
	TOP(allow, FIELD_NODE, .shape = &allow_shape, .help = "who else may be disturbed, and why"),
	HOST_CRASH_KEYS(struct top, "report", "3", "1m"),
	{0},
};

#define SUMMARY_MAX 500

struct srcpos pos_of_key(const struct ynode *map, const char *key)
{
	const struct ynode *value = ynode_get(map, key);

	return value ? value->pos : map->pos;
}

size_t list_items(struct loader *ld, const char *key, const struct ynode *node, size_t max,
	struct ynode *const **items_out)
{
	*items_out = NULL;
	if (node == NULL || ynode_is_null(node))
		return 0;
	if (node->kind != YNODE_LIST) {
		diag_error(ld->rd.diags, node->pos, "'%s' must be a list, not %s", key,
			ynode_what(node));
		diag_hint(ld->rd.diags, "begin each item with '- '");
		return 0;
	}
	if (node->n > max) {
		diag_error(ld->rd.diags, node->pos, "'%s' has more than %zu items", key, max);
		return 0;
	}
	*items_out = node->items;
	return node->n;
}

int check_selector(struct loader *ld, const char *selector, struct srcpos pos)
{
	char text[BDF_LEN];
	struct bdf bdf;
	struct err err;

	if (pcidev_selector_check(selector, &err) != 0) {
		diag_error(ld->rd.diags, pos, "%s", err.msg);
		diag_hint(ld->rd.diags, "%s", err.hint);
		return -1;
	}
	if (bdf_parse(selector, &bdf) && strchr(selector, ':') == strrchr(selector, ':')) {
		diag_warning(ld->rd.diags, pos, "'%s' is a number in base 60 to other YAML readers",
			selector);
		diag_hint(ld->rd.diags, "write the whole address: \"%s\"", bdf_text(bdf, text));
	}
	return 0;
}

static void check_top(struct loader *ld, const struct ynode *root, const struct top *top)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct diags *d = ld->rd.diags;

	if (top->version != 1 && top->version != INT64_MIN) {
		diag_error(d, pos_of_key(root, "version"), "this program reads version 1 only");
		diag_hint(d, "write `version: 1`");
	}
	if (top->name != NULL &&
		(*top->name == '\0' || strlen(top->name) > 64 ||
			strspn(top->name, letters) != strlen(top->name))) {
		diag_error(d, pos_of_key(root, "name"), "'%.70s' is no name for a scenario",
			top->name);
		diag_hint(d, "1 to 64 of: a-z 0-9 -");
	}
	if (top->summary != NULL && strlen(top->summary) > SUMMARY_MAX)
		diag_error(d, pos_of_key(root, "summary"), "'summary' is longer than %d bytes",
			SUMMARY_MAX);
	if (top->connect != NULL && !str_eq(top->connect, "qemu:///system") &&
		!str_eq(top->connect, "qemu:///session") && !str_starts(top->connect, "test:///")) {
		diag_error(d, pos_of_key(root, "connect"), "'%.80s' is not a local libvirt",
			top->connect);
		diag_hint(d,
			"qemu:///system, qemu:///session or test:///...: resets and logs "
			"are those of this machine");
	}
}

/* A rule file stands beside the scenario that names it. */
static void resolve_fault_files(struct scenario *sc)
{
	const char *slash = strrchr(sc->source.name, '/');
	size_t i;

	for (i = 0; slash != NULL && i < sc->fault_files.n; i++)
		if (*sc->fault_files.v[i] != '/')
			sc->fault_files.v[i] =
				arena_printf(&sc->arena, "%.*s/%s", (int)(slash - sc->source.name),
					sc->source.name, sc->fault_files.v[i]);
}

/* A value of another kind has been reported as that. */
static bool steps_are_empty(const struct ynode *node)
{
	return node == NULL || ynode_is_null(node) || (node->kind == YNODE_LIST && node->n == 0);
}

/* Lanes without steps of their own take the scenario's. */
static void share_steps(struct loader *ld, const struct ynode *root, const struct step_list *steps)
{
	struct scenario *sc = ld->sc;
	size_t i, shared = 0;

	for (i = 0; i < sc->nlanes; i++)
		if (sc->lanes[i].steps.n == 0) {
			sc->lanes[i].steps = *steps;
			shared++;
		}
	if (shared > 0 && steps_are_empty(ynode_get(root, "steps"))) {
		diag_error(ld->rd.diags, pos_of_key(root, "steps"), "a scenario needs steps");
		diag_hint(ld->rd.diags, "add `steps:`, or give each lane its own");
	}
	if (sc->nlanes > 0 && shared == 0 && steps->n > 0)
		diag_warning(ld->rd.diags, pos_of_key(root, "steps"),
			"no lane uses these steps: each has its own");
}

/* What is allowed to all lanes comes before what is allowed to one. */
static void share_allow(struct loader *ld, const struct ynode *node)
{
	struct allow *shared;
	size_t i, n = read_allow(ld, node, &shared);

	for (i = 0; i < ld->sc->nlanes; i++) {
		struct lane_spec *lane = &ld->sc->lanes[i];
		struct allow *all =
			arena_alloc(ld->rd.arena, (n + lane->nallow + 1) * sizeof(*all));

		memcpy(all, shared, n * sizeof(*all));
		if (lane->nallow > 0)
			memcpy(all + n, lane->allow, lane->nallow * sizeof(*all));
		lane->allow = all;
		lane->nallow += n;
	}
}

static void keep_env(struct loader *ld)
{
	struct scenario *sc = ld->sc;
	size_t i;

	sc->nenv = ld->rd.nenv;
	sc->env = arena_alloc(&sc->arena, (sc->nenv + 1) * sizeof(*sc->env));
	for (i = 0; i < sc->nenv; i++)
		sc->env[i] = (struct env_name){ld->rd.env[i].name, ld->rd.env[i].pos};
}

static void read_root(struct loader *ld, const struct ynode *root)
{
	struct scenario *sc = ld->sc;
	struct top top = {.version = INT64_MIN};
	struct field_target target = {scenario_fields, &top};
	struct step_list steps = {0};

	fields_fill(&ld->rd, "a scenario", root, root, &target, 1);
	check_top(ld, root, &top);
	sc->name = top.name;
	sc->summary = top.summary;
	sc->connect = top.connect;
	sc->fault_files = top.faults;
	sc->bystanders = (enum bystanders)top.bystanders;
	sc->host_crash = top.host_crash;
	resolve_fault_files(sc);
	read_steps(ld, "before", top.before, &sc->before);
	read_steps(ld, "steps", top.steps, &steps);
	read_steps(ld, "after", top.after, &sc->after);
	if (top.lanes != NULL)
		read_lanes(ld, top.lanes);
	share_allow(ld, top.allow);
	share_steps(ld, root, &steps);
	read_repeat(ld, top.repeat);
	read_timeouts(ld, top.timeouts);
	read_tolerate(ld, top.tolerate);
	ld->rd.env_allowed = true;
	read_reports(ld, top.report);
	keep_env(ld);
	check_whole(ld);
}

static void load(struct loader *ld, const struct source *src, const struct setting *settings,
	size_t nsettings)
{
	const struct ynode *root = yamldoc_parse(&ld->sc->arena, src, ld->rd.diags);
	const struct ynode *vars;
	size_t i;

	if (root == NULL)
		return;
	if (root->kind != YNODE_MAP) {
		diag_error(ld->rd.diags, root->pos, "a scenario must be a mapping, not %s",
			ynode_what(root));
		diag_hint(ld->rd.diags, "it begins with `version: 1`");
		return;
	}
	vars = ynode_get(root, "vars");
	if (vars != NULL)
		vars_read(&ld->rd, vars);
	for (i = 0; i < nsettings; i++)
		vars_set(&ld->rd, settings[i].name, settings[i].value);
	read_root(ld, root);
	vars_warn_unused(&ld->rd);
}

static struct scenario *load_source(const struct source *src, const struct setting *settings,
	size_t nsettings, const struct vocabulary *words, struct diags *diags)
{
	struct scenario *sc = xcalloc(1, sizeof(*sc));
	auto_free struct loader *ld = xcalloc(1, sizeof(*ld));
	size_t errors = diags->errors;

	sc->source = *src;
	ld->sc = sc;
	ld->words = words;
	ld->rd.arena = &sc->arena;
	ld->rd.diags = diags;
	load(ld, src, settings, nsettings);
	if (diags->errors == errors)
		return sc;
	scenario_free(sc);
	return NULL;
}

struct scenario *scenario_load(const char *path, const struct setting *settings, size_t nsettings,
	const struct vocabulary *words, struct diags *diags)
{
	const struct source *src = yamldoc_read(path, SCENARIO_SIZE_MAX, diags);

	return src ? load_source(src, settings, nsettings, words, diags) : NULL;
}

struct scenario *scenario_parse(const char *name, const char *text, size_t len,
	const struct setting *settings, size_t nsettings, const struct vocabulary *words,
	struct diags *diags)
{
	const struct source *src = source_keep(name, text, len <= SCENARIO_SIZE_MAX ? len : 0);

	if (len > SCENARIO_SIZE_MAX) {
		diag_error(diags, (struct srcpos){.src = src}, "is larger than %u KiB",
			SCENARIO_SIZE_MAX / 1024);
		return NULL;
	}
	return load_source(src, settings, nsettings, words, diags);
}

void scenario_free(struct scenario *sc)
{
	if (sc == NULL)
		return;
	arena_finish(&sc->arena);
	free(sc);
}

int scenario_check_env(const struct scenario *sc, struct diags *diags)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < sc->nenv; i++)
		if (getenv(sc->env[i].name) == NULL) {
			ret = diag_error(diags, sc->env[i].pos,
				"environment variable '%s' is not set", sc->env[i].name);
			diag_hint(diags, "set it before the run, in the shell or the unit file");
		}
	return ret;
}

/* Appends n bytes to what is being made, or only counts them. */
static void put(char *out, size_t *len, const char *text, size_t n)
{
	if (out != NULL)
		memcpy(out + *len, text, n);
	*len += n;
}

/* `out` NULL: only len_out, without the NUL. */
static int expand(const char *text, char *out, size_t *len_out, struct err *err)
{
	static const char open[] = "${env:";
	const char *ref;
	size_t len = 0;

	while ((ref = strstr(text, open)) != NULL) {
		const char *name = ref + sizeof(open) - 1, *value;
		size_t n = strcspn(name, "}");
		auto_free char *copy = xstrndup(name, n);

		value = name[n] == '}' ? getenv(copy) : NULL;
		if (value == NULL) {
			err_set(err, ERR_ABSENT, 0, "environment variable '%.64s' is not set",
				copy);
			return err_hint(err, "set it before delivering the report");
		}
		put(out, &len, text, (size_t)(ref - text));
		put(out, &len, value, strlen(value));
		text = name + n + 1;
	}
	put(out, &len, text, strlen(text) + 1);
	*len_out = len - 1;
	return 0;
}

/* At once into memory of the right size: what grows leaves copies of a secret behind. */
int scenario_expand_env(const char *text, char **out, struct err *err)
{
	size_t len;
	char *s;

	if (expand(text, NULL, &len, err) != 0)
		return -1;
	s = xmalloc(len + 1);
	(void)!expand(text, s, &len, err);
	*out = s;
	return 0;
}

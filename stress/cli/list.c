/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "cli/list.h"
#include "cli/manual.h"
#include "cli/schema.h"
#include "device/reset.h"
#include "klog/rules.h"
#include "model/reporter.h"
#include "model/step.h"
#include "preflight/preflight.h"
#include "reporters/message.h"
#include "reporters/template_filters.h"
#include "reporters/template_shipped.h"
#include "steps/steps.h"
#include "world/jout.h"

#include <stdio.h>

#define WIDTH 18

/* One thing that can be listed. `name` NULL = all of them. */
struct subject {
	const char *name, *summary; /* summary NULL: for the build, not for people */
	int (*list)(const struct host *host, const char *name);
};

static void print_field(const struct field *f, const char *main_arg)
{
	char accepts[320];

	printf("    %-*s %s", WIDTH, f->name, f->help ? f->help : "");
	if (f->kind != FIELD_NODE)
		printf("; %s", field_accepts(f, accepts, sizeof(accepts)));
	if (f->required)
		printf("; required");
	if (f->dflt != NULL)
		printf("; default %s", f->dflt);
	if (str_eq(f->name, main_arg))
		printf("; the argument");
	printf("\n");
}

/* "reset: METHOD" and what is below it. */
static void print_word(const struct word *w)
{
	const struct field *f;
	char head[80];

	snprintf(head, sizeof(head), "%s%s%s%s", w->name, w->main_arg ? ": <" : "",
		w->main_arg ? w->main_arg : "", w->main_arg ? ">" : "");
	printf("%-*s %s\n", WIDTH + 4, head, w->summary);
	for (f = w->fields; f->name != NULL; f++)
		print_field(f, w->main_arg);
}

static int unknown(const char *kind, const char *name, const char *const *known)
{
	const char *near = nearest_word(name, known);

	fprintf(stderr, "vfio-stress list: unknown %s '%s'\n", kind, name);
	if (near != NULL)
		fprintf(stderr, "  hint: did you mean '%s'?\n", near);
	else
		fprintf(stderr, "  hint: `vfio-stress list` says what there is to list\n");
	return EXIT_USAGE;
}

#define WORDS_MAX 128

static int list_steps(const struct host *host, const char *name)
{
	const char *names[WORDS_MAX + 1] = {0};
	const struct field *f;
	size_t i, shown = 0;

	(void)host;
	for (i = 0; step_types[i] != NULL; i++) {
		if (i < WORDS_MAX)
			names[i] = step_types[i]->word.name;
		if (name != NULL && !str_eq(name, step_types[i]->word.name))
			continue;
		print_word(&step_types[i]->word);
		shown++;
	}
	if (shown == 0)
		return unknown("step", name, names);
	printf("\nany step:\n");
	for (f = step_common_fields; f->name != NULL; f++)
		print_field(f, NULL);
	return EXIT_GOOD;
}

static int list_reporters(const struct host *host, const char *name)
{
	const char *names[WORDS_MAX + 1] = {0};
	size_t i, shown = 0;

	(void)host;
	for (i = 0; reporters[i] != NULL; i++) {
		if (i < WORDS_MAX)
			names[i] = reporters[i]->word.name;
		if (name != NULL && !str_eq(name, reporters[i]->word.name))
			continue;
		print_word(&reporters[i]->word);
		shown++;
	}
	return shown > 0 ? EXIT_GOOD : unknown("reporter", name, names);
}

static void print_offered(const struct host *host, const struct pcidev *dev)
{
	char bdf[BDF_LEN];
	struct err why;
	size_t i;

	printf("%s%s%s\n", bdf_text(dev->bdf, bdf), dev->name[0] ? " " : "", dev->name);
	for (i = 0; reset_methods[i] != NULL; i++)
		printf("    %-*s %s\n", WIDTH, reset_methods[i]->name,
			reset_methods[i]->available(reset_methods[i], host, dev, &why) == 0
				? "offered"
				: why.msg);
}

static int list_resets_of(const struct host *host, const char *selector)
{
	struct pcidev_list all = {0};
	struct err err;
	size_t i, n = 0;

	if (pcidev_selector_check(selector, &err) != 0)
		return complain(&err);
	if (pcidev_scan(host, &all, &err) != 0)
		return complain(&err);
	for (i = 0; i < all.n; i++)
		if (pcidev_matches(&all.v[i], selector)) {
			print_offered(host, &all.v[i]);
			n++;
		}
	pcidev_list_finish(&all);
	if (n > 0)
		return EXIT_GOOD;
	err_set(&err, ERR_ABSENT, 0, "no device here is '%s'", selector);
	err_hint(&err, "`lspci -Dnn` lists what is there");
	return complain(&err);
}

static int list_resets(const struct host *host, const char *name)
{
	size_t i;

	if (name != NULL)
		return list_resets_of(host, name);
	for (i = 0; reset_methods[i] != NULL; i++)
		printf("%-*s %s\n", WIDTH + 4, reset_methods[i]->name, reset_methods[i]->summary);
	return EXIT_GOOD;
}

static void print_rule(const struct rule *r)
{
	size_t i;

	printf("%s: %s, %s\n", r->id, severity_name(r->severity), rule_role_name(r->role));
	if (r->meaning != NULL)
		printf("    %s\n", r->meaning);
	if (r->advice != NULL)
		printf("    advice: %s\n", r->advice);
	for (i = 0; i < r->nsamples; i++)
		printf("    %s %s\n", i ? "       " : "sample:", r->samples[i]);
}

/* Without a name: what can become an incident, and so be named in `tolerate`. */
static int print_rules(const struct rules *rules, const char *name)
{
	size_t i, n = rules_count(rules), shown = 0;
	auto_free const char **ids = xcalloc(n + 1, sizeof(*ids));

	for (i = 0; i < n; i++) {
		const struct rule *r = rules_at(rules, i);

		ids[i] = r->id;
		if (name == NULL && r->role == ROLE_PRIMARY)
			printf("%-*s %-8s %s\n", WIDTH + 14, r->id, severity_name(r->severity),
				r->meaning ? r->meaning : "");
		if (str_eq(name, r->id)) {
			print_rule(r);
			shown++;
		}
	}
	return name == NULL || shown > 0 ? EXIT_GOOD : unknown("fault", name, ids);
}

static int list_faults(const struct host *host, const char *name)
{
	struct diags diags = {0};
	struct rules *rules = rules_load(NULL, 0, &diags);
	int code = EXIT_REFUSED;

	(void)host;
	diags_print(&diags, stderr);
	if (rules != NULL)
		code = print_rules(rules, name);
	rules_free(rules);
	return code;
}

static void print_check(const struct check *c)
{
	printf("%s: %s\n", c->id, c->asks);
	printf("    of each %s%s\n", check_of_name(c->of),
		c->weight == WEIGHT_REFUSES             ? "; where it fails no run begins"
			: c->weight == WEIGHT_ESSENTIAL ? "; essential"
							: "");
	if (c->meaning[0] != '\0')
		printf("    %s\n", c->meaning);
	if (c->advice[0] != '\0')
		printf("    advice: %s\n", c->advice);
}

static int list_checks(const struct host *host, const char *name)
{
	const char *names[WORDS_MAX + 1] = {0};
	const struct check *const *table, *c;
	size_t n = 0, shown = 0;

	(void)host;
	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++) {
			if (n < WORDS_MAX)
				names[n++] = c->id;
			if (name == NULL)
				printf("%-*s %s\n", WIDTH + 8, c->id, c->asks);
			else if (str_eq(name, c->id))
				print_check(c);
			shown += name == NULL || str_eq(name, c->id);
		}
	return shown > 0 ? EXIT_GOOD : unknown("check", name, names);
}

/* Lists come last: what is below them is theirs. */
static void print_values(const struct message_field *fields, const char *row, int depth)
{
	const struct message_field *f;
	char name[80];

	for (f = fields; f->name != NULL; f++)
		if (f->kind != MESSAGE_LIST)
			printf("%*s%-*s %s\n", depth * 4, "", WIDTH + 4,
				message_name(f, row, name, sizeof(name)), f->help);
	for (f = fields; f->name != NULL; f++)
		if (f->kind == MESSAGE_LIST) {
			printf("%*sfor %-*s %s\n", depth * 4, "", WIDTH,
				message_name(f, row, name, sizeof(name)), f->help);
			print_values(f->fields, f->row, depth + 1);
		}
}

/* Without a name what a template may say, with one the text of that which comes with the program. */
static int list_templates(const struct host *host, const char *name)
{
	const char *names[WORDS_MAX + 1] = {0};
	const struct template_filter *filter;
	size_t i;

	(void)host;
	for (i = 0; shipped_templates[i].name != NULL && i < WORDS_MAX; i++) {
		const struct shipped_template *t = &shipped_templates[i];

		names[i] = t->name;
		if (name == NULL)
			printf("%-*s %s\n", WIDTH + 4, t->name, t->summary);
		if (str_eq(name, t->name)) {
			fwrite(t->begin, 1, (size_t)(t->end - t->begin), stdout);
			return EXIT_GOOD;
		}
	}
	if (name != NULL)
		return unknown("template", name, names);
	printf("\nfilters:\n");
	for (filter = template_filters; filter->name != NULL; filter++)
		printf("    %-*s %s\n", WIDTH, filter->name, filter->help);
	printf("\nvalues:\n");
	print_values(message_fields, NULL, 1);
	return EXIT_GOOD;
}

static int list_schema(const struct host *host, const char *name)
{
	(void)host;
	if (name != NULL)
		return unknown("schema", name, (const char *const[]){NULL});
	jout_write(schema_of_scenarios(), stdout);
	printf("\n");
	return EXIT_GOOD;
}

/* Without a name: which commands have a page. */
static int list_manual(const struct host *host, const char *name)
{
	const char *names[WORDS_MAX + 1] = {0};
	size_t i, n = 0;

	(void)host;
	if (name != NULL && manual_print(name, stdout) == 0)
		return EXIT_GOOD;
	for (i = 0; commands[i] != NULL && n < WORDS_MAX; i++)
		if (!commands[i]->hidden)
			names[n++] = commands[i]->name;
	if (name != NULL)
		return unknown("page", name, names);
	for (i = 0; i < n; i++)
		puts(names[i]);
	return EXIT_GOOD;
}

static const struct subject subjects[] = {
	{"checks", "what `preflight` looks at; with an id, what it means and what to do",
		list_checks},
	{"faults", "the incidents of the kernel log; with an id, what it means and what to do",
		list_faults},
	{"manual", NULL, list_manual},
	{"reporters", "what `report:` may name", list_reporters},
	{"resets", "the methods of `reset:`; with a device, those that it offers", list_resets},
	{"schema", "the JSON Schema of scenarios, for editors", list_schema},
	{"steps", "the words of a scenario's steps", list_steps},
	{"templates", "what a webhook's template may say; with a name, the text of that one",
		list_templates},
};

const char *list_subject(size_t i, const char **summary_out)
{
	if (i >= ARRAY_SIZE(subjects))
		return NULL;
	*summary_out = subjects[i].summary;
	return subjects[i].name;
}

static int run(const struct host *host, const struct options *o)
{
	const char *names[ARRAY_SIZE(subjects) + 1] = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		names[i] = subjects[i].name;
		if (o->nargs == 0 && subjects[i].summary != NULL)
			printf("%-*s %s\n", WIDTH, names[i], subjects[i].summary);
		if (o->nargs > 0 && str_eq(names[i], o->args[0]))
			return subjects[i].list(host, o->nargs > 1 ? o->args[1] : NULL);
	}
	return o->nargs == 0 ? EXIT_GOOD : unknown("list", o->args[0], names);
}

static void add_subjects(struct str *out)
{
	size_t i;

	str_add(out, "WHAT is one of these:");
	for (i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i].summary != NULL)
			str_addf(out, "%s %s", i ? "," : "", subjects[i].name);
	str_add(out, ". Alone, the command says what each is.");
}

static const struct option_spec no_options[] = {{0}};

const struct command cmd_list = {
	.name = "list",
	.operands = "[WHAT [NAME]]",
	.summary = "list the words of the scenario language",
	.text = "  vfio-stress list steps\n"
		"  vfio-stress list steps reset\n"
		"  vfio-stress list resets 0000:41:00.0\n"
		"  vfio-stress list faults vfio.reset-recovery\n"
		"  vfio-stress list checks device.group\n"
		"  vfio-stress list schema >scenario.schema.json\n"
		"  vfio-stress list templates slack.json >my-slack.json",
	.add_text = add_subjects,
	.options = no_options,
	.min_args = 0,
	.max_args = 2,
	.run = run,
};

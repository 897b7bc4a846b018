/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/manual.h"

#include "base/str.h"
#include "base/vec.h"
#include "cli/command.h"
#include "cli/help.h"
#include "device/reset.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"
#include "reporters/message.h"
#include "reporters/template_filters.h"
#include "steps/steps.h"

#include <string.h>

static void put_tabs(FILE *out, unsigned depth)
{
	while (depth-- > 0)
		fputc('\t', out);
}

/* scdoc's own signs become letters; what stands between backticks is bold. */
static void put_text(FILE *out, const char *text)
{
	if (strchr("#-.[|];", *text) != NULL && *text != '\0')
		fputc('\\', out);
	for (; *text != '\0'; text++) {
		if (strchr("\\*_", *text) != NULL)
			fputc('\\', out);
		fputc(*text == '`' ? '*' : *text, out);
	}
}

static void put_bold(FILE *out, unsigned depth, const char *text)
{
	put_tabs(out, depth);
	fputc('*', out);
	for (; *text != '\0'; text++) {
		if (strchr("\\*_", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('*', out);
}

static void put_paragraphs(FILE *out, const struct str *text)
{
	char *copy = text->s, *line;

	while (copy != NULL && (line = strsep(&copy, "\n")) != NULL) {
		put_text(out, line);
		fputs("\n\n", out);
	}
}

static void put_options(FILE *out, const struct option_spec *specs)
{
	for (; specs->name != NULL; specs++) {
		if (specs->hidden)
			continue;
		if (specs->letter)
			fprintf(out, "*-%c*, ", specs->letter);
		fprintf(out, "*--%s*", specs->name);
		if (specs->arg != NULL)
			fprintf(out, " _%s_", specs->arg);
		fputs("\n\t", out);
		put_text(out, specs->help);
		fputs("\n\n", out);
	}
}

static void put_page(FILE *out, const struct command *cmd)
{
	struct help_text h;

	help_text_init(&h, cmd);
	fprintf(out, "vfio-stress-%s(1) \"vfio-stress %s\" \"vfio-stress\"\n\n", cmd->name,
		STRESS_VERSION);
	fprintf(out, "# NAME\n\nvfio-stress-%s - ", cmd->name);
	put_text(out, cmd->summary);
	fprintf(out, "\n\n# SYNOPSIS\n\n*vfio-stress %s* [options] ", cmd->name);
	put_text(out, cmd->operands);
	fputs("\n\n# DESCRIPTION\n\n", out);
	put_paragraphs(out, &h.description);
	if (h.description.len == 0) {
		put_text(out, cmd->summary);
		fputs(".\n\n", out);
	}
	put_paragraphs(out, &h.words);
	fputs("# OPTIONS\n\n", out);
	put_options(out, cmd->options);
	put_options(out, common_options);
	fputs("# EXIT STATUS\n\n", out);
	put_paragraphs(out, &h.exit_codes);
	if (h.exit_codes.len == 0)
		fputs("0 when it did what it was asked for, 2 usage, 3 it could not.\n\n", out);
	if (h.examples.len > 0)
		fprintf(out, "# EXAMPLES\n\n```\n%s```\n\n", h.examples.s);
	fputs("# SEE ALSO\n\n*vfio-stress*(1), *vfio-stress-scenario*(5)\n", out);
	help_text_finish(&h);
}

static void put_commands(FILE *out)
{
	const struct command *const *c;

	for (c = commands; *c != NULL; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "*vfio-stress-%s*(1)\n\t", (*c)->name);
		put_text(out, (*c)->summary);
		fputs("\n\n", out);
	}
}

static void put_common(FILE *out)
{
	put_options(out, common_options);
}

static void put_fields(FILE *out, const struct field *fields, unsigned depth);

/* What is below a key that is no single value. */
static void put_shape(FILE *out, const struct shape *shape, unsigned depth)
{
	static const char *const what[] = {
		[SHAPE_MAP] = "a mapping",
		[SHAPE_ROWS] = "a list; of each item:",
		[SHAPE_TEXTS] = "a list of texts",
		[SHAPE_STEPS] = "a list, see STEPS",
		[SHAPE_REPORTS] = "a list, see REPORTS",
		[SHAPE_TIMEOUTS] = "step words with durations",
		[SHAPE_VARS] = "names with values",
		[SHAPE_FLAG] = "true, false or a word",
	};

	fprintf(out, "; %s\n\n", what[shape->kind]);
	if (shape->fields != NULL)
		put_fields(out, shape->fields, depth + 1);
}

static void put_field(FILE *out, const struct field *f, unsigned depth)
{
	char accepts[320];

	put_bold(out, depth, f->name);
	fputc('\n', out);
	put_tabs(out, depth + 1);
	put_text(out, f->help);
	/* that it is a text goes without saying */
	if (f->kind != FIELD_NODE && (f->kind != FIELD_STRING || field_word(f, 0) != NULL)) {
		fputs("; ", out);
		put_text(out, field_accepts(f, accepts, sizeof(accepts)));
	}
	if (f->required)
		fputs("; required", out);
	if (f->dflt != NULL) {
		fputs("; default ", out);
		put_text(out, f->dflt);
	}
	if (f->shape != NULL)
		put_shape(out, f->shape, depth);
	else
		fputs("\n\n", out);
}

static void put_fields(FILE *out, const struct field *fields, unsigned depth)
{
	for (; fields->name != NULL; fields++)
		put_field(out, fields, depth);
}

static void put_word(FILE *out, const struct word *w)
{
	put_bold(out, 0, w->name);
	if (w->main_arg != NULL)
		fprintf(out, ": _%s_", w->main_arg);
	fputs("\n\t", out);
	put_text(out, w->summary);
	fputs("\n\n", out);
	put_fields(out, w->fields, 1);
}

static void put_scenario(FILE *out)
{
	put_fields(out, scenario_fields, 0);
}

static void put_steps(FILE *out)
{
	size_t i;

	for (i = 0; step_types[i] != NULL; i++)
		put_word(out, &step_types[i]->word);
}

static void put_step_options(FILE *out)
{
	put_fields(out, step_common_fields, 0);
}

static void put_reports(FILE *out)
{
	size_t i;

	for (i = 0; reporters[i] != NULL; i++)
		put_word(out, &reporters[i]->word);
}

static void put_filters(FILE *out)
{
	const struct template_filter *f;

	for (f = template_filters; f->name != NULL; f++) {
		put_bold(out, 0, f->name);
		fputs(f->number ? " _N_\n\t" : "\n\t", out);
		put_text(out, f->help);
		fputs("\n\n", out);
	}
}

/* Of a list its rows' values stand below it. */
static void put_values(
	FILE *out, const struct message_field *fields, const char *row, unsigned depth)
{
	const struct message_field *f;
	char name[80];
	size_t i;

	for (f = fields; f->name != NULL; f++) {
		message_name(f, row, name, sizeof(name));
		put_bold(out, depth, name);
		fputc('\n', out);
		put_tabs(out, depth + 1);
		put_text(out, f->help);
		for (i = 0; f->words != NULL && f->words[i] != NULL; i++)
			fprintf(out, "%s%s", i ? ", " : ": ", f->words[i]);
		fputs(f->kind == MESSAGE_LIST ? "; a list, of each row:\n\n" : "\n\n", out);
		if (f->kind == MESSAGE_LIST)
			put_values(out, f->fields, f->row, depth + 1);
	}
}

static void put_message(FILE *out)
{
	put_values(out, message_fields, NULL, 0);
}

static void put_resets(FILE *out)
{
	size_t i;

	for (i = 0; reset_methods[i] != NULL; i++) {
		put_bold(out, 0, reset_methods[i]->name);
		fputs("\n\t", out);
		put_text(out, reset_methods[i]->summary);
		fputs("\n\n", out);
	}
}

static const struct {
	const char *name;
	void (*put)(FILE *out);
} parts[] = {
	{"all-commands", put_commands},
	{"common-options", put_common},
	{"reports", put_reports},
	{"resets-of-steps", put_resets},
	{"scenario-keys", put_scenario},
	{"step-options", put_step_options},
	{"step-words", put_steps},
	{"template-filters", put_filters},
	{"template-values", put_message},
};

int manual_print(const char *name, FILE *out)
{
	const struct command *cmd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (str_eq(parts[i].name, name)) {
			parts[i].put(out);
			return 0;
		}
	cmd = command_find(name);
	if (cmd == NULL || cmd->hidden)
		return -1;
	put_page(out, cmd);
	return 0;
}

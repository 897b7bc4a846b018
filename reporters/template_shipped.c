/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template_shipped.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "reporters/template.h"
#include "world/yamldoc.h"

#include <string.h>

/* The text of a file, put into .rodata by the assembler; CMake says where it is. */
#define FILE_TEXT(symbol, name)                                                                    \
	extern const char template_##symbol##_begin[], template_##symbol##_end[];                  \
	__asm__(".pushsection .rodata\ntemplate_" #symbol "_begin:\n.incbin \"" TEMPLATE_DIR       \
		"/" name "\"\ntemplate_" #symbol "_end:\n.byte 0\n.popsection\n")
#define ROW(symbol, name, text)                                                                    \
	{                                                                                          \
		name, text, template_##symbol##_begin, template_##symbol##_end                     \
	}

FILE_TEXT(alertmanager, "alertmanager.json");
FILE_TEXT(pagerduty, "pagerduty.json");
FILE_TEXT(slack, "slack.json");
FILE_TEXT(teams, "teams.json");

/* What tells of a failure at night must not depend on a file that somebody may have moved. */
const struct shipped_template shipped_templates[] = {
	ROW(alertmanager, "alertmanager.json", "Prometheus Alertmanager's API v2: one alert"),
	ROW(pagerduty, "pagerduty.json", "PagerDuty's Events API v2: trigger, and resolve"),
	ROW(slack, "slack.json", "Slack's incoming webhooks: blocks"),
	ROW(teams, "teams.json", "Microsoft Teams' workflows: an Adaptive Card"),
	{0},
};

static const struct source *unknown(const char *name, struct srcpos named_at, struct diags *diags)
{
	const char *names[ARRAY_SIZE(shipped_templates) + 1] = {0}, *near;
	size_t i;

	for (i = 0; shipped_templates[i].name != NULL; i++)
		names[i] = shipped_templates[i].name;
	near = nearest_word(name, names);
	for (i = 0; names[i] != NULL; i++) /* also without its ending */
		if (str_starts(names[i], name) && names[i][strlen(name)] == '.')
			near = names[i];
	diag_error(diags, named_at, "no template '%.100s' comes with the program", name);
	if (near != NULL)
		diag_hint(diags, "did you mean '%s'? a file of yours has a slash: ./%.100s", near,
			name);
	else
		diag_hint(diags,
			"a file of yours has a slash: ./%.100s; the others: `vfio-stress list "
			"templates`",
			name);
	return NULL;
}

static const struct source *from_file(
	struct arena *arena, const char *path, const char *beside, struct diags *diags)
{
	const char *slash = beside != NULL ? strrchr(beside, '/') : NULL;

	if (slash != NULL && *path != '/')
		path = arena_printf(arena, "%.*s/%s", (int)(slash - beside), beside, path);
	return yamldoc_read(path, TEMPLATE_SIZE_MAX, diags);
}

const struct source *template_source(struct arena *arena, const char *name, const char *beside,
	struct srcpos named_at, struct diags *diags)
{
	const struct shipped_template *t;

	if (strchr(name, '/') != NULL)
		return from_file(arena, name, beside, diags);
	for (t = shipped_templates; t->name != NULL; t++)
		if (str_eq(t->name, name))
			return source_keep(name, t->begin, (size_t)(t->end - t->begin));
	return unknown(name, named_at, diags);
}

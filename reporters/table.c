/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/str.h"

#include <stddef.h>

const struct reporter *const reporters[] = {
	&reporter_bundle,
	&reporter_html,
	&reporter_json,
	&reporter_junit,
	&reporter_ocp,
	&reporter_prometheus,
	&reporter_text,
	&reporter_webhook,
	NULL,
};

const struct field file_fields[] = {
	{.name = "path",
		.help = "file to write; - is standard output",
		.kind = FIELD_STRING,
		.offset = offsetof(struct file_opts, path),
		.required = true},
	{.name = "every",
		.help = "write it during the run as well, so often",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct file_opts, every_ms),
		.min = 1000,
		.max = INT64_C(86400000)},
	{0},
};

const struct reporter *reporter_find(const char *name)
{
	const struct reporter *const *r;

	for (r = reporters; *r != NULL; r++)
		if (str_eq((*r)->word.name, name))
			return *r;
	return NULL;
}

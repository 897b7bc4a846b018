/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/options.h"

#include "base/str.h"
#include "reporters/reporters.h"
#include "world/yamldoc.h"

#include <stddef.h>

const struct field file_fields[] = {
	{.name = "path",
		.help = "file to write, named as its format is (run.json); - is standard output",
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

struct srcpos report_pos_of(const struct report_reading *rd, const char *key)
{
	const struct ynode *value = rd->map != NULL ? ynode_get(rd->map, key) : NULL;

	return value != NULL ? value->pos : rd->pos;
}

void file_check_name(void *opts, const struct report_reading *rd)
{
	const struct file_opts *file = opts;
	size_t i;

	if (str_eq(file->path, "-"))
		return;
	for (i = 0; rd->endings[i] != NULL; i++)
		if (str_ends(file->path, rd->endings[i]))
			return;
	diag_error(rd->diags, report_pos_of(rd, "path"), "'%s' does not end in %s", file->path,
		rd->endings[0]);
	diag_hint(rd->diags,
		"a scenario's reports are named as what they are; --report writes to any file");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"

#include <stddef.h>

const struct command *const commands[] = {
	&cmd_run,
	&cmd_watch,
	&cmd_check,
	&cmd_preflight,
	&cmd_devices,
	&cmd_snapshot,
	&cmd_diff,
	&cmd_report,
	&cmd_compare,
	&cmd_runs,
	&cmd_scan,
	&cmd_deliver,
	&cmd_webhook,
	&cmd_resume,
	&cmd_undo,
	&cmd_list,
	&cmd_complete,
	&cmd_lane,
	&cmd_version,
	NULL,
};

const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; commands[i] != NULL; i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include <stddef.h>

const struct command *const commands[] = {
	&cmd_check,
	&cmd_runs,
	&cmd_report,
	&cmd_deliver,
	&cmd_list,
	&cmd_version,
	NULL,
};

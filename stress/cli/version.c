/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include <stdio.h>

static int run(const struct host *host, const struct options *o)
{
	(void)host;
	(void)o;
	printf("vfio-stress %s\n", STRESS_VERSION);
	return EXIT_GOOD;
}

static const struct option_spec no_options[] = {{0}};

const struct command cmd_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.text = "  vfio-stress version",
	.options = no_options,
	.run = run,
};

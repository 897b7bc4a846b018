/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/complain.h"

#include "cli/command.h"

#include <stdio.h>

int complain(const struct err *err)
{
	fprintf(stderr, "vfio-stress: %s\n", err->msg);
	if (err->hint[0] != '\0')
		fprintf(stderr, "  hint: %s\n", err->hint);
	return err->code == ERR_USAGE || err->code == ERR_INPUT ? EXIT_USAGE : EXIT_REFUSED;
}

bool no_run_yet(const struct options *o, const struct err *err)
{
	return err->code == ERR_ABSENT && options_get(o, "db") == NULL;
}

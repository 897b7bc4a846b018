/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "cli/complain.h"
#include "engine/watch.h"

static int run(const struct host *host, const struct options *o)
{
	struct err err;
	int code;

	(void)host;
	code = watch_run(options_get(o, "db"), o->nargs > 0 ? o->args[0] : NULL, &err);
	return code < 0 ? complain(&err) : code;
}

static const struct option_spec options[] = {
	OPTION_DB,
	{0},
};

const struct command cmd_watch = {
	.name = "watch",
	.operands = "[RUN]",
	.summary = "look at a run that goes on, from another terminal",
	.text = "Shows what `run` shows on its terminal, until the run ends; then its summary. "
		"Ctrl-C "
		"leaves\n"
		"the run alone: `runs stop` ends it. Without RUN it is the run that goes on, of "
		"several\n"
		"the newest. Only the store is read: it needs no root where that can be read.\n\n"
		"  vfio-stress watch\n"
		"  vfio-stress watch 20261121-040714\n\n"
		"Exit codes: as of `run` once the run has ended; 3 no such run, or none that goes "
		"on;\n"
		"4 also: it was left before, or its process is gone.",
	.options = options,
	.max_args = 1,
	.run = run,
};

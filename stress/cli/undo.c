/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "cli/complain.h"
#include "engine/undo_run.h"
#include "model/store.h"

#include <stdio.h>

/* `why` not NULL: there is nothing that could have been looked at. */
static int nothing_left(const char *why)
{
	printf("nothing is left to undo%s%s\n", why ? ": " : "", why ? why : "");
	return EXIT_GOOD;
}

static int undo(
	const struct host *host, const struct options *o, struct store *store, struct err *err)
{
	const char *which = options_get(o, "run");
	struct undo_tally t = {0};
	int64_t run = 0;

	if (which != NULL && store_find_run(store, which, &run, err) != 0)
		return EXIT_REFUSED;
	if (undo_run(host, store, run, stdout, &t, err) != 0)
		return EXIT_REFUSED;
	if (t.done + t.void_ + t.refused + t.failed == 0)
		return nothing_left(NULL);
	return t.failed ? EXIT_FAIL : t.refused ? EXIT_REFUSED : EXIT_GOOD;
}

static int run(const struct host *host, const struct options *o)
{
	struct store *store = NULL;
	struct err err = {0};
	int code = EXIT_REFUSED;

	if (store_open(options_get(o, "db"), STORE_CHANGE, &store, &err) == 0)
		code = undo(host, o, store, &err);
	else if (no_run_yet(o, &err) && options_get(o, "run") == NULL)
		return nothing_left(err.msg);
	if (err.code != ERR_NONE)
		code = complain(&err);
	store_close(store);
	return code;
}

static const struct option_spec options[] = {
	OPTION_DB,
	{0, "run", "RUN", "only what this run has changed", false, false},
	{0},
};

const struct command cmd_undo = {
	.name = "undo",
	.operands = "",
	.summary = "put back what a dead run has left changed on the host",
	.text = "Replays the undo records that a run wrote before it changed something: drivers, "
		"reset\n"
		"methods, the state of domains. A run that ends by itself leaves none. Records "
		"from\n"
		"before a reboot are void. Safe to repeat.\n\n"
		"  vfio-stress undo\n"
		"  vfio-stress undo --run 20261121-040714\n\n"
		"Exit codes: 0 everything is as it was, 1 something could not be put back, 3 "
		"refused\n"
		"(the run is alive, or its lane still hangs in the kernel).",
	.options = options,
	.run = run,
};

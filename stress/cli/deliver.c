/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "cli/complain.h"
#include "engine/deliver.h"
#include "model/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Given up is worse than waiting: a person must look. */
static int exit_code(const struct delivery_tally *tally)
{
	if (tally->given_up > 0)
		return EXIT_FAIL;
	return tally->left == 0 ? EXIT_GOOD : EXIT_INCONCLUSIVE;
}

static void summarise(const struct delivery_tally *tally)
{
	printf("%u delivered, %u given up, %" PRId64 " left\n", tally->delivered, tally->given_up,
		tally->left);
}

static int run(const struct host *host, const struct options *o)
{
	bool quiet = options_get(o, "quiet") != NULL, problems = options_get(o, "problems") != NULL;
	bool follow = options_get(o, "follow") != NULL;
	const char *duration = options_get(o, "for");
	struct delivery how = {.say = quiet ? NULL : stdout, .only_problems = problems};
	struct delivery_tally tally = {0};
	struct store *store;
	struct err err;
	int rc;

	(void)host;
	if (duration != NULL && !str_to_duration_ms(duration, &how.for_ms)) {
		err_set(&err, ERR_USAGE, 0, "--for '%s' is not a duration", duration);
		err_hint(&err, "a number with its unit: 30s, 10m, 8h");
		return complain(&err);
	}
	rc = store_open(options_get(o, "db"), STORE_CHANGE, &store, &err);
	if (rc == 0) {
		rc = follow ? deliver_follow(store, &how, STDIN_FILENO, &err)
			    : deliver(store, &how, &tally, &err);
		store_close(store);
	}
	if (rc != 0 && !no_run_yet(o, &err))
		return complain(&err);
	if (!quiet && !problems && !follow)
		summarise(&tally);
	return exit_code(&tally);
}

static const struct option_spec options[] = {
	OPTION_DB,
	{0, "for", "DURATION", "keep trying for so long (default: each message once)", false,
		false},
	{'q', "quiet", NULL, "print nothing", false, false},
	{0, "follow", NULL, "send what comes until standard input is closed", true, false},
	{0, "problems", NULL, "print problems only", false, false},
	{0},
};

const struct command cmd_deliver = {
	.name = "deliver",
	.operands = "",
	.summary = "send the webhooks that are still to be delivered",
	.text = "A run sends its webhooks when it ends and tries again for half a minute. What is "
		"not\n"
		"delivered then is kept in the store until it is, for three days and a hundred "
		"tries.\n"
		"Exit codes: 0 nothing is left, 1 a receiver refused for good, 3 the store cannot "
		"be\n"
		"read or another process sends, 4 something is left.\n"
		"vfio-stress-deliver.timer, a unit of systemd, does so four times an hour.\n"
		"\n"
		"  vfio-stress deliver             try everything once\n"
		"  vfio-stress deliver --for 8h    and again, at growing intervals",
	.options = options,
	.run = run,
};

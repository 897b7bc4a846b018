/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "cli/complain.h"
#include "cli/diff_json.h"
#include "cli/diff_text.h"
#include "cli/terminal.h"
#include "engine/report_out.h"
#include "model/diff.h"
#include "model/snapshot.h"
#include "model/topology.h"

#include <unistd.h>

static int exit_code(const struct machine_diff *d)
{
	if (d->count[CHANGE_REGRESSION] > 0)
		return EXIT_FAIL;
	return d->nblind > 0 ? EXIT_REFUSED : EXIT_GOOD;
}

static int compare(const struct topology *a, const struct topology *b, const struct options *o)
{
	struct machine_diff d;
	struct diff_result r = {a, b, o->args[0], o->args[1], &d, 0};

	machine_diff_make(a, b, &d);
	r.exit_code = exit_code(&d);
	if (options_get(o, "json") != NULL)
		diff_write_json(&r, stdout);
	else
		diff_write_text(&r, report_colour(STDOUT_FILENO), terminal_columns(stdout), stdout);
	machine_diff_finish(&d);
	return r.exit_code;
}

static int run(const struct host *host, const struct options *o)
{
	struct topology a, b;
	struct err err = {0};
	int code;

	(void)host;
	if (str_eq(o->args[0], "-") && str_eq(o->args[1], "-")) {
		err_set(&err, ERR_USAGE, 0, "standard input is one snapshot, not two");
		return complain(&err);
	}
	if (snapshot_read(o->args[0], &a, &err) != 0)
		return complain(&err);
	if (snapshot_read(o->args[1], &b, &err) != 0) {
		topology_finish(&a);
		return complain(&err);
	}
	code = compare(&a, &b, o);
	topology_finish(&a);
	topology_finish(&b);
	return code;
}

static const struct option_spec options[] = {
	{0, "json", NULL, "for programs (docs/schema/diff-1.schema.json)", false, false},
	{0},
};

const struct command cmd_diff = {
	.name = "diff",
	.operands = "BEFORE AFTER",
	.summary = "say what changed between two snapshots of a machine",
	.text = "By meaning: devices are matched by the ports above them and by what they are, so\n"
		"a BIOS that numbers the buses anew is one change, with everything that breaks by\n"
		"it (addresses in domains and on the kernel's command line, driver overrides).\n"
		"Each change is a regression, neutral or an improvement. What differs from boot\n"
		"to boot of the same machine is left out.\n\n"
		"  vfio-stress snapshot before.json    # then the new BIOS\n"
		"  vfio-stress snapshot after.json\n"
		"  vfio-stress diff before.json after.json\n\n"
		"Exit codes: 0 same or no worse, 1 a regression, 2 usage or no snapshot, 3 no\n"
		"regression, but not all could be compared.",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};

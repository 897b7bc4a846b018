/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "cli/complain.h"
#include "cli/machine.h"
#include "cli/pick.h"
#include "cli/preflight_json.h"
#include "cli/preflight_text.h"
#include "cli/terminal.h"
#include "model/topology.h"
#include "engine/report_out.h"
#include "preflight/preflight.h"

#include <errno.h>
#include <unistd.h>

static int exit_code(const struct preflight *p)
{
	switch (preflight_verdict(p)) {
	case CHECK_FAIL:
		return EXIT_FAIL;
	case CHECK_UNKNOWN:
		return EXIT_REFUSED;
	case CHECK_OK:
	case CHECK_WARN:
		break;
	}
	return EXIT_GOOD;
}

static int write_all(const struct preflight *p, const struct options *o)
{
	const struct preflight_style style = {
		.all = options_get(o, "verbose") != NULL,
		.colour = report_colour(STDOUT_FILENO),
		.columns = terminal_columns(stdout),
		/* whose machine it is takes two lines */
		.rows = terminal_rows(stdout) - (p->t->snapshot != NULL ? 2 : 0),
	};
	struct err err = {0};

	if (options_get(o, "json") != NULL) {
		preflight_write_json(p, exit_code(p), stdout);
	} else {
		machine_say_origin(p->t, stdout);
		preflight_write_text(p, &style, stdout);
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code(p);
	err_set(&err, ERR_IO, errno, "write the result");
	return complain(&err);
}

static int look(const struct topology *t, const struct options *o)
{
	bool all = options_get(o, "all") != NULL;
	struct preflight p;
	struct err err = {0};
	struct pick pick;
	int code;

	if (pick_devices(t, o->args, o->nargs, false, &pick, &err) != 0)
		return complain(&err);
	if (o->nargs == 0 && !all)
		pick.n = preflight_suggest(t, pick.v);
	preflight_look(t, pick.v, pick.n, &p);
	code = write_all(&p, o);
	preflight_finish(&p);
	pick_finish(&pick);
	return code;
}

static int run(const struct host *host, const struct options *o)
{
	struct topology t;
	struct err err = {0};
	int code;

	if (machine_read(host, o, true, &t, &err) != 0)
		return complain(&err);
	code = look(&t, o);
	topology_finish(&t);
	return code;
}

static const struct option_spec options[] = {
	{'a', "all", NULL, "every device that could be passed through", false, false},
	{0, "json", NULL, "for programs (docs/schema/preflight-1.schema.json)", false, false},
	{0, "connect", "URI", "libvirt (default qemu:///system)", false, false},
	TOPOLOGY_OPTION,
	{0},
};

const struct command cmd_preflight = {
	.name = "preflight",
	.operands = "[DEVICE...]",
	.summary = "say whether this host is fit to pass devices through",
	.text = "Looks at processor, firmware, IOMMU, kernel, VFIO and libvirt, at each DEVICE\n"
		"(an address, vendor:device or class:gpu) and at the domains that have one, and\n"
		"says what is wrong, what it means and what to do. Without a DEVICE: those on\n"
		"vfio-pci or in a domain, else GPUs. Reads only, and wakes no device that sleeps.\n"
		"-v also shows what is in order; `vfio-stress list checks` explains each.\n\n"
		"  vfio-stress preflight\n"
		"  vfio-stress preflight class:gpu --json\n\n"
		"Exit codes: 0 good (warnings may be there), 1 something is wrong, 2 usage,\n"
		"3 cannot tell, or no such device.",
	.options = options,
	.max_args = 1000,
	.run = run,
};

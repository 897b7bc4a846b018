/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/vec.h"
#include "cli/complain.h"
#include "cli/devices_json.h"
#include "cli/devices_text.h"
#include "cli/machine.h"
#include "cli/pick.h"
#include "cli/terminal.h"
#include "model/topology.h"

/* The options that choose a view; without one it is the table. */
static const struct {
	const char *option;
	devices_view *view;
} views[] = {
	{"tree", devices_write_tree},
	{"groups", devices_write_groups},
};

static int choose_view(const struct options *o, devices_view **out, struct err *err)
{
	size_t i, n = options_get(o, "json") != NULL;

	*out = devices_write_table;
	for (i = 0; i < ARRAY_SIZE(views); i++)
		if (options_get(o, views[i].option) != NULL) {
			*out = views[i].view;
			n++;
		}
	if (n > 1)
		return err_set(err, ERR_USAGE, 0, "--tree, --groups and --json exclude each other");
	return 0;
}

static int show(const struct topology *t, const struct options *o, devices_view *view)
{
	struct pick pick;
	struct err err = {0};

	if (pick_devices(t, o->args, o->nargs, options_get(o, "all") != NULL, &pick, &err) != 0)
		return complain(&err);
	if (options_get(o, "json") != NULL) {
		devices_write_json(t, &pick, stdout);
	} else {
		machine_say_origin(t, stdout);
		view(t, &pick, terminal_columns(stdout), stdout);
	}
	pick_finish(&pick);
	return EXIT_GOOD;
}

static int run(const struct host *host, const struct options *o)
{
	struct topology t;
	struct err err = {0};
	devices_view *view;
	int code;

	if (choose_view(o, &view, &err) != 0 || machine_read(host, o, false, &t, &err) != 0)
		return complain(&err);
	code = show(&t, o, view);
	topology_finish(&t);
	return code;
}

static const struct option_spec options[] = {
	{'a', "all", NULL, "every function, also bridges and parts of the board", false, false},
	{0, "tree", NULL, "below the ports that lead to them", false, false},
	{0, "groups", NULL, "by IOMMU group, with everybody else who is in it", false, false},
	{0, "json", NULL, "for programs (docs/schema/devices-1.schema.json)", false, false},
	{0, "connect", "URI", "libvirt (default qemu:///system)", false, false},
	TOPOLOGY_OPTION,
	{0},
};

const struct command cmd_devices = {
	.name = "devices",
	.operands = "[DEVICE...]",
	.summary = "list what could be passed through",
	.text = "A DEVICE is an address (0000:41:00.0), vendor:device (10de:2684) or a class\n"
		"(class:gpu). Reads only, and wakes no device that sleeps.\n\n"
		"  vfio-stress devices class:gpu\n"
		"  vfio-stress devices --groups\n\n"
		"Exit codes: 0, 2 usage, 3 there is no such device, or no PCI here.",
	.options = options,
	.max_args = 1000,
	.run = run,
};

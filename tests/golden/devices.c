/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/devices_json.h"
#include "cli/devices_text.h"

#include "base/str.h"
#include "cli/pick.h"
#include "golden.h"
#include "machine.h"

#include "cmocka_all.h"

#include <string.h>

/* What is shown of a recorded machine. */
struct view {
	const char *name;
	devices_view *text; /* NULL: JSON */
	bool all;
	const char *selector; /* NULL: none */
};

static void check(const char *machine, const struct view *v)
{
	auto_free char *path = xasprintf("devices/%s.%s.expected", machine, v->name);
	struct topology *t = machine_of(machine);
	auto_free char *bytes = NULL;
	struct err err = {0};
	struct pick pick;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	if (pick_devices(t, &v->selector, v->selector != NULL, v->all, &pick, &err) != 0)
		fail_msg("%s", err.msg);
	if (v->text != NULL)
		v->text(t, &pick, 80, out);
	else
		devices_write_json(t, &pick, out);
	fclose(out);
	golden_check(path, bytes, len);
	pick_finish(&pick);
	machine_free(t);
}

static void devices_are_listed_in_80_columns(void **state)
{
	(void)state;
	check("intel", &(struct view){"table", devices_write_table, false, NULL});
	check("amd", &(struct view){"table", devices_write_table, false, NULL});
	check("none", &(struct view){"table", devices_write_table, true, NULL});
}

static void a_tree_shows_the_ports_that_lead_to_them(void **state)
{
	(void)state;
	check("intel", &(struct view){"tree", devices_write_tree, true, NULL});
	check("intel", &(struct view){"tree-gpu", devices_write_tree, false, "0000:07:00.0"});
}

static void groups_show_who_else_is_in_them(void **state)
{
	(void)state;
	check("intel", &(struct view){"groups", devices_write_groups, false, "class:display"});
	check("none", &(struct view){"groups", devices_write_groups, false, NULL});
}

static void programs_get_all_of_it(void **state)
{
	(void)state;
	check("intel", &(struct view){"json", NULL, true, NULL});
	check("none", &(struct view){"json", NULL, false, NULL});
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_listed_in_80_columns),
		cmocka_unit_test(a_tree_shows_the_ports_that_lead_to_them),
		cmocka_unit_test(groups_show_who_else_is_in_them),
		cmocka_unit_test(programs_get_all_of_it),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include "base/str.h"
#include "golden.h"
#include "machine.h"

#include "cmocka_all.h"

/* What depends on the moment is not the machine's. */
static void a_recorded_machine_is_written_as_ever(void **state)
{
	struct topology *t = machine_of("intel");
	auto_free char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	(void)state;
	str_set(t->taken, "2026-11-21T04:00:00.000Z");
	snapshot_write(t, "0", out);
	fclose(out);
	golden_check("snapshot/intel.json.expected", bytes, len);
	machine_free(t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_machine_is_written_as_ever),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

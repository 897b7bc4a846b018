/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/diff_json.h"
#include "cli/diff_text.h"

#include "base/str.h"
#include "golden.h"
#include "machine.h"
#include "model/diff.h"

#include "cmocka_all.h"

static struct pcidev *get(struct topology *t, const char *bdf)
{
	struct bdf at;

	assert_true(bdf_parse(bdf, &at));
	return &t->devs.v[pcidev_find(&t->devs, at) - t->devs.v];
}

/* What a new BIOS may do to a machine. */
static void change(struct topology *t)
{
	struct pcidev *nvme = get(t, "0000:02:00.0"), *nic = get(t, "0000:04:00.0");

	str_set(nvme->reset_methods, "bus");
	str_set(nic->reset_methods, "flr pm bus");
	/* the port of the GPU leads to another bus; those behind keep theirs */
	get(t, "0000:00:17.0")->secondary_bus = 0x0c;
	get(t, "0000:0b:00.0")->bdf.bus = 0x0c;
	t->machine.bios = "SeaBIOS 2.0";
	topology_make_groups(t);
}

static void check(const char *name, struct topology *a, struct topology *b)
{
	auto_free char *path = xasprintf("diff/%s.json.expected", name);
	auto_free char *text_path = xasprintf("diff/%s.text.expected", name);
	auto_free char *bytes = NULL, *text = NULL;
	struct machine_diff d;
	struct diff_result r = {a, b, "before.json", "after.json", &d, 0};
	size_t len = 0, text_len = 0;
	FILE *out = open_memstream(&bytes, &len), *text_out = open_memstream(&text, &text_len);

	str_set(a->taken, "2026-11-20T04:00:00.000Z");
	str_set(b->taken, "2026-11-21T04:00:00.000Z");
	a->snapshot = "lab at 2026-11-20T04:00:00.000Z";
	b->snapshot = "lab at 2026-11-21T04:00:00.000Z";
	machine_diff_make(a, b, &d);
	r.exit_code = d.count[CHANGE_REGRESSION] > 0;
	diff_write_json(&r, out);
	diff_write_text(&r, false, 80, text_out);
	fclose(out);
	fclose(text_out);
	golden_check(path, bytes, len);
	golden_check(text_path, text, text_len);
	machine_diff_finish(&d);
}

static void what_a_firmware_changed_is_told(void **state)
{
	struct topology *a = machine_of("intel"), *b = machine_of("intel");

	(void)state;
	check("same", a, b);
	change(b);
	check("firmware", a, b);
	machine_free(a);
	machine_free(b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_firmware_changed_is_told),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/fitness.h"

#include "base/str.h"
#include "device/survey.h"
#include "engine/vocabulary.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/topology.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>

#define DRIVE "0000:01:00.0"

static struct scenario *scenario_of(const char *lanes)
{
	struct diags diags = {0};
	char text[256];
	struct scenario *sc;

	snprintf(text, sizeof(text),
		"version: 1\nname: s\nconnect: test:///default\nlanes: [%s]\n"
		"steps: [{hold: 1s}]\n",
		lanes);
	sc = scenario_parse("s.yaml", text, strlen(text), NULL, 0, &words_of_this_build, &diags);
	assert_non_null(sc);
	return sc;
}

static struct fakehost *machine(void)
{
	return FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
		FAKE_DEV(DRIVE, .parent = "0000:00:01.0", .class_code = 0x010802, .group = 11));
}

static void look(const struct fakehost *fake, const char *lanes, struct fitness *out)
{
	struct scenario *sc = scenario_of(lanes);
	struct topology t;
	struct err err;

	*out = (struct fitness){0};
	assert_int_equal(survey_take(fakehost_host(fake), sc->connect, &t, &err), 0);
	fitness_look(&t, sc, out);
	topology_finish(&t);
	scenario_free(sc);
}

static bool has_note(const struct fitness *f, const char *words)
{
	vec_foreach (text, &f->notes)
		if (strstr(*text, words) != NULL)
			return true;
	return false;
}

static void no_run_begins_on_the_kernel_that_saves_a_crash(void **state)
{
	struct fakehost *fake = machine();
	struct fitness f;

	(void)state;
	look(fake, "{name: a, devices: [\"" DRIVE "\"]}", &f);
	assert_int_equal(f.refusal.code, ERR_NONE);
	fitness_finish(&f);
	fakehost_write(fake, "/proc/vmcore", "x");
	look(fake, "{name: a, devices: [\"" DRIVE "\"]}", &f);
	assert_int_equal(f.refusal.code, ERR_REFUSED);
	assert_non_null(strstr(f.refusal.msg, "kernel.crash-kernel"));
	assert_non_null(strstr(f.refusal.hint, "boot the everyday kernel"));
	fitness_finish(&f);
	fakehost_free(fake);
}

static void what_is_wrong_and_refuses_nothing_is_noted(void **state)
{
	struct fakehost *fake = machine();
	struct fitness f;

	(void)state;
	fakehost_write(fake, "/proc/sys/kernel/printk_devkmsg", "off\n");
	look(fake, "{name: a, devices: [\"" DRIVE "\"]}", &f);
	assert_int_equal(f.refusal.code, ERR_NONE);
	assert_true(has_note(&f, "printk.devkmsg=off"));
	assert_true(has_note(&f, "preflight warns"));
	assert_true(f.nchecks > 10);
	assert_string_equal(f.checks[0].result, "fail");
	assert_string_equal(f.checks[f.nchecks - 1].result, "ok");
	assert_null(f.checks[f.nchecks - 1].advice);
	fitness_finish(&f);
	fakehost_free(fake);
}

/* Its lane is told, with what to do. */
static void a_dark_device_is_its_lanes_business(void **state)
{
	struct fakehost *fake = machine();
	struct fitness f;
	size_t i;

	(void)state;
	for (i = 0; i < 256; i++)
		fakehost_config(fake, DRIVE, i, 0xff);
	look(fake, "{name: a, devices: [\"" DRIVE "\"]}", &f);
	assert_int_equal(f.refusal.code, ERR_NONE);
	assert_false(has_note(&f, "device.config"));
	fitness_finish(&f);
	fakehost_free(fake);
}

static void without_a_device_nothing_is_judged(void **state)
{
	struct fakehost *fake = machine();
	struct fitness f;

	(void)state;
	fakehost_write(fake, "/proc/vmcore", "x");
	look(fake, "{domain: test}", &f);
	assert_int_equal(f.refusal.code, ERR_NONE);
	assert_int_equal(f.notes.n, 0);
	fitness_finish(&f);
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_run_begins_on_the_kernel_that_saves_a_crash),
		cmocka_unit_test(what_is_wrong_and_refuses_nothing_is_noted),
		cmocka_unit_test(a_dark_device_is_its_lanes_business),
		cmocka_unit_test(without_a_device_nothing_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pcidev.h"

#include "cmocka_all.h"

#include <string.h>

static const struct pcidev gpu = {
	.bdf = {0, 0x41, 0, 0},
	.vendor = 0x10de,
	.device = 0x2684,
	.class_code = 0x030200,
};

static void a_selector_is_an_address_or_ids_or_a_class(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(pcidev_selector_check("0000:41:00.0", &err), 0);
	assert_int_equal(pcidev_selector_check("41:00.0", &err), 0);
	assert_int_equal(pcidev_selector_check("10000:41:00.0", &err), 0);
	assert_int_equal(pcidev_selector_check("10de:2684", &err), 0);
	assert_int_equal(pcidev_selector_check("class:gpu", &err), 0);
	assert_int_equal(pcidev_selector_check("", &err), -1);
	assert_int_equal(pcidev_selector_check("10de", &err), -1);
	assert_int_equal(pcidev_selector_check("10de:26841", &err), -1);
	assert_int_equal(pcidev_selector_check("0000:41:00.8", &err), -1);
	assert_non_null(strstr(err.hint, "0000:41:00.0"));
	assert_int_equal(pcidev_selector_check("class:gpus", &err), -1);
	assert_string_equal(err.hint, "did you mean 'class:gpu'?");
	assert_int_equal(pcidev_selector_check("class:toaster-oven", &err), -1);
	assert_non_null(strstr(err.hint, "nvme"));
}

static void selectors_match_what_they_say(void **state)
{
	(void)state;
	assert_true(pcidev_matches(&gpu, "41:00.0"));
	assert_true(pcidev_matches(&gpu, "0000:41:00.0"));
	assert_true(pcidev_matches(&gpu, "10DE:2684"));
	assert_true(pcidev_matches(&gpu, "class:gpu"));
	assert_true(pcidev_matches(&gpu, "class:display"));
	assert_false(pcidev_matches(&gpu, "1:41:00.0"));
	assert_false(pcidev_matches(&gpu, "10de:2685"));
	assert_false(pcidev_matches(&gpu, "class:nvme"));
	assert_false(pcidev_matches(&gpu, "class:toaster"));
	assert_false(pcidev_matches(&gpu, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_selector_is_an_address_or_ids_or_a_class),
		cmocka_unit_test(selectors_match_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/apart.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/scenario.h"
#include "steps/steps.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>

/* A conventional bridge with two cards, and a card alone below its port. */
static struct pcidev machine[] = {
	{.bdf = {0, 0, 1, 0}, .iommu_group = -1, .is_bridge = true, .secondary_bus = 5},
	{.bdf = {0, 0, 2, 0}, .iommu_group = -1, .is_bridge = true, .secondary_bus = 6},
	{.bdf = {0, 5, 1, 0},
		.iommu_group = 1,
		.has_parent = true,
		.parent = {0, 0, 1, 0},
		.reset_methods = "flr bus"},
	{.bdf = {0, 5, 2, 0},
		.iommu_group = 2,
		.has_parent = true,
		.parent = {0, 0, 1, 0},
		.reset_methods = "flr"},
	{.bdf = {0, 6, 0, 0},
		.iommu_group = 3,
		.has_parent = true,
		.parent = {0, 0, 2, 0},
		.reset_methods = "flr bus"},
};
static const struct pcidev_list all = {machine, ARRAY_SIZE(machine)};
enum { LEFT = 2, RIGHT = 3, ALONE = 4 };

static struct step flr = {
	.type = &step_reset, .arg = "flr", .name = "reset: flr", .pos = {.line = 7}};
static struct step bus = {
	.type = &step_reset, .arg = "bus", .name = "reset: bus", .pos = {.line = 9}};
static struct step rescan = {.type = &step_rescan, .name = "rescan", .pos = {.line = 11}};

/* What was refused last. */
struct seen {
	size_t lane;
	struct err err;
};

static void note(void *arg, size_t lane, const struct err *err)
{
	struct seen *seen = arg;

	seen->lane = lane;
	seen->err = *err;
}

/* Two lanes, "left" and "right", each with a device and a step; NULL = none. */
static size_t refusals(
	size_t left, struct step *of_left, size_t right, struct step *of_right, struct seen *seen)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct lane_spec specs[] = {
		{.name = "left", .steps = {.v = of_left, .n = of_left != NULL}},
		{.name = "right", .steps = {.v = of_right, .n = of_right != NULL}},
	};
	const struct scenario sc = {.lanes = specs, .nlanes = 2};
	const struct neighbour lanes[] = {
		{&specs[0], &machine[left], 1}, {&specs[1], &machine[right], 1}};
	size_t n = lanes_apart(fakehost_host(fake), &sc, &all, lanes, note, seen);

	fakehost_free(fake);
	return n;
}

static void a_bus_reset_must_not_reach_another_lane(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(refusals(LEFT, &bus, RIGHT, &flr, &seen), 1);
	assert_int_equal(seen.lane, 1);
	assert_int_equal(seen.err.code, ERR_REFUSED);
	assert_string_equal(seen.err.msg,
		"line 9, reset: bus: on 0000:05:01.0 of lane 'left' it would disturb 0000:05:02.0 "
		"of lane 'right'");
	assert_non_null(strstr(seen.err.hint, "one lane"));
}

static void the_later_lane_may_be_the_one_that_disturbs(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(refusals(RIGHT, &flr, LEFT, &bus, &seen), 1);
	assert_int_equal(seen.lane, 1);
	assert_non_null(strstr(seen.err.msg, "0000:05:01.0 of lane 'right'"));
}

static void what_reaches_one_function_disturbs_nobody(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(refusals(LEFT, &flr, RIGHT, &flr, &seen), 0);
	assert_int_equal(refusals(LEFT, &rescan, RIGHT, &flr, &seen), 0);
	assert_int_equal(refusals(ALONE, &bus, LEFT, &flr, &seen), 0);
}

static void a_reset_that_the_device_does_not_offer_reaches_nobody(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(refusals(RIGHT, &bus, LEFT, &flr, &seen), 0);
}

static void a_step_for_other_devices_of_its_lane_reaches_nobody(void **state)
{
	struct step narrowed = bus;
	struct seen seen = {0};

	(void)state;
	narrowed.device = "0000:06:00.0";
	assert_int_equal(refusals(LEFT, &narrowed, RIGHT, &flr, &seen), 0);
}

static void steps_before_the_cycles_count_too(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct lane_spec specs[] = {{.name = "left"}, {.name = "right"}};
	const struct scenario sc = {
		.lanes = specs, .nlanes = 2, .before = {.v = &flr, .n = 1}, .after = {&bus, 1}};
	const struct neighbour lanes[] = {
		{&specs[0], &machine[LEFT], 1}, {&specs[1], &machine[RIGHT], 1}};
	struct seen seen = {0};

	(void)state;
	assert_int_equal(lanes_apart(fakehost_host(fake), &sc, &all, lanes, note, &seen), 1);
	assert_non_null(strstr(seen.err.msg, "line 9"));
	fakehost_free(fake);
}

static void one_device_is_not_for_two_lanes(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(refusals(LEFT, NULL, LEFT, NULL, &seen), 1);
	assert_non_null(strstr(seen.err.msg, "of lane 'left' are the same device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bus_reset_must_not_reach_another_lane),
		cmocka_unit_test(the_later_lane_may_be_the_one_that_disturbs),
		cmocka_unit_test(what_reaches_one_function_disturbs_nobody),
		cmocka_unit_test(a_reset_that_the_device_does_not_offer_reaches_nobody),
		cmocka_unit_test(a_step_for_other_devices_of_its_lane_reaches_nobody),
		cmocka_unit_test(steps_before_the_cycles_count_too),
		cmocka_unit_test(one_device_is_not_for_two_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

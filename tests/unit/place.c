/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/place.h"

#include "base/clock.h"
#include "base/str.h"

#include "cmocka_all.h"

#define S NS_PER_S

/* Two lanes: a GPU below a root port, and a NIC below another one. */
static struct pcidev machine[] = {
	{.bdf = {0, 0, 1, 0}, .is_bridge = true},
	{.bdf = {0, 0, 2, 0}, .is_bridge = true},
	{.bdf = {0, 0x41, 0, 0}, .has_parent = true, .parent = {0, 0, 1, 0}},
	{.bdf = {0, 0x41, 0, 1}, .has_parent = true, .parent = {0, 0, 1, 0}},
	{.bdf = {0, 0x42, 0, 0}, .has_parent = true, .parent = {0, 0, 2, 0}},
	{.bdf = {0, 0x43, 0, 0}},
};
static const struct pcidev_list topology = {machine, 6};

static void two_lanes(struct whereabouts lanes[2])
{
	lanes[0] = (struct whereabouts){.devices = &machine[2],
		.ndevices = 1,
		.running = true,
		.phase = PHASE_CYCLE,
		.cycle = 3,
		.step_open = true,
		.word = "reset",
		.arg = "flr",
		.step_index = 1};
	lanes[1] = (struct whereabouts){.devices = &machine[4],
		.ndevices = 1,
		.running = true,
		.phase = PHASE_CYCLE,
		.cycle = 7};
}

static struct place find(const struct whereabouts lanes[2], const char *bdf_or_null, int64_t now_ns)
{
	struct bdf bdf;
	struct place p;

	if (bdf_or_null != NULL)
		assert_true(bdf_parse(bdf_or_null, &bdf));
	place_find(lanes, 2, &topology, bdf_or_null ? &bdf : NULL, "dmar.dma-fault", now_ns, &p);
	return p;
}

static void the_device_chooses_the_lane_and_the_open_step(void **state)
{
	struct whereabouts lanes[2];
	struct place p;

	(void)state;
	two_lanes(lanes);
	p = find(lanes, "0000:41:00.0", S);
	assert_int_equal(p.lane, 0);
	assert_int_equal(p.cycle, 3);
	assert_string_equal(p.step, "reset");
	assert_int_equal(p.step_index, 1);
	assert_true(p.in_lane);
	assert_false(p.late);
	p = find(lanes, "0000:42:00.0", S);
	assert_int_equal(p.lane, 1);
	assert_string_equal(p.step, "between");
	assert_int_equal(p.step_index, -1);
}

static void a_port_above_and_a_sibling_function_belong_to_the_lane(void **state)
{
	struct whereabouts lanes[2];

	(void)state;
	two_lanes(lanes);
	assert_int_equal(find(lanes, "0000:00:01.0", S).lane, 0);
	assert_int_equal(find(lanes, "0000:41:00.1", S).lane, 0);
	assert_int_equal(find(lanes, "0000:00:02.0", S).lane, 1);
}

static void a_stranger_is_in_no_lane(void **state)
{
	struct whereabouts lanes[2];
	struct place p;

	(void)state;
	two_lanes(lanes);
	p = find(lanes, "0000:43:00.0", S);
	assert_int_equal(p.lane, -1);
	assert_int_equal(p.candidates, 0);
	assert_false(p.in_lane);
	assert_int_equal(p.cycle, -1);
}

static void no_device_fits_every_running_lane(void **state)
{
	struct whereabouts lanes[2];
	struct place p;

	(void)state;
	two_lanes(lanes);
	p = find(lanes, NULL, S);
	assert_int_equal(p.lane, -1);
	assert_int_equal(p.candidates, 3);
	assert_true(p.in_lane);
	lanes[0].running = false;
	p = find(lanes, NULL, S);
	assert_int_equal(p.lane, 1);
	assert_int_equal(p.cycle, 7);
}

static void what_comes_in_the_tail_is_late_and_the_old_steps(void **state)
{
	struct whereabouts lanes[2];
	struct place p;

	(void)state;
	two_lanes(lanes);
	place_of_lane(&lanes[0], 0, &lanes[0].tail);
	lanes[0].tail_until_ns = 10 * S;
	lanes[0].word = "hold";
	lanes[0].step_index = 2;
	p = find(lanes, "0000:41:00.0", 9 * S);
	assert_string_equal(p.step, "reset");
	assert_true(p.late);
	p = find(lanes, "0000:41:00.0", 11 * S);
	assert_string_equal(p.step, "hold");
	assert_false(p.late);
}

static void what_a_reset_makes_the_kernel_say_is_expected_of_its_device_only(void **state)
{
	struct whereabouts lanes[2];
	struct place p;
	struct bdf gpu, port;

	(void)state;
	two_lanes(lanes);
	lanes[0].arg = "bus";
	lanes[0].on_device = true;
	lanes[0].device = machine[2].bdf;
	lanes[0].ndevices = 2;
	assert_true(bdf_parse("0000:41:00.0", &gpu));
	assert_true(bdf_parse("0000:00:01.0", &port));
	place_find(lanes, 2, &topology, &gpu, "hotplug.link-down", S, &p);
	assert_true(p.expected);
	place_find(lanes, 2, &topology, &port, "hotplug.link-down", S, &p);
	assert_true(p.expected); /* the port above it */
	lanes[0].device = machine[4].bdf; /* another device of the lane is being reset */
	place_find(lanes, 2, &topology, &gpu, "hotplug.link-down", S, &p);
	assert_false(p.expected);
}

static void an_expected_thing_may_come_so_often_and_no_more(void **state)
{
	struct whereabouts lanes[2];
	struct incident inc = {.count = 2};
	struct bdf gpu = machine[2].bdf;

	(void)state;
	two_lanes(lanes);
	lanes[0].word = "start";
	place_find(lanes, 2, &topology, &gpu, "vfio.reset-recovery", S, &inc.place);
	assert_true(place_expects(&inc));
	inc.count = 3;
	assert_false(place_expects(&inc));
	place_find(lanes, 2, &topology, &gpu, "pci.rom-invalid", S, &inc.place);
	assert_true(place_expects(&inc));
	place_find(lanes, 2, &topology, &gpu, "dmar.dma-fault", S, &inc.place);
	assert_false(place_expects(&inc));
}

static void a_port_means_the_only_device_of_ours_below_it(void **state)
{
	/* root port 00:01.0 - switch 10:00.0 - its ports 11:00.0 and 11:01.0 - a device below each */
	static struct pcidev tree[] = {
		{.bdf = {0, 0, 1, 0}, .is_bridge = true},
		{.bdf = {0, 0x10, 0, 0}, .has_parent = true, .parent = {0, 0, 1, 0}},
		{.bdf = {0, 0x11, 0, 0}, .has_parent = true, .parent = {0, 0x10, 0, 0}},
		{.bdf = {0, 0x11, 1, 0}, .has_parent = true, .parent = {0, 0x10, 0, 0}},
		{.bdf = {0, 0x12, 0, 1}, .has_parent = true, .parent = {0, 0x11, 0, 0}},
		{.bdf = {0, 0x12, 0, 0}, .has_parent = true, .parent = {0, 0x11, 0, 0}},
		{.bdf = {0, 0x13, 0, 0}, .has_parent = true, .parent = {0, 0x11, 1, 0}},
	};
	const struct pcidev_list list = {tree, 7};
	struct whereabouts lanes[2] = {{.devices = &tree[4], .ndevices = 2}, {.ndevices = 0}};
	struct bdf below;

	(void)state;
	/* two functions of one slot are one device, named by its lowest function */
	assert_true(place_below(lanes, 2, &list, tree[2].bdf, &below));
	assert_true(bdf_eq(below, tree[5].bdf));
	assert_true(place_below(lanes, 2, &list, tree[0].bdf, &below));
	assert_true(bdf_eq(below, tree[5].bdf));
	assert_false(place_below(lanes, 2, &list, tree[3].bdf, &below));
	assert_false(place_below(lanes, 2, &list, tree[5].bdf, &below)); /* no port */
	/* another lane's device below the same switch: nobody can tell */
	lanes[1] = (struct whereabouts){.devices = &tree[6], .ndevices = 1};
	assert_false(place_below(lanes, 2, &list, tree[0].bdf, &below));
	assert_true(place_below(lanes, 2, &list, tree[3].bdf, &below));
	assert_true(bdf_eq(below, tree[6].bdf));
}

static void before_is_cycle_zero_and_after_has_none(void **state)
{
	struct whereabouts lanes[2];

	(void)state;
	two_lanes(lanes);
	lanes[0].phase = PHASE_BEFORE;
	lanes[0].cycle = 0;
	assert_int_equal(find(lanes, "0000:41:00.0", S).cycle, 0);
	lanes[0].phase = PHASE_AFTER;
	assert_int_equal(find(lanes, "0000:41:00.0", S).cycle, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_chooses_the_lane_and_the_open_step),
		cmocka_unit_test(a_port_above_and_a_sibling_function_belong_to_the_lane),
		cmocka_unit_test(a_stranger_is_in_no_lane),
		cmocka_unit_test(no_device_fits_every_running_lane),
		cmocka_unit_test(what_comes_in_the_tail_is_late_and_the_old_steps),
		cmocka_unit_test(what_a_reset_makes_the_kernel_say_is_expected_of_its_device_only),
		cmocka_unit_test(an_expected_thing_may_come_so_often_and_no_more),
		cmocka_unit_test(a_port_means_the_only_device_of_ours_below_it),
		cmocka_unit_test(before_is_cycle_zero_and_after_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

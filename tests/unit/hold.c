/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/hold.h"

#include "device/scope.h"

#include "fakehost.h"
#include "fakewrite.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#define PF  "0000:01:00.0"
#define VF  "0000:01:00.1"
#define DEV "/sys/bus/pci/devices/"

static const struct bdf pf = {0, 1, 0, 0};

/* A PF and its VF in groups of their own, and a bridge that no group belongs to. */
struct world {
	struct fakehost *fake;
	struct pcidev_list all;
	struct bdf_set set;
	struct hold hold;
	struct err err;
};

static void world_init(struct world *w, int vf_group)
{
	*w = (struct world){
		.fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
			FAKE_DEV(PF, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12),
			FAKE_DEV(VF, .parent = "0000:00:01.0", .physfn = PF, .driver = "vfio-pci",
				.group = vf_group)),
	};
	fakehost_write(w->fake, "/dev/vfio/12", "");
	fakehost_write(w->fake, "/dev/vfio/13", "");
	assert_int_equal(pcidev_scan_nameless(fakehost_host(w->fake), &w->all, &w->err), 0);
	scope_disturbed(&w->all, pcidev_find(&w->all, pf), SCOPE_FUNCTION, &w->set);
}

static int hold(struct world *w, const struct guard_friends *friends)
{
	return hold_take(
		fakehost_host(w->fake), &w->all, w->set.v, w->set.n, friends, &w->hold, &w->err);
}

static void world_finish(struct world *w)
{
	hold_release(&w->hold);
	bdf_set_finish(&w->set);
	pcidev_list_finish(&w->all);
	fakehost_free(w->fake);
}

static const struct guard_friends nobody;

static void every_group_that_is_reached_is_held_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 13);
	assert_int_equal(hold(&w, &nobody), 0);
	assert_int_equal(w.hold.n, 2);
	world_finish(&w);
	world_init(&w, 12);
	assert_int_equal(hold(&w, &nobody), 0);
	assert_int_equal(w.hold.n, 1);
	world_finish(&w);
}

static void the_lanes_own_qemu_keeps_its_groups_only(void **state)
{
	const struct guard_friends qemu = {.lane = &pf, .nlane = 1, .qemu = 99};
	struct world w;

	(void)state;
	world_init(&w, 13);
	fake_open_fails("/dev/vfio/12", EBUSY);
	assert_int_equal(hold(&w, &qemu), 0);
	assert_int_equal(w.hold.n, 1);
	fake_writes_work();
	world_finish(&w);
}

static void a_group_that_was_opened_since_refuses(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 13);
	fake_open_fails("/dev/vfio/13", EBUSY);
	assert_int_equal(hold(&w, &nobody), -1);
	fake_writes_work();
	assert_int_equal(w.err.code, ERR_REFUSED);
	assert_non_null(strstr(w.err.msg, VF));
	assert_non_null(strstr(w.err.msg, "/dev/vfio/13"));
	assert_int_equal(w.hold.n, 0);
	world_finish(&w);
}

static void a_driver_that_was_bound_since_refuses(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 13);
	fakehost_link(w.fake, DEV VF "/driver", "../../drivers/iavf");
	assert_int_equal(hold(&w, &nobody), -1);
	assert_int_equal(w.err.code, ERR_REFUSED);
	assert_string_equal(
		w.err.msg, VF " would be disturbed: its driver was vfio-pci and is now iavf");
	world_finish(&w);
}

static void without_group_nodes_there_is_nothing_to_hold(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 13);
	fakehost_remove(w.fake, "/dev/vfio/12");
	fakehost_remove(w.fake, "/dev/vfio/13");
	assert_int_equal(hold(&w, &nobody), 0);
	assert_int_equal(w.hold.n, 0);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_group_that_is_reached_is_held_once),
		cmocka_unit_test(the_lanes_own_qemu_keeps_its_groups_only),
		cmocka_unit_test(a_group_that_was_opened_since_refuses),
		cmocka_unit_test(a_driver_that_was_bound_since_refuses),
		cmocka_unit_test(without_group_nodes_there_is_nothing_to_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

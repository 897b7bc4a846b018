/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/beside.h"

#include "base/str.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UPSTREAM "0000:01:00.0"
#define PORT     "0000:02:00.0"
#define GPU      "0000:03:00.0"
#define AUDIO    "0000:03:00.1"
#define OTHER    "0000:04:00.0"
#define VF       "0000:03:00.2"
#define FAR      "0000:05:00.0"
#define DEVS     "/sys/bus/pci/devices/"

/* A GPU with an audio function on a switch, something on its other port, and something elsewhere. */
static const struct fake_dev machine[] = {
	FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
	FAKE_DEV("0000:00:02.0", .secondary = 5, .driver = "pcieport"),
	FAKE_DEV(UPSTREAM, .parent = "0000:00:01.0", .secondary = 2, .driver = "pcieport"),
	FAKE_DEV(PORT, .parent = UPSTREAM, .secondary = 3, .driver = "pcieport"),
	FAKE_DEV("0000:02:01.0", .parent = UPSTREAM, .secondary = 4, .driver = "pcieport"),
	FAKE_DEV(GPU, .parent = PORT, .driver = "vfio-pci", .group = 1, .methods = "flr"),
	FAKE_DEV(AUDIO, .parent = PORT, .driver = "vfio-pci", .group = 1),
	FAKE_DEV(VF, .parent = PORT, .physfn = GPU, .group = 2),
	FAKE_DEV(OTHER, .parent = "0000:02:01.0", .driver = "nvme"),
	FAKE_DEV(FAR, .parent = "0000:00:02.0"),
};

/* A lane with the GPU alone, and an act on it. */
struct act {
	struct fakehost *fake;
	struct lane_device dev;
	struct emitter out;
	int other;
	struct step_ctx ctx;
	struct beside beside;
	struct result res;
};

static void act_begin(struct act *a, enum reset_scope scope)
{
	struct pcidev_list all = {0};
	struct err err = {0};
	struct bdf bdf;
	int pair[2];

	*a = (struct act){.fake = fakehost_new(machine, sizeof(machine) / sizeof(machine[0]))};
	assert_int_equal(pcidev_scan_nameless(fakehost_host(a->fake), &all, &err), 0);
	assert_true(bdf_parse(GPU, &bdf));
	a->dev.pci = *pcidev_find(&all, bdf);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	a->out.fd = pair[0];
	a->other = pair[1];
	a->ctx = (struct step_ctx){.host = fakehost_host(a->fake),
		.devs = &a->dev,
		.dev = &a->dev,
		.ndevs = 1,
		.out = &a->out};
	beside_find(&a->beside, &a->ctx, &all, scope);
	pcidev_list_finish(&all);
	beside_observe(&a->beside);
}

static enum outcome act_end(struct act *a)
{
	return beside_judge(&a->beside, &a->res);
}

static void act_finish(struct act *a)
{
	beside_finish(&a->beside);
	close(a->out.fd);
	close(a->other);
	fakehost_free(a->fake);
}

static bool watches(const struct act *a, const char *bdf, bool reached)
{
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	vec_foreach (one, &a->beside.list)
		if (bdf_eq(one->bdf, b) && one->reached == reached)
			return true;
	return false;
}

static void the_switch_is_watched_and_nothing_else(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	assert_int_equal(a.beside.list.n, 6);
	assert_true(watches(&a, VF, true));
	assert_true(watches(&a, AUDIO, false));
	assert_true(watches(&a, OTHER, false));
	assert_true(watches(&a, PORT, false));
	assert_true(watches(&a, "0000:02:01.0", false));
	assert_true(watches(&a, UPSTREAM, false));
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	act_finish(&a);
	act_begin(&a, SCOPE_BUS);
	assert_true(watches(&a, AUDIO, true));
	act_finish(&a);
}

static void who_changed_is_named(void **state)
{
	static const struct {
		const char *bdf;
		size_t offset;
		uint8_t value;
		const char *words;
	} cases[] = {
		{OTHER, 0x10, 0x33, OTHER ", beside " GPU ": BAR 0 is"},
		{PORT, 0x08, 0x77, PORT ", beside " GPU ": revision is 77"},
		{VF, 0x08, 0x77, VF ", reached by the reset of " GPU ": revision is 77"},
	};
	struct act a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		act_begin(&a, SCOPE_FUNCTION);
		fakehost_config(a.fake, cases[i].bdf, cases[i].offset, cases[i].value);
		assert_int_equal(act_end(&a), OUTCOME_FAIL);
		assert_string_equal(a.res.reason, "neighbour-differs");
		if (!str_starts(a.res.detail, cases[i].words))
			fail_msg("%s", a.res.detail);
		act_finish(&a);
	}
}

static void whom_nobody_resets_may_go_on_working(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	fakehost_config(a.fake, OTHER, 4, 0x07); /* its driver has switched on bus mastering */
	fakehost_write(a.fake, DEVS OTHER "/power_state", "D3hot\n");
	fakehost_remove(a.fake, DEVS OTHER "/driver");
	fakehost_config(a.fake, FAR, 0x08, 0x77);
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	act_finish(&a);
}

static void who_is_pulled_out_or_dark_is_named(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	fakehost_remove(a.fake, DEVS AUDIO);
	fakehost_config(a.fake, OTHER, 0, 0xff);
	fakehost_config(a.fake, OTHER, 1, 0xff);
	fakehost_config(a.fake, OTHER, 2, 0xff);
	fakehost_config(a.fake, OTHER, 3, 0xff);
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	assert_non_null(strstr(a.res.detail, AUDIO ", beside " GPU ": it is gone from sysfs"));
	assert_non_null(strstr(a.res.detail, OTHER ", beside " GPU ": it"));
	act_finish(&a);
}

static void another_lane_does_with_its_own_what_it_likes(void **state)
{
	struct err err = {0};
	struct bdf bdf;
	struct act a;
	int lock;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	assert_true(bdf_parse(OTHER, &bdf));
	assert_int_equal(lock_take(a.ctx.host, bdf, &lock, &err), 0);
	fakehost_config(a.fake, OTHER, 0x10, 0x33);
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	close(lock);
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	act_finish(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_switch_is_watched_and_nothing_else),
		cmocka_unit_test(who_changed_is_named),
		cmocka_unit_test(whom_nobody_resets_may_go_on_working),
		cmocka_unit_test(who_is_pulled_out_or_dark_is_named),
		cmocka_unit_test(another_lane_does_with_its_own_what_it_likes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

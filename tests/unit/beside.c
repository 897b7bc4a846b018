/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/beside.h"

#include "base/str.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* A lane with the GPU alone, or with its audio function, and an act on them. */
struct act {
	struct fakehost *fake;
	struct lane_device devs[2];
	struct scenario scenario;
	struct step step;
	struct emitter out;
	int other;
	struct step_ctx ctx;
	struct beside_memory memory; /* of the lane: from one act to the next */
	struct beside beside;
	struct result res;
};

static void take(struct act *a, struct lane_device *dev, const char *bdf, struct pcidev_list *all)
{
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	dev->pci = *pcidev_find(all, b);
	a->ctx.ndevs++;
}

static void act_begin_on(struct act *a, struct fakehost *fake, enum reset_scope scope, bool audio)
{
	struct pcidev_list all = {0};
	struct err err = {0};
	int pair[2];
	size_t i;

	*a = (struct act){.fake = fake, .step.name = "flr"};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	a->out.fd = pair[0];
	a->other = pair[1];
	a->ctx = (struct step_ctx){.host = fakehost_host(a->fake),
		.scenario = &a->scenario,
		.step = &a->step,
		.devs = a->devs,
		.out = &a->out,
		.beside = &a->memory,
		.deadline_ns = clock_mono_ns() + 60 * NS_PER_S};
	assert_int_equal(pcidev_scan_nameless(a->ctx.host, &all, &err), 0);
	take(a, &a->devs[0], GPU, &all);
	if (audio)
		take(a, &a->devs[1], AUDIO, &all);
	a->beside.silent_ns = 300 * NS_PER_MS;
	a->beside.settle_ns = 1;
	for (i = a->ctx.ndevs; i-- > 0;) {
		a->ctx.dev = &a->devs[i];
		beside_add(&a->beside, &a->ctx, &all, scope);
	}
	pcidev_list_finish(&all);
	beside_observe(&a->beside);
}

static void act_begin(struct act *a, enum reset_scope scope)
{
	act_begin_on(a, fakehost_new(machine, sizeof(machine) / sizeof(machine[0])), scope, false);
	a->scenario.bystanders = BYSTANDERS_FAIL;
}

static enum outcome act_end(struct act *a)
{
	return beside_judge(&a->beside, OUTCOME_PASS, &a->res);
}

static void act_finish(struct act *a)
{
	beside_finish(&a->beside);
	beside_forget(&a->memory);
	close(a->out.fd);
	close(a->other);
	fakehost_free(a->fake);
}

/* The next event of that kind that the act told of. */
static const char *told(struct act *a, enum event_kind kind)
{
	static struct event ev;

	while (recv(a->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		if (ev.kind == kind)
			return ev.text;
	return "";
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

static void the_scenario_says_what_a_bystander_s_difference_means(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	a.scenario.bystanders = BYSTANDERS_REPORT;
	fakehost_config(a.fake, OTHER, 0x08, 0x77);
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	assert_string_equal(
		told(&a, EV_LANE_NOTE), OTHER ", beside " GPU ": revision is 77, was 00 (flr)");
	fakehost_config(a.fake, VF, 0x08, 0x77); /* whom the act takes along is no bystander */
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	if (!str_starts(a.res.detail, VF ", reached"))
		fail_msg("%s", a.res.detail);
	act_finish(&a);
}

static void what_has_failed_or_heals_is_not_failed_by_it(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	fakehost_config(a.fake, VF, 0x08, 0x77);
	result_fail(&a.res, "reset-failed", "it did not work");
	assert_int_equal(beside_judge(&a.beside, OUTCOME_FAIL, &a.res), OUTCOME_FAIL);
	assert_string_equal(a.res.reason, "reset-failed");
	assert_true(str_starts(told(&a, EV_LANE_NOTE), VF ", reached by the reset of " GPU));
	a.res = (struct result){0};
	a.beside.heals = true;
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	assert_true(str_starts(told(&a, EV_LANE_NOTE), VF));
	result_fail(&a.res, "wedged", "it hangs");
	assert_int_equal(beside_judge(&a.beside, OUTCOME_FAIL, &a.res), OUTCOME_FAIL);
	assert_string_equal(told(&a, EV_LANE_NOTE), "");
	act_finish(&a);
}

static void several_devices_of_a_lane_have_each_neighbour_once(void **state)
{
	struct act a;

	(void)state;
	act_begin_on(&a, fakehost_new(machine, sizeof(machine) / sizeof(machine[0])),
		SCOPE_FUNCTION, true);
	assert_int_equal(a.beside.list.n, 5);
	assert_false(watches(&a, AUDIO, false));
	assert_true(watches(&a, VF, true));
	act_finish(&a);
}

/* Somebody else's reset is under way: what is seen then is neither a measure nor a difference. */
static void who_is_being_reset_by_others_is_left_in_peace(void **state)
{
	struct act a;
	size_t i;

	(void)state;
	act_begin_on(&a, fakehost_new(machine, sizeof(machine) / sizeof(machine[0])),
		SCOPE_FUNCTION, false);
	for (i = 0; i < 4; i++)
		fakehost_config(a.fake, OTHER, 0x10 + i, 0);
	beside_observe(&a.beside);
	fakehost_config(a.fake, OTHER, 0x10, 0x33);
	a.scenario.bystanders = BYSTANDERS_FAIL;
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	act_finish(&a);
}

static void a_difference_that_passes_is_none(void **state)
{
	struct act a;
	pid_t pid;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	a.beside.settle_ns = 5 * NS_PER_S;
	fakehost_config(a.fake, OTHER, 0x08, 0x77);
	pid = fork();
	if (pid == 0) {
		poll(NULL, 0, 100);
		fakehost_config(a.fake, OTHER, 0x08, 0x00);
		_exit(0);
	}
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	waitpid(pid, NULL, 0);
	act_finish(&a);
}

/* A FIFO without a writer blocks its reader, as a device under reset does. */
static void falls_silent(const struct act *a, const char *path)
{
	char full[HOST_PATH_MAX], kept[HOST_PATH_MAX];

	host_path(a->ctx.host, full, "%s", path);
	assert_int_equal(rename(full, host_path(a->ctx.host, kept, "%s.kept", path)), 0);
	assert_int_equal(mkfifo(full, 0644), 0);
}

static void answers_again(const struct act *a, const char *path)
{
	char full[HOST_PATH_MAX], kept[HOST_PATH_MAX];

	host_path(a->ctx.host, full, "%s", path);
	assert_int_equal(rename(host_path(a->ctx.host, kept, "%s.kept", path), full), 0);
}

static void who_does_not_answer_does_not_hide_the_others(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	falls_silent(&a, DEVS AUDIO "/config");
	fakehost_config(a.fake, OTHER, 0x08, 0x77);
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	assert_non_null(strstr(a.res.detail,
		AUDIO ", beside " GPU ": reading the state of " AUDIO ": no answer within"));
	assert_non_null(strstr(a.res.detail, OTHER ", beside " GPU ": revision is 77"));
	beside_observe(&a.beside);
	assert_true(str_starts(told(&a, EV_BLIND_SPOT), AUDIO ", beside " GPU ": what the steps"));
	assert_int_equal(act_end(&a), OUTCOME_PASS); /* that it does not answer is no news */
	act_finish(&a);
}

/* How long the act asked for before it told that a neighbour differs; 0 = it did not ask before. */
static int64_t asked_first(struct act *a)
{
	int64_t asked_ns = 0;
	struct event ev;

	while (recv(a->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev)) {
		if (ev.kind == EV_MORE_TIME)
			asked_ns = ev.dur_ns;
		if (ev.kind == EV_DEVICE_STATE)
			break;
	}
	return asked_ns;
}

/* Else the supervisor kills the lane at the act's bound, and its finding is lost. */
static void time_for_the_look_is_asked_for(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	assert_string_equal(told(&a, EV_MORE_TIME), "");
	falls_silent(&a, DEVS AUDIO "/config");
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	assert_true(asked_first(&a) >= 2 * ORACLE_NS + a.beside.settle_ns);
	result_fail(&a.res, "wedged", "it hangs"); /* then there is no look */
	assert_int_equal(beside_judge(&a.beside, OUTCOME_FAIL, &a.res), OUTCOME_FAIL);
	assert_int_equal(asked_first(&a), 0);
	act_finish(&a);
}

static int64_t took_to_observe(struct act *a)
{
	int64_t began_ns = clock_mono_ns();

	beside_observe(&a->beside);
	return clock_mono_ns() - began_ns;
}

/* A neighbour that is dead for the night must not make each of its thousand steps slower. */
static void who_was_silent_before_is_not_waited_for_again(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	falls_silent(&a, DEVS AUDIO "/config");
	a.beside.silent_ns = 1500 * NS_PER_MS;
	assert_true(took_to_observe(&a) >= a.beside.silent_ns);
	assert_true(took_to_observe(&a) < a.beside.silent_ns);
	assert_true(str_starts(told(&a, EV_BLIND_SPOT), AUDIO ", beside "));
	fakehost_config(a.fake, OTHER, 0x08, 0x77); /* and hides nobody */
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	/* once it answers, it is waited for as the others are */
	answers_again(&a, DEVS AUDIO "/config");
	beside_observe(&a.beside);
	fakehost_config(a.fake, AUDIO, 0x08, 0x77);
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	assert_non_null(strstr(a.res.detail, AUDIO ", beside " GPU ": revision is 77"));
	falls_silent(&a, DEVS AUDIO "/config");
	assert_true(took_to_observe(&a) >= a.beside.silent_ns);
	act_finish(&a);
}

/* The bound of a step is made for the step. */
static void what_the_look_before_it_took_is_no_time_of_the_step(void **state)
{
	int64_t deadline_ns;
	struct event ev;
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	deadline_ns = a.ctx.deadline_ns;
	assert_string_equal(told(&a, EV_MORE_TIME), "");
	falls_silent(&a, DEVS AUDIO "/config");
	beside_observe(&a.beside);
	assert_true(a.ctx.deadline_ns >= deadline_ns + a.beside.silent_ns);
	while (recv(a.other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev) &&
		ev.kind != EV_MORE_TIME)
		;
	assert_int_equal(ev.kind, EV_MORE_TIME);
	assert_true(clock_mono_ns() + ev.dur_ns >= a.ctx.deadline_ns);
	act_finish(&a);
}

static void who_sleeps_is_not_woken_and_who_is_dead_is_seen(void **state)
{
	struct act a;

	(void)state;
	act_begin(&a, SCOPE_FUNCTION);
	fakehost_config(a.fake, OTHER, 0x08, 0x77);
	fakehost_write(a.fake, DEVS OTHER "/power_state", "D3cold\n");
	fakehost_write(a.fake, DEVS OTHER "/power/runtime_status", "suspended\n");
	assert_int_equal(act_end(&a), OUTCOME_PASS);
	fakehost_write(a.fake, DEVS OTHER "/power/runtime_status", "active\n");
	assert_int_equal(act_end(&a), OUTCOME_FAIL);
	act_finish(&a);
}

/* A root port with so many functions below it. */
static struct fakehost *crowd(size_t n)
{
	struct fake_dev *devs = calloc(n + 1, sizeof(*devs));
	char(*names)[BDF_LEN] = calloc(n, BDF_LEN);
	struct fakehost *fake;
	size_t i;

	devs[0] = (struct fake_dev){.bdf = "0000:00:01.0", .secondary = 3, .driver = "pcieport"};
	for (i = 0; i < n; i++) {
		snprintf(names[i], BDF_LEN, "0000:03:%02zx.%zu", i / 8 % 32, i % 8);
		devs[i + 1] = (struct fake_dev){.bdf = names[i], .parent = devs[0].bdf};
	}
	fake = fakehost_new(devs, n + 1);
	free(names);
	free(devs);
	return fake;
}

static void how_many_are_left_out_is_said(void **state)
{
	struct act a;

	(void)state;
	act_begin_on(&a, crowd(137), SCOPE_FUNCTION, false);
	assert_int_equal(a.beside.list.n, 128);
	assert_string_equal(told(&a, EV_BLIND_SPOT),
		"9 functions beside " GPU
		": what the steps do to them is not seen, for no more than 128 are looked at");
	assert_int_equal(act_end(&a), OUTCOME_PASS);
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
		cmocka_unit_test(the_scenario_says_what_a_bystander_s_difference_means),
		cmocka_unit_test(what_has_failed_or_heals_is_not_failed_by_it),
		cmocka_unit_test(several_devices_of_a_lane_have_each_neighbour_once),
		cmocka_unit_test(who_is_being_reset_by_others_is_left_in_peace),
		cmocka_unit_test(a_difference_that_passes_is_none),
		cmocka_unit_test(who_does_not_answer_does_not_hide_the_others),
		cmocka_unit_test(time_for_the_look_is_asked_for),
		cmocka_unit_test(who_was_silent_before_is_not_waited_for_again),
		cmocka_unit_test(what_the_look_before_it_took_is_no_time_of_the_step),
		cmocka_unit_test(who_sleeps_is_not_woken_and_who_is_dead_is_seen),
		cmocka_unit_test(how_many_are_left_out_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

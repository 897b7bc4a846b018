/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm_news.h"

#include "base/clock.h"
#include "base/vec.h"

#include "cmocka_all.h"
#include <poll.h>
#include <string.h>

#define RUNS                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}
#define OFF                                                                                        \
	{                                                                                          \
		.off = true                                                                        \
	}
#define PAUSED                                                                                     \
	{                                                                                          \
		.paused = true, .pause = PAUSE_USER                                                \
	}

static const struct {
	const char *what;
	struct vm_news news;
	enum vm_expect expect;
	struct vm_actual actual;
	enum vm_why why;
} cases[] = {
	{"all is as expected", {0}, EXPECT_RUNNING, RUNS, VM_OK},
	{"our own pause", {0}, EXPECT_PAUSED, PAUSED, VM_OK},
	{"our own stop", {.stopped = STOP_DESTROYED}, EXPECT_OFF, OFF, VM_OK},
	{"on its way down", {.guest_off = true}, EXPECT_STOPPING, RUNS, VM_OK},
	{"virsh destroy", {.stopped = STOP_DESTROYED}, EXPECT_RUNNING, OFF, VM_STOPPED_BY_OTHER},
	{"virsh save", {.stopped = STOP_SAVED}, EXPECT_RUNNING, OFF, VM_STOPPED_BY_OTHER},
	{"virsh shutdown", {.stopped = STOP_GUEST, .guest_off = true, .power_button = true},
		EXPECT_RUNNING, OFF, VM_STOPPED_BY_OTHER},
	{"poweroff in the guest", {.stopped = STOP_GUEST, .guest_off = true}, EXPECT_RUNNING, OFF,
		VM_GUEST_STOPPED},
	{"poweroff, libvirt is slow", {.guest_off = true}, EXPECT_RUNNING, OFF, VM_GUEST_STOPPED},
	{"kill of QEMU", {.stopped = STOP_GUEST, .signalled = true}, EXPECT_RUNNING, OFF,
		VM_QEMU_DIED},
	{"kill -9 of QEMU", {.stopped = STOP_FAILED}, EXPECT_RUNNING, OFF, VM_QEMU_DIED},
	{"kill -9, libvirt is silent", {0}, EXPECT_RUNNING, OFF, VM_QEMU_DIED},
	{"on_crash destroy", {.stopped = STOP_CRASHED}, EXPECT_RUNNING, OFF, VM_GUEST_PANICKED},
	{"a panic that goes on", {.panicked = true}, EXPECT_RUNNING, RUNS, VM_GUEST_PANICKED},
	{"a panic while stopping", {.panicked = true}, EXPECT_STOPPING, RUNS, VM_GUEST_PANICKED},
	{"VFIO's error", {0}, EXPECT_RUNNING, {.paused = true, .pause = PAUSE_ERROR},
		VM_GUEST_PAUSED},
	{"on_crash preserve", {0}, EXPECT_RUNNING, {.paused = true, .pause = PAUSE_PANIC},
		VM_GUEST_PANICKED},
	{"virsh suspend", {0}, EXPECT_RUNNING, PAUSED, VM_PAUSED_BY_OTHER},
	{"virsh resume", {0}, EXPECT_PAUSED, RUNS, VM_RESUMED_BY_OTHER},
	{"autostart", {0}, EXPECT_OFF, RUNS, VM_STARTED_BY_OTHER},
	{"virsh undefine", {.undefined = true}, EXPECT_RUNNING, RUNS, VM_UNDEFINED_BY_OTHER},
	{"libvirtd is gone", {.lost = true}, EXPECT_RUNNING, RUNS, VM_LIBVIRT_LOST},
	{"libvirtd hangs", {.lost = true, .silent = true}, EXPECT_RUNNING, RUNS, VM_LIBVIRT_SILENT},
	{"it has another name", {.renamed = true}, EXPECT_OFF, OFF, VM_RENAMED_BY_OTHER},
	{"a triple fault", {.resets = 1}, EXPECT_RUNNING, RUNS, VM_GUEST_REBOOTED},
	{"virsh reset", {.resets = 1, .reset_by_host = true}, EXPECT_RUNNING, RUNS,
		VM_RESET_BY_OTHER},
	{"a guest watchdog", {.watchdog = true}, EXPECT_RUNNING, RUNS, VM_GUEST_WATCHDOG},
};

static void each_difference_between_what_is_and_what_should_be_has_its_reason(void **state)
{
	char seen[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		enum vm_why why = news_judge(
			&cases[i].news, cases[i].expect, cases[i].actual, 0, seen, sizeof(seen));

		if (why != cases[i].why)
			fail_msg("%s: %s, not %s", cases[i].what, vm_why_row(why)->id,
				vm_why_row(cases[i].why)->id);
	}
}

static void a_reset_that_is_known_is_no_trouble(void **state)
{
	const struct vm_news news = {.resets = 3};
	const struct vm_actual runs = {0};
	char seen[200];

	(void)state;
	assert_int_equal(news_judge(&news, EXPECT_RUNNING, runs, 3, seen, sizeof(seen)), VM_OK);
	assert_int_equal(
		news_judge(&news, EXPECT_RUNNING, runs, 2, seen, sizeof(seen)), VM_GUEST_REBOOTED);
}

static bool readable(const struct vm_ear *ear)
{
	struct pollfd p = {.fd = ear_fd(ear), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void events_of_qemu_are_heard_and_wake_the_listener(void **state)
{
	struct vm_ear *ear = ear_new();
	struct vm_news n;

	(void)state;
	assert_false(readable(ear));
	ear_qemu_event(ear, "RTC_CHANGE", 0, "{}");
	assert_false(readable(ear));
	ear_qemu_event(ear, "RESET", 0, "{\"guest\":true,\"reason\":\"guest-reset\"}");
	assert_true(readable(ear));
	ear_drain(ear);
	assert_false(readable(ear));
	n = ear_take(ear);
	assert_int_equal(n.resets, 1);
	assert_false(n.reset_by_host);
	assert_int_equal(n.count, 1);

	ear_qemu_event(ear, "RESET", 0, "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
	ear_qemu_event(ear, "SHUTDOWN", 0, "{\"guest\":false,\"reason\":\"host-signal\"}");
	ear_qemu_event(ear, "GUEST_PANICKED", 0, "{\"action\":\"pause\",\"info\":{}}\x1b[2J");
	n = ear_take(ear);
	assert_true(n.reset_by_host);
	assert_false(n.guest_off);
	assert_true(n.panicked);
	assert_string_equal(n.words, "{\"action\":\"pause\",\"info\":{}}\\x1b[2J");

	ear_forget(ear);
	n = ear_take(ear);
	assert_int_equal(n.count, 4);
	assert_false(n.panicked);
	ear_free(ear);
}

static void the_time_of_a_reset_is_qemus_own_and_never_in_the_future(void **state)
{
	struct vm_ear *ear = ear_new();
	int64_t ago = clock_wall_ns() - 300 * NS_PER_MS, n;

	(void)state;
	ear_qemu_event(ear, "RESET", ago, NULL);
	n = clock_mono_ns() - ear_take(ear).reset_ns;
	assert_in_range(n, 300 * NS_PER_MS, 5 * NS_PER_S);
	ear_qemu_event(ear, "RESET", clock_wall_ns() + 3600 * NS_PER_S, NULL);
	assert_true(ear_take(ear).reset_ns <= clock_mono_ns());
	ear_free(ear);
}

static void every_reason_has_its_word_sentence_and_advice(void **state)
{
	int i, k;

	(void)state;
	for (i = VM_OK + 1; i < VM_WHY_COUNT; i++) {
		const struct vm_why_row *row = vm_why_row((enum vm_why)i);

		assert_non_null(row->id);
		assert_true(strspn(row->id, "abcdefghijklmnopqrstuvwxyz-") == strlen(row->id));
		assert_true(strlen(row->id) > 3 && strlen(row->id) < 40);
		assert_non_null(row->sentence);
		assert_true(strlen(row->advice) < sizeof(((struct err *)0)->hint));
		assert_int_not_equal(row->blame, VM_BLAME_NOBODY);
		for (k = VM_OK; k < i; k++)
			assert_string_not_equal(row->id, vm_why_row((enum vm_why)k)->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_difference_between_what_is_and_what_should_be_has_its_reason),
		cmocka_unit_test(a_reset_that_is_known_is_no_trouble),
		cmocka_unit_test(events_of_qemu_are_heard_and_wake_the_listener),
		cmocka_unit_test(the_time_of_a_reset_is_qemus_own_and_never_in_the_future),
		cmocka_unit_test(every_reason_has_its_word_sentence_and_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/loop.h"

#include "base/clock.h"

#include "cmocka_all.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What was called, one letter each, in order. */
struct journal {
	struct loop *loop;
	char text[32];
	size_t len;
	struct loop_timer first, second;
	int fds[2];
};

static void note(struct journal *j, char c)
{
	if (j->len + 1 < sizeof(j->text))
		j->text[j->len++] = c;
}

static void on_first(void *arg)
{
	note(arg, '1');
}

static void on_second(void *arg)
{
	struct journal *j = arg;

	note(j, '2');
	loop_stop(j->loop);
}

static void on_pipe(void *arg)
{
	struct journal *j = arg;
	char c;

	assert_int_equal(read(j->fds[0], &c, 1), 1);
	note(j, c);
	if (c == 'z')
		loop_stop(j->loop);
}

static void on_signal(void *arg, int sig)
{
	struct journal *j = arg;

	note(j, sig == SIGUSR1 ? 's' : '?');
	loop_stop(j->loop);
}

static int set_up(void **state)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct err err;

	if (j == NULL || pipe(j->fds) != 0)
		return -1;
	*state = j;
	return loop_open(&j->loop, &err);
}

static int tear_down(void **state)
{
	struct journal *j = *state;

	loop_close(j->loop);
	close(j->fds[0]);
	close(j->fds[1]);
	free(j);
	return 0;
}

static void timers_run_in_the_order_of_their_time(void **state)
{
	struct journal *j = *state;
	int64_t now = clock_mono_ns();
	struct err err;

	loop_timer_set(j->loop, &j->second, now + 2, on_second, j);
	loop_timer_set(j->loop, &j->first, now + 1, on_first, j);
	assert_int_equal(loop_run(j->loop, &err), 0);
	assert_string_equal(j->text, "12");
}

static void a_timer_that_is_set_again_moves(void **state)
{
	struct journal *j = *state;
	int64_t now = clock_mono_ns();
	struct err err;

	loop_timer_set(j->loop, &j->first, now, on_first, j);
	loop_timer_set(j->loop, &j->first, now + 3600 * NS_PER_S, on_first, j);
	loop_timer_set(j->loop, &j->second, now + 1, on_second, j);
	assert_int_equal(loop_run(j->loop, &err), 0);
	assert_string_equal(j->text, "2");
	assert_true(j->first.set);
	loop_timer_clear(j->loop, &j->first);
	assert_false(j->first.set);
}

static void a_readable_descriptor_calls_its_function_until_it_is_unwatched(void **state)
{
	struct journal *j = *state;
	struct err err;

	assert_int_equal(loop_watch(j->loop, j->fds[0], on_pipe, j, &err), 0);
	assert_int_equal(write(j->fds[1], "xyz", 3), 3);
	assert_int_equal(loop_run(j->loop, &err), 0);
	assert_string_equal(j->text, "xyz");
	loop_unwatch(j->loop, j->fds[0]);
	assert_int_equal(write(j->fds[1], "q", 1), 1);
	loop_timer_set(j->loop, &j->second, clock_mono_ns() + 1, on_second, j);
	assert_int_equal(loop_run(j->loop, &err), 0);
	assert_string_equal(j->text, "xyz2");
}

static void signals_come_through_the_loop(void **state)
{
	static const int signals[] = {SIGUSR1, 0};
	struct journal *j = *state;
	struct err err;

	assert_int_equal(loop_signals(j->loop, signals, on_signal, j, &err), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(loop_run(j->loop, &err), 0);
	assert_string_equal(j->text, "s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			timers_run_in_the_order_of_their_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_timer_that_is_set_again_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_readable_descriptor_calls_its_function_until_it_is_unwatched, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(signals_come_through_the_loop, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

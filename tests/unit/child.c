/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/child.h"

#include "base/clock.h"

#include "cmocka_all.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t in_ms(int64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

static int answer(void *arg, int reply_fd)
{
	const char *text = arg;

	return write(reply_fd, text, strlen(text)) == (ssize_t)strlen(text) ? 7 : 1;
}

static int sleep_3s(void *arg, int reply_fd)
{
	(void)arg, (void)reply_fd;
	poll(NULL, 0, 3000);
	return 0;
}

static int crash(void *arg, int reply_fd)
{
	(void)arg, (void)reply_fd;
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
	return 0;
}

static int survive(void *arg, int reply_fd)
{
	(void)arg;
	kill(getpid(), SIGINT);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGHUP);
	return write(reply_fd, "alive", 5) == 5 ? 0 : 1;
}

static void what_is_sent_to_all_does_not_cut_it(void **state)
{
	struct child_result res;
	char reply[8] = "";
	struct err err;

	(void)state;
	assert_int_equal(
		child_call(survive, NULL, reply, sizeof(reply), in_ms(5000), &res, &err), 0);
	assert_int_equal(res.status, 0);
	assert_string_equal(reply, "alive");
}

static void what_a_child_writes_and_returns_comes_back(void **state)
{
	struct child_result res;
	char reply[8] = "";
	struct err err;

	(void)state;
	assert_int_equal(
		child_call(answer, (char *)"hello", reply, sizeof(reply), in_ms(5000), &res, &err),
		0);
	assert_int_equal(res.status, 7);
	assert_int_equal(res.len, 5);
	assert_memory_equal(reply, "hello", 5);
	assert_int_equal(res.left, 0);
}

static void a_reply_that_is_too_long_is_cut(void **state)
{
	struct child_result res;
	char reply[3];
	struct err err;

	(void)state;
	assert_int_equal(
		child_call(answer, (char *)"hello", reply, sizeof(reply), in_ms(5000), &res, &err),
		0);
	assert_int_equal(res.len, 3);
	assert_int_equal(res.status, 7);
}

static void a_child_that_dies_says_by_which_signal(void **state)
{
	struct child_result res;
	struct err err;

	(void)state;
	assert_int_equal(child_call(crash, NULL, NULL, 0, in_ms(5000), &res, &err), 0);
	assert_int_equal(res.status, 128 + SIGABRT);
	assert_string_equal(res.stood, "");
}

static void at_the_deadline_it_is_killed_and_gone(void **state)
{
	struct child_result res;
	struct err err;

	(void)state;
	assert_int_equal(child_call(sleep_3s, NULL, NULL, 0, in_ms(100), &res, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(res.left, 0);
	assert_int_equal(res.status, 128 + SIGKILL);
	assert_memory_equal(res.stood, "S (sleeping), in ", strlen("S (sleeping), in "));
	assert_true(res.took_ns < 2 * NS_PER_S);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void a_signal_does_not_make_it_wait_longer(void **state)
{
	const struct sigaction catch = {.sa_handler = on_alarm};
	const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	struct child_result res;
	struct err err;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &catch, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(child_call(sleep_3s, NULL, NULL, 0, in_ms(300), &res, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(res.took_ns < 2 * NS_PER_S);
}

static int say_and_stay(void *arg, int reply_fd)
{
	(void)reply_fd;
	if (write(*(int *)arg, "x", 1) != 1)
		return 1;
	poll(NULL, 0, 30000);
	return 0;
}

/* The descriptor that the child got tells when it is gone. */
static void it_dies_with_the_one_who_called_it(void **state)
{
	struct child_result res;
	struct pollfd p;
	char byte;
	pid_t pid;
	int ends[2];
	struct err err;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(child_call(say_and_stay, &ends[1], NULL, 0, in_ms(30000), &res, &err) != 0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void one_that_was_left_is_gone_only_when_it_is(void **state)
{
	struct rlimit was;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_false(child_left_ends(pid, in_ms(50)));
	/* without a descriptor nothing can be told */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, was.rlim_max}), 0);
	assert_false(child_left_ends(pid, in_ms(50)));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	kill(pid, SIGKILL);
	assert_true(child_left_ends(pid, in_ms(2000)));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_true(child_left_ends(pid, in_ms(50)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_child_writes_and_returns_comes_back),
		cmocka_unit_test(what_is_sent_to_all_does_not_cut_it),
		cmocka_unit_test(a_reply_that_is_too_long_is_cut),
		cmocka_unit_test(a_child_that_dies_says_by_which_signal),
		cmocka_unit_test(at_the_deadline_it_is_killed_and_gone),
		cmocka_unit_test(a_signal_does_not_make_it_wait_longer),
		cmocka_unit_test(it_dies_with_the_one_who_called_it),
		cmocka_unit_test(one_that_was_left_is_gone_only_when_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

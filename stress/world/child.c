/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/child.h"

#include "base/clock.h"
#include "base/mem.h"
#include "world/task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_GRACE_NS (2 * NS_PER_S) /* a killable task is gone long before that */

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * Nobody would be left to end it at its deadline. What sleeps in the kernel uninterruptibly does its
 * work first; anything else has nobody to tell.
 */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static void run_child(child_fn *fn, void *arg, int reply_fd, pid_t parent)
{
	sigset_t none;

	die_with(parent);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* what a terminal or a service manager sends to all must not cut a reset in half */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	_exit(fn(arg, reply_fd) & 0xff);
}

/* Collects the reply until the writer closes it (it ends) or the deadline comes. */
static int collect(int fd, void *reply, size_t size, int64_t deadline_ns, size_t *len)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, clock_poll_ms(deadline_ns));
		char sink[256];
		ssize_t n;

		if (ready < 0 && errno == EINTR) /* to read now could block */
			continue;
		if (ready <= 0)
			return -1;
		n = *len < size ? read(fd, (char *)reply + *len, size - *len)
				: read(fd, sink, sizeof(sink));
		if (n == 0)
			return 0;
		if (n > 0 && *len < size)
			*len += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			return 0;
	}
}

static bool wait_exit(int pidfd, int64_t deadline_ns)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int n;

	do {
		n = poll(&p, 1, clock_poll_ms(deadline_ns));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static void tell_where(pid_t pid, char *buf, size_t size)
{
	char task[32], state[32], place[CHILD_STOOD_MAX - 40];

	snprintf(task, sizeof(task), "/proc/%d", (int)pid);
	task_state(task, state, sizeof(state));
	task_place(task, place, sizeof(place));
	snprintf(buf, size, "%s, in %s", state, place);
}

int child_call(child_fn *fn, void *arg, void *reply, size_t size, int64_t deadline_ns,
	struct child_result *out, struct err *err)
{
	int64_t start = clock_mono_ns();
	struct child_result res = {0};
	int pipe_fds[2], status = 0;
	pid_t parent = getpid(), pid;
	bool in_time;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, errno, "pipe");
	pid = fork();
	if (pid < 0) {
		int sys = errno;

		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return err_set(err, ERR_IO, sys, "fork");
	}
	if (pid == 0) {
		close(pipe_fds[0]);
		run_child(fn, arg, pipe_fds[1], parent);
	}
	close(pipe_fds[1]);
	auto_close int reply_fd = pipe_fds[0];
	auto_close int pidfd = open_pidfd(pid);

	in_time = collect(reply_fd, reply, size, deadline_ns, &res.len) == 0 &&
		wait_exit(pidfd, deadline_ns);
	if (!in_time) {
		tell_where(pid, res.stood, sizeof(res.stood));
		kill(pid, SIGKILL);
		if (!wait_exit(pidfd, clock_mono_ns() + KILL_GRACE_NS))
			res.left = pid;
	}
	if (res.left == 0 && waitpid(pid, &status, 0) == pid)
		res.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	res.took_ns = clock_mono_ns() - start;
	*out = res;
	if (!in_time)
		return err_set(err, ERR_TIMEOUT, 0, "no answer within %lld ms",
			(long long)((deadline_ns - start) / NS_PER_MS));
	return 0;
}

bool child_left_ends(pid_t left, int64_t deadline_ns)
{
	auto_close int pidfd = open_pidfd(left);

	if (pidfd < 0)
		return errno == ESRCH;
	if (!wait_exit(pidfd, deadline_ns))
		return false;
	waitpid(left, NULL, WNOHANG);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct watch {
	int fd;
	loop_fn *fn;
	void *arg;
};

/* What one loop_signals asked for. */
struct signals {
	int fd;
	loop_signal_fn *fn;
	void *arg;
};

#define SIGNALS_MAX 2

struct loop {
	int epoll_fd;
	VEC(struct watch) watches;
	struct loop_timer *timers; /* sorted by time: a run has a handful */
	struct signals signals[SIGNALS_MAX];
	size_t nsignals;
	bool stop;
};

int loop_open(struct loop **out, struct err *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return err_set(err, ERR_IO, errno, "epoll_create");
	}
	*out = loop;
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->nsignals > 0)
		close(loop->signals[--loop->nsignals].fd);
	close(loop->epoll_fd);
	vec_finish(&loop->watches);
	free(loop);
}

int loop_watch(struct loop *loop, int fd, loop_fn *fn, void *arg, struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return err_set(err, ERR_IO, errno, "watch descriptor %d", fd);
	*vec_push(&loop->watches) = (struct watch){fd, fn, arg};
	return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
	size_t i;

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	for (i = 0; i < loop->watches.n; i++) {
		if (loop->watches.v[i].fd == fd) {
			loop->watches.v[i] = loop->watches.v[--loop->watches.n];
			return;
		}
	}
}

void loop_timer_clear(struct loop *loop, struct loop_timer *t)
{
	struct loop_timer **p;

	if (!t->set)
		return;
	for (p = &loop->timers; *p != NULL; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->set = false;
}

void loop_timer_set(
	struct loop *loop, struct loop_timer *t, int64_t when_ns, loop_fn *fn, void *arg)
{
	struct loop_timer **p = &loop->timers;

	loop_timer_clear(loop, t);
	while (*p != NULL && (*p)->when_ns <= when_ns)
		p = &(*p)->next;
	*t = (struct loop_timer){.when_ns = when_ns, .fn = fn, .arg = arg, .next = *p, .set = true};
	*p = t;
}

static void read_signals(void *arg)
{
	const struct signals *s = arg;
	struct signalfd_siginfo info;

	while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		s->fn(s->arg, (int)info.ssi_signo);
}

int loop_signals(
	struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg, struct err *err)
{
	struct signals *s = &loop->signals[loop->nsignals];
	sigset_t set;
	int fd;

	assert(loop->nsignals < SIGNALS_MAX);
	/* one that our parent has us ignore (nohup, `cmd &`) stays ignored: blocked, it would be queued */
	sigemptyset(&set);
	for (; *signals != 0; signals++) {
		struct sigaction old;

		if (sigaction(*signals, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&set, *signals);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(err, ERR_IO, errno, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(err, ERR_IO, errno, "signalfd");
	*s = (struct signals){fd, fn, arg};
	loop->nsignals++;
	return loop_watch(loop, fd, read_signals, s, err);
}

int loop_signal_fd(const struct loop *loop)
{
	return loop->nsignals > 0 ? loop->signals[0].fd : -1;
}

static void run_timers(struct loop *loop)
{
	int64_t now = clock_mono_ns();

	while (loop->timers != NULL && loop->timers->when_ns <= now && !loop->stop) {
		struct loop_timer *t = loop->timers;

		loop_timer_clear(loop, t);
		t->fn(t->arg);
	}
}

static void dispatch(struct loop *loop, int fd)
{
	size_t i;

	for (i = 0; i < loop->watches.n; i++) {
		if (loop->watches.v[i].fd == fd) {
			loop->watches.v[i].fn(loop->watches.v[i].arg);
			return;
		}
	}
}

int loop_run(struct loop *loop, struct err *err)
{
	struct epoll_event events[16];
	int i, n;

	loop->stop = false;
	while (!loop->stop) {
		int64_t next = loop->timers ? loop->timers->when_ns : NEVER;

		n = epoll_wait(
			loop->epoll_fd, events, (int)ARRAY_SIZE(events), clock_poll_ms(next));
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, errno, "epoll_wait");
		/* a callback may unwatch a later one: it is then not found any more */
		for (i = 0; i < n && !loop->stop; i++)
			dispatch(loop, events[i].data.fd);
		run_timers(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_LOOP_H
#define VFIO_STRESS_WORLD_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* An epoll loop with timers and signals. Nothing in it may block. */
struct loop;

typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int sig);

int loop_open(struct loop **out, struct err *err) must_check;
void loop_close(struct loop *loop);

/* Calls fn whenever fd is readable or hung up. The fd stays the caller's. */
int loop_watch(struct loop *loop, int fd, loop_fn *fn, void *arg, struct err *err) must_check;
void loop_unwatch(struct loop *loop, int fd);

/* A deadline in the caller's memory; zeroed = not set. Setting it again moves it. */
struct loop_timer {
	int64_t when_ns; /* CLOCK_MONOTONIC */
	loop_fn *fn;
	void *arg;
	struct loop_timer *next;
	bool set;
};

void loop_timer_set(
	struct loop *loop, struct loop_timer *t, int64_t when_ns, loop_fn *fn, void *arg);
void loop_timer_clear(struct loop *loop, struct loop_timer *t);

/*
 * Blocks these signals (0-terminated) for the process and hands them to fn instead. May be asked for
 * twice, with others.
 */
int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg,
	struct err *err) must_check;

/*
 * Readable when a signal of the first loop_signals waits: for what must end early although the loop
 * does not run. -1: there was none.
 */
int loop_signal_fd(const struct loop *loop);

/* Runs until loop_stop. */
int loop_run(struct loop *loop, struct err *err) must_check;
void loop_stop(struct loop *loop);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_CHILD_H
#define VFIO_STRESS_WORLD_CHILD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Runs `fn(arg, reply_fd)` in a forked grandchild of the run with a deadline, so that a call that
 * sleeps in the kernel uninterruptibly cannot take the caller along. Whatever fn writes to
 * reply_fd (at most `size` bytes) comes back. Its exit status is fn's return value (0..255).
 * Returns 0 when it ended by itself; -1 with ERR_TIMEOUT when it is still there at the deadline: it
 * is then killed, and abandoned when it does not die (state D). It dies with the thread that calls.
 * fn may use only async-signal-safe calls and plain memory when the caller has threads.
 */
typedef int child_fn(void *arg, int reply_fd);

#define CHILD_STOOD_MAX 256

struct child_result {
	int status; /* fn's return value, or 128 + signal */
	size_t len; /* bytes in reply */
	int64_t took_ns;
	pid_t left; /* != 0: abandoned in the kernel, still there */
	/* where it was at the deadline, before it was killed: "D (disk sleep), in pci_dev_wait < ..." */
	char stood[CHILD_STOOD_MAX];
};

int child_call(child_fn *fn, void *arg, void *reply, size_t size, int64_t deadline_ns,
	struct child_result *out, struct err *err) must_check;

/* Waits for one that was left in the kernel: true when it is gone by the deadline. */
bool child_left_ends(pid_t left, int64_t deadline_ns);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_HOLDERS_H
#define VFIO_STRESS_DEVICE_HOLDERS_H

#include "base/err.h"
#include "world/host.h"

#include <stdbool.h>
#include <sys/types.h>

/* A device node that somebody may have open. */
struct node {
	char path[96]; /* "/dev/vfio/12"; a trailing '*' stands for any ending */
	unsigned major, minor; /* 0, 0 = known by path only */
};

struct holder {
	pid_t pid;
	size_t node; /* which of them */
	char name[32]; /* of the process, printable */
	char path[96]; /* what it has open */
};

/*
 * Finds a process, other than this one and `friend` (0 = none), that has one of the nodes open.
 * Returns 1 with *out, 0 when there is none, -1 (ERR_REFUSED) when some process cannot be looked
 * into. Reads only links in /proc/PID/fd and /proc/PID/comm: what else a process has there can
 * block on a task that is stuck.
 */
int holders_find(const struct host *host, const struct node *nodes, size_t n, pid_t friend,
	struct holder *out, struct err *err) must_check;
/*
 * Tells `fn` of every holder of one of the nodes, until it answers false. *blind: some process could
 * not be looked into.
 */
typedef bool holder_fn(void *arg, const struct holder *h);
int holders_each(const struct host *host, const struct node *nodes, size_t n, holder_fn *fn,
	void *arg, bool *blind, struct err *err) must_check;

#endif

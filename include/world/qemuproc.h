/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_QEMUPROC_H
#define VFIO_STRESS_WORLD_QEMUPROC_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host;

/* A domain's QEMU: the pid and, against its reuse, a pidfd. Zeroed with fd -1 = none. */
struct qemuproc {
	pid_t pid;
	int fd; /* readable when the process is dead */
};

/*
 * Finds the QEMU of a domain among the local processes: libvirt's pid file first, then /proc. It is
 * that one only when `-uuid UUID` is on its command line. -1 (ERR_ABSENT) when there is none.
 */
int qemuproc_find(const struct host *host, const char *name, const char *uuid, struct qemuproc *out,
	struct err *err) must_check;
/*
 * The same from libvirt's pid file alone, for who must not wait for a stuck process and so cannot read
 * its command line. 0 = none, or what has that pid is no QEMU. Only to look at, never to kill.
 */
pid_t qemuproc_hint(const struct host *host, const char *name);
void qemuproc_finish(struct qemuproc *p);
bool qemuproc_alive(const struct qemuproc *p); /* false also when there is none */
/* Waits until it is dead; false at the deadline. */
bool qemuproc_wait_dead(const struct qemuproc *p, int64_t deadline_ns);
/* SIGKILL through the pidfd, after a last look whether it is still that domain's. */
int qemuproc_kill(const struct host *host, const struct qemuproc *p, const char *uuid,
	struct err *err) must_check;
/* Was it stopped (state T)? Then SIGKILL is all that it hears, until somebody lets it go on. */
bool qemuproc_stopped(const struct host *host, pid_t pid);
/* Does one of its threads sleep in the kernel uninterruptibly (state D)? */
bool qemuproc_in_kernel(const struct host *host, pid_t pid);

#endif

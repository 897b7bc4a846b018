/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LANE_PROC_H
#define VFIO_STRESS_ENGINE_LANE_PROC_H

#include "base/err.h"
#include "model/event.h"
#include "model/scenario.h"
#include "world/host.h"

#include <sys/types.h>

/* A lane's process as the supervisor holds it. */
struct lane_proc {
	pid_t pid;
	int pidfd; /* readable when it has ended */
	int fd; /* SOCK_SEQPACKET, non-blocking */
};

/*
 * What a lane needs to read the same scenario again: sealed in memory, so that it is the text that
 * was checked, whatever happens to the file.
 */
struct lane_brief {
	const struct host *host;
	const struct scenario *scenario;
	const struct setting *settings;
	size_t nsettings;
};

#define LANE_SOCKET_FD 3 /* the descriptors that a lane finds */
#define LANE_BRIEF_FD  4
#define LANE_KEEP_FD   5

/* Starts the lane's process: this binary again, in a session of its own. keep_fd: lane_keep_new. */
int lane_proc_start(const struct lane_brief *brief, uint32_t lane, int keep_fd,
	struct lane_proc *out, struct err *err) must_check;
void lane_proc_close(struct lane_proc *p);
/* Closes our end of its socket, which tells it to end. */
void lane_proc_hang_up(struct lane_proc *p);
/* Sends an order; a lane that is gone is noticed elsewhere. */
void lane_proc_order(const struct lane_proc *p, enum order_kind kind, uint64_t value);
/* The answer to a request of the lane. */
void lane_proc_answer(const struct lane_proc *p, uint32_t ask, uint64_t value);
/* 1 = got one, 0 = none now, -1 = the lane has closed its end. */
int lane_proc_receive(const struct lane_proc *p, struct event *ev);
/* Waits until it has ended, at most until the deadline; its exit status in status_out. */
bool lane_proc_wait(const struct lane_proc *p, int64_t deadline_ns, int *status_out);

/* The lane's half: reads the brief back from descriptor `fd`. */
struct scenario *lane_brief_read(int fd, const struct vocabulary *words, struct err *err);

#endif

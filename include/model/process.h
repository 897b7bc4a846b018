/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_PROCESS_H
#define VFIO_STRESS_MODEL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host;

/*
 * Tells a process from all others that had its pid, will have it, or have it on another machine. 0: there
 * is none. Processes are always the real machine's, whatever host a run was simulated on; NULL = that one.
 */
int64_t process_mark(const struct host *host, pid_t pid);
/* Is it the very process that has that mark? */
bool process_lives(const struct host *host, int64_t pid, int64_t mark);

#endif

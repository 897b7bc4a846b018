/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_EVIDENCE_H
#define VFIO_STRESS_ENGINE_EVIDENCE_H

#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

struct host;
struct pcidev;

/*
 * Where a process that is stuck stands, its threads and descendants (world/task.h): one line for all
 * tasks that stand at the same place.
 */
void evidence_collect(pid_t pid, struct str *out);

/* Device nodes and kernel attributes that the process or a descendant has open: one line, or nothing. */
void evidence_files(pid_t pid, struct str *out);

/* Who has the VFIO groups of these devices open: a line for each. Looks into every process. */
void evidence_holders(
	const struct host *host, const struct pcidev *devs, size_t ndevs, struct str *out);

/*
 * Has the kernel print all tasks that sleep in it (sysrq w), when kernel.sysrq allows that. It does so
 * in a child, for a slow console holds up who asks; false = it is not allowed.
 */
bool evidence_ask_kernel(const struct host *host);

/* Is the process, a thread or a descendant of it in uninterruptible sleep (state D)? */
bool evidence_in_kernel(pid_t pid);

#endif

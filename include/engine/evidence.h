/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_EVIDENCE_H
#define VFIO_STRESS_ENGINE_EVIDENCE_H

#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * What can be seen of a process that is stuck, its threads and descendants, without getting stuck on
 * it: status, stack or wchan; never cmdline, maps or environ, whose reading takes the task's mmap lock.
 * One line for all tasks that stand at the same place.
 */
void evidence_collect(pid_t pid, struct str *out);

/* Is the process, a thread or a descendant of it in uninterruptible sleep (state D)? */
bool evidence_in_kernel(pid_t pid);

#endif

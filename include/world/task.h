/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_TASK_H
#define VFIO_STRESS_WORLD_TASK_H

#include <stddef.h>

/*
 * What can be seen of a process or a thread without getting stuck on it: status, stack or wchan; never
 * cmdline, maps or environ, whose reading takes the task's mmap lock. `task` is its folder: "/proc/7",
 * "/proc/7/task/9".
 */
void task_file(const char *task, const char *name, char *buf, size_t size); /* "": unreadable */
void task_state(const char *task, char *buf, size_t size); /* "D (disk sleep)", or "gone" */
/* Of its kernel stack the names, innermost first, "pci_dev_wait < pcie_flr < ..."; "?": not told. */
void task_place(const char *task, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LEAST_H
#define VFIO_STRESS_ENGINE_LEAST_H

/* Least privilege: what a process keeps that acts on the host for us. */

/* Of our environment, what it knows what to do with. The array is the caller's, its strings are ours. */
char **least_environment(void);

/*
 * Gives up for good, also for what we start, what root may do and a lane never does. Who is not root has
 * nothing to give up. Before the first thread: each has rights of its own.
 */
void least_rights(void);

#endif

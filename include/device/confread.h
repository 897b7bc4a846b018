/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_CONFREAD_H
#define VFIO_STRESS_DEVICE_CONFREAD_H

struct host;
struct topology;

/*
 * Reads the config space and driver_override of every function of t->devs into t->facts, in children
 * with deadlines: both wait for a reset in flight. What is in D3cold by its power_state is left to
 * sleep. Never fails: each function says what became of it. The caller must have no thread of its own.
 */
void confread_all(const struct host *host, struct topology *t);

#endif

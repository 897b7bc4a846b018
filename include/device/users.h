/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_USERS_H
#define VFIO_STRESS_DEVICE_USERS_H

struct host;
struct topology;

/*
 * Who has to do with each function: domains that pass it through, processes that have its nodes
 * open, and what the host itself does with it. Needs t->devs and t->domains. This explains; it is
 * the guard that asks for proof.
 */
void users_find(const struct host *host, struct topology *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_GUARD_H
#define VFIO_STRESS_DEVICE_GUARD_H

#include "base/err.h"
#include "world/pcidev.h"

#include <sys/types.h>

struct allow;

/* What a scenario lets be disturbed all the same, and who is told when that makes a difference. */
struct guard_allow {
	const struct allow *v;
	size_t n;
	void (*lifted)(void *arg, const struct allow *row, const struct pcidev *dev,
		const char *objections);
	void *arg;
};

/* Who may hold the devices without being a stranger. */
struct guard_friends {
	const struct bdf *lane; /* the lane's own devices */
	size_t nlane;
	pid_t qemu; /* its QEMU when `while-running` allows it, 0 = nobody */
	bool while_bound; /* a reset under a native driver was asked for */
	const struct guard_allow *allow; /* NULL: nothing is lifted */
};

/*
 * Deny by default: every disturbed function must be unbound, a bridge that stays, on a VFIO stub
 * without a foreign holder, or bound to a native driver and proved idle. -1 (ERR_REFUSED) names the
 * function, what holds it and what to do.
 *
 * `allow` lifts uses that are known and that the host can live without. It lifts nothing of root,
 * swap, the default route or this run's own files, no other run's lock, and nothing unproved.
 */
int guard_check(const struct host *host, const struct pcidev_list *all, const struct bdf *disturbed,
	size_t n, const struct guard_friends *friends, struct err *err) must_check;
/* What the guard would say of one function; for people who plan. */
struct guard_opinion {
	char objections[400]; /* "" = none */
	bool refused;
	const struct allow *lifted_by; /* NULL: not lifted */
};
void guard_think(const struct host *host, const struct pcidev_list *all, const struct pcidev *dev,
	const struct guard_friends *friends, struct guard_opinion *out);
/* The row of `allow` for this function; NULL = none. */
const struct allow *guard_allowed(const struct guard_friends *friends, const struct pcidev *dev);
/* Does the friendly QEMU have this group? It has those of the lane's devices. */
bool guard_group_is_friends(
	const struct pcidev_list *all, const struct guard_friends *friends, int group);

#endif

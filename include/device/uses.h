/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_USES_H
#define VFIO_STRESS_DEVICE_USES_H

#include "device/things.h"

struct uses;

/*
 * What the host does with a thing of a function. This explains; it proves nothing: what is found
 * here is in use, what is not found may be as well.
 */
struct use {
	/* from the thing to whom it serves: "nvme0n1p2 -> dm-0 (LVM vg/root) -> mounted on /" */
	const char *text;
	const char *hint; /* what would end it; "" = nothing */
	bool vital; /* root, swap, the default route, this run's own files: nobody may lift that */
	/* the disk where the chain ends without a known use, a path below /dev; NULL = it has one */
	const char *end;
	unsigned end_major, end_minor; /* 0, 0 = unknown */
};

/* Looks at the host's mounts, routes and swap, once for any number of questions. */
struct uses *uses_read(const struct host *host) __attribute__((returns_nonnull));
void uses_free(struct uses *u);
/* Tells `fn` of every known use of a thing. Returns how many those are. */
typedef void use_fn(void *arg, const struct use *use);
size_t uses_of(struct uses *u, const struct thing *t, use_fn *fn, void *arg);

/* False: the interface does not say whether it is up. */
bool thing_net_up(const struct host *host, const struct thing *t, bool *up);

#endif

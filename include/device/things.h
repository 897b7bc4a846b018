/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_THINGS_H
#define VFIO_STRESS_DEVICE_THINGS_H

#include "base/bdf.h"
#include "world/host.h"

/* What a native driver made of a function: what somebody may be using. */
enum thing_kind {
	THING_NODE, /* a character device */
	THING_DISK, /* a whole one */
	THING_PARTITION,
	THING_NETDEV,
	THING_HIDDEN_NETDEV, /* a network interface that lives in another namespace */
	THING_FRAMEBUFFER,
	THING_USB, /* a device plugged into a USB controller */
	THING_DMA, /* a DMA channel that the kernel uses */
	THING_RDMA, /* an RDMA device (InfiniBand, RoCE) */
};

struct thing {
	enum thing_kind kind;
	char name[64]; /* "nvme0n1", "eth0"; of what has a node: its path below /dev */
	char dir[256]; /* below host->root */
	unsigned major, minor; /* NODE, DISK, PARTITION; 0, 0 = unknown */
};

struct things {
	struct thing *v;
	size_t n, cap;
};

#define THINGS_MAX 4096 /* more than a function has */

/* Everything below the function in sysfs that is not another PCI function. */
int things_of(
	const struct host *host, struct bdf bdf, struct things *out, struct err *err) must_check;

#endif

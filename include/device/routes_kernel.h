/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_ROUTES_KERNEL_H
#define VFIO_STRESS_DEVICE_ROUTES_KERNEL_H

#include "device/routes.h"

#include <stddef.h>
#include <stdint.h>

#define LINKS_MAX 4096
#define HOPS_MAX  16384

/* A network interface of one namespace. */
struct rtnl_link {
	int index, master, lower; /* 0 = none; `lower` is what a VLAN or MACVLAN stands on */
	bool lower_is_elsewhere; /* in another namespace */
	char name[32];
};

/* Where a packet goes by a route: one of several, when it has several. */
struct rtnl_hop {
	int index; /* 0 = the kernel does not say */
	int family;
	unsigned bits;
	unsigned char to[16];
};

/* What rtnetlink(7) tells of one namespace. */
struct rtnl {
	struct rtnl_link links[LINKS_MAX];
	struct rtnl_hop hops[HOPS_MAX];
	size_t nlinks, nhops;
	bool partly; /* there is more than was kept */
};

/* As it comes over the wire, and fits into a pipe. */
struct rtnl_routes {
	size_t n;
	bool partly;
	struct route v[HOPS_MAX];
};

/* Takes what one recv(2) got of a dump of links or routes. False: that was the end of it. */
bool rtnl_take(struct rtnl *r, const void *buf, size_t n);
/* The routes of our own namespace. */
void rtnl_own_routes(const struct rtnl *own, struct rtnl_routes *out);
/* The default routes of another one that leave through what stands on an interface of ours. */
void rtnl_foreign_routes(
	const struct rtnl *own, const struct rtnl *foreign, struct rtnl_routes *out);

/* All of them, of all tables and network namespaces, by a child: the kernel may be stuck with them. */
int routes_read_kernel(struct routes *out, struct err *err) must_check;

#endif

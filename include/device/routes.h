/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_ROUTES_H
#define VFIO_STRESS_DEVICE_ROUTES_H

#include "world/host.h"

#include <stdbool.h>

struct route {
	char dev[32];
	int family; /* AF_INET, AF_INET6 */
	unsigned char to[16];
	unsigned bits; /* of `to` that count */
	bool elsewhere; /* of another network namespace, where something stands on `dev` */
};

/* Those of all tables and next hops. Zeroed = empty; free with vec_finish. */
struct routes {
	struct route *v;
	size_t n, cap;
	bool partly; /* there are more, which do not show */
};

void routes_read(const struct host *host, struct routes *out);
/* To all the world, or a part of it as large as 2000::/3 or 128.0.0.0/1 (which VPNs make of it)? */
bool route_bits_are_default(int family, unsigned bits);
/* The one that a packet to this address ("10.0.0.5", "fd00::5") takes; NULL = none. */
const struct route *routes_to(const struct routes *r, const char *address);
/* "10.1.0.0/16" */
const char *route_text(const struct route *r, char *buf, size_t size);

#endif

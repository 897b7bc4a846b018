/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/routes.h"

#include "base/str.h"
#include "base/vec.h"
#include "device/routes_kernel.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ROUTES_MAX  65536
#define FLAG_UP     0x0001u /* linux/route.h */
#define FLAG_REJECT 0x0200u

static struct route *add(struct routes *out, const char *dev, int family, unsigned flags)
{
	struct route *r;

	if (!(flags & FLAG_UP) || (flags & FLAG_REJECT) || str_eq(dev, "lo") ||
		out->n == ROUTES_MAX)
		return NULL;
	r = vec_push(out);
	str_printable(r->dev, sizeof(r->dev), dev, strlen(dev));
	r->family = family;
	return r;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask; addresses as the memory has them */
static void read_ipv4(const struct host *host, struct routes *out)
{
	char path[HOST_PATH_MAX], line[512], dev[32];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/net/route"), "re");
	unsigned to, flags, mask;
	struct route *r;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%31s %x %*x %x %*d %*u %*d %x", dev, &to, &flags, &mask) != 4 ||
			(r = add(out, dev, AF_INET, flags)) == NULL)
			continue;
		memcpy(r->to, &to, sizeof(to));
		r->bits = (unsigned)__builtin_popcount(mask);
	}
}

/* destination, its bits, source, its bits, next hop, metric, references, use, flags, interface */
static void read_ipv6(const struct host *host, struct routes *out)
{
	char path[HOST_PATH_MAX], line[512], dev[32], to[33];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/net/ipv6_route"), "re");
	unsigned bits, flags, byte;
	struct route *r;
	size_t i;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %x %31s", to, &bits, &flags,
			    dev) != 4 ||
			bits > 128 || strlen(to) != 32 ||
			(r = add(out, dev, AF_INET6, flags)) == NULL)
			continue;
		for (i = 0; i < sizeof(r->to) && sscanf(to + 2 * i, "%2x", &byte) == 1; i++)
			r->to[i] = (unsigned char)byte;
		r->bits = bits;
	}
}

void routes_read(const struct host *host, struct routes *out)
{
	struct err ignored;

	*out = (struct routes){0};
	if (host->root[0] == '\0' && routes_read_kernel(out, &ignored) == 0)
		return;
	/* of these files the main table of IPv4, with the first of several next hops */
	read_ipv4(host, out);
	read_ipv6(host, out);
	out->partly = host->root[0] == '\0';
}

bool route_bits_are_default(int family, unsigned bits)
{
	return bits <= (family == AF_INET ? 1 : 3);
}

static bool holds(const struct route *r, const unsigned char *address)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	return memcmp(r->to, address, whole) == 0 &&
		(rest == 0 || (r->to[whole] ^ address[whole]) >> (8 - rest) == 0);
}

const struct route *routes_to(const struct routes *r, const char *address)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	const struct route *best = NULL;
	unsigned char bytes[16] = {0};

	if (inet_pton(family, address, bytes) != 1)
		return NULL;
	vec_foreach (route, r)
		if (!route->elsewhere && route->family == family && holds(route, bytes) &&
			(best == NULL || route->bits > best->bits))
			best = route;
	return best;
}

const char *route_text(const struct route *r, char *buf, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(r->family, r->to, address, sizeof(address));
	snprintf(buf, size, "%s/%u", address, r->bits);
	return buf;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/routes_kernel.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_NS        (10 * NS_PER_S) /* a NIC that is dying may hold the lock of all of them */
#define ANSWER_SIZE    65536 /* the kernel sends up to 32 KiB at a time */
#define NAMESPACES_MAX 1024

/* ---- one namespace ---- */

/* The attributes that follow a message's header, by type; a later one of a type is ignored. */
#define ATTRS_MAX 64
struct attrs {
	const struct rtattr *v[ATTRS_MAX];
};

static void attrs_parse(struct attrs *out, const struct rtattr *at, size_t n)
{
	*out = (struct attrs){0};
	for (; RTA_OK(at, n); at = RTA_NEXT(at, n)) {
		unsigned type = at->rta_type & NLA_TYPE_MASK;

		if (type < ATTRS_MAX && out->v[type] == NULL)
			out->v[type] = at;
	}
}

static int attr_int(const struct attrs *a, unsigned type)
{
	int value = 0;

	if (a->v[type] != NULL && RTA_PAYLOAD(a->v[type]) >= sizeof(value))
		memcpy(&value, RTA_DATA(a->v[type]), sizeof(value));
	return value;
}

static bool attr_is(const struct attrs *a, unsigned type, const char *text)
{
	const struct rtattr *at = a->v[type];

	return at != NULL && RTA_PAYLOAD(at) >= strlen(text) + 1 &&
		memcmp(RTA_DATA(at), text, strlen(text) + 1) == 0;
}

/* Those that send through the interface that they are linked to; a veth's is the other end. */
static bool stands_on_its_link(const struct attrs *link)
{
	static const char *const kinds[] = {
		"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"};
	const struct rtattr *info = link->v[IFLA_LINKINFO];
	struct attrs inner;
	size_t i;

	if (info == NULL)
		return false;
	attrs_parse(&inner, RTA_DATA(info), RTA_PAYLOAD(info));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (attr_is(&inner, IFLA_INFO_KIND, kinds[i]))
			return true;
	return false;
}

static void take_link(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ifinfomsg *msg = NLMSG_DATA(h);
	struct rtnl_link *link;
	struct attrs a;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return;
	if (r->nlinks == LINKS_MAX) {
		r->partly = true;
		return;
	}
	attrs_parse(&a, IFLA_RTA(msg), IFLA_PAYLOAD(h));
	link = &r->links[r->nlinks++];
	*link = (struct rtnl_link){.index = msg->ifi_index, .master = attr_int(&a, IFLA_MASTER)};
	if (stands_on_its_link(&a)) {
		link->lower = attr_int(&a, IFLA_LINK);
		link->lower_is_elsewhere = a.v[IFLA_LINK_NETNSID] != NULL;
	}
	if (a.v[IFLA_IFNAME] != NULL)
		str_printable(link->name, sizeof(link->name), RTA_DATA(a.v[IFLA_IFNAME]),
			strnlen(RTA_DATA(a.v[IFLA_IFNAME]), RTA_PAYLOAD(a.v[IFLA_IFNAME])));
}

static void add_hop(struct rtnl *r, const struct rtnl_hop *route, int index)
{
	if (r->nhops == HOPS_MAX) {
		r->partly = true;
		return;
	}
	r->hops[r->nhops] = *route;
	r->hops[r->nhops++].index = index;
}

static void take_hops(struct rtnl *r, const struct rtnl_hop *route, const struct rtattr *multipath)
{
	const struct rtnexthop *nh = RTA_DATA(multipath);
	size_t left = RTA_PAYLOAD(multipath);

	while (left >= sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		add_hop(r, route, nh->rtnh_ifindex);
		if (NLMSG_ALIGN(nh->rtnh_len) >= left)
			break;
		left -= NLMSG_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
}

/* Of whatever table: which of them a packet asks is up to rules, and VRFs. */
static void take_route(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct rtmsg *msg = NLMSG_DATA(h);
	struct rtnl_hop route;
	struct attrs a;
	size_t len;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || msg->rtm_type != RTN_UNICAST ||
		(msg->rtm_flags & RTM_F_CLONED) || msg->rtm_dst_len > 128 ||
		(msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6))
		return;
	attrs_parse(&a, RTM_RTA(msg), RTM_PAYLOAD(h));
	route = (struct rtnl_hop){.family = msg->rtm_family, .bits = msg->rtm_dst_len};
	if (a.v[RTA_DST] != NULL) {
		len = RTA_PAYLOAD(a.v[RTA_DST]);
		memcpy(route.to, RTA_DATA(a.v[RTA_DST]),
			len < sizeof(route.to) ? len : sizeof(route.to));
	}
	if (a.v[RTA_MULTIPATH] != NULL)
		take_hops(r, &route, a.v[RTA_MULTIPATH]);
	else /* a next hop object alone (nexthop_compat_mode 0) does not say its interface */
		add_hop(r, &route, attr_int(&a, RTA_OIF));
}

bool rtnl_take(struct rtnl *r, const void *buf, size_t n)
{
	const struct nlmsghdr *h = buf;

	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		r->partly |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_DONE)
			return false;
		if (h->nlmsg_type == NLMSG_ERROR) {
			r->partly = true;
			return false;
		}
		if (h->nlmsg_type == RTM_NEWLINK)
			take_link(r, h);
		else if (h->nlmsg_type == RTM_NEWROUTE)
			take_route(r, h);
	}
	return true;
}

/* ---- whose they are ---- */

static const char *name_of(const struct rtnl *own, int index)
{
	size_t i;

	for (i = 0; i < own->nlinks; i++)
		if (own->links[i].index == index)
			return own->links[i].name;
	return "";
}

static void add_route(
	struct rtnl_routes *out, const struct rtnl_hop *hop, const char *dev, bool elsewhere)
{
	struct route *route;

	if (out->n == HOPS_MAX) {
		out->partly = true;
		return;
	}
	route = &out->v[out->n++];
	*route = (struct route){.family = hop->family, .bits = hop->bits, .elsewhere = elsewhere};
	str_set(route->dev, dev);
	memcpy(route->to, hop->to, sizeof(route->to));
}

void rtnl_own_routes(const struct rtnl *own, struct rtnl_routes *out)
{
	size_t i;

	out->partly |= own->partly;
	for (i = 0; i < own->nhops; i++) {
		const char *dev = name_of(own, own->hops[i].index);

		if (dev[0] == '\0')
			out->partly = true;
		else if (!str_eq(dev, "lo"))
			add_route(out, &own->hops[i], dev, false);
	}
}

/* Ports carry for their master, and a lower one for what stands on it. */
static bool carries(const struct rtnl *r, const struct rtnl_link *link, const bool *carrier)
{
	size_t i;

	for (i = 0; i < r->nlinks; i++) {
		const struct rtnl_link *other = &r->links[i];

		if (carrier[i] &&
			((link->master != 0 && other->index == link->master) ||
				(!other->lower_is_elsewhere && other->lower != 0 &&
					other->lower == link->index)))
			return true;
	}
	return false;
}

static void find_carriers(const struct rtnl *r, const struct rtnl_hop *hop, bool *carrier)
{
	bool grown = true;
	size_t i;

	for (i = 0; i < r->nlinks; i++)
		carrier[i] = r->links[i].index == hop->index;
	while (grown) {
		grown = false;
		for (i = 0; i < r->nlinks; i++)
			if (!carrier[i] && carries(r, &r->links[i], carrier))
				carrier[i] = grown = true;
	}
}

void rtnl_foreign_routes(
	const struct rtnl *own, const struct rtnl *foreign, struct rtnl_routes *out)
{
	bool carrier[LINKS_MAX];
	size_t i, k;

	out->partly |= foreign->partly;
	for (i = 0; i < foreign->nhops; i++) {
		const struct rtnl_hop *hop = &foreign->hops[i];

		if (!route_bits_are_default(hop->family, hop->bits))
			continue;
		if (hop->index == 0)
			out->partly = true;
		find_carriers(foreign, hop, carrier);
		for (k = 0; k < foreign->nlinks; k++)
			if (carrier[k] && foreign->links[k].lower_is_elsewhere)
				add_route(out, hop, name_of(own, foreign->links[k].lower), true);
	}
}

/* ---- asking ---- */

/* What the child needs: all of it is made before, for it may not allocate. */
struct work {
	char spaces[NAMESPACES_MAX][64]; /* paths of the other namespaces */
	size_t nspaces;
	struct rtnl own, other;
	struct rtnl_routes routes;
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static bool dump(struct work *w, struct rtnl *r, int fd, uint16_t type)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg msg; /* ifinfomsg begins with the same family, and has room in it */
		char pad[sizeof(struct ifinfomsg)];
	} ask = {.h = {.nlmsg_len = sizeof(ask),
			 .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	ssize_t n;

	ask.h.nlmsg_len =
		NLMSG_LENGTH(type == RTM_GETLINK ? sizeof(struct ifinfomsg) : sizeof(struct rtmsg));
	if (send(fd, &ask, ask.h.nlmsg_len, 0) < 0)
		return false;
	do {
		n = recv(fd, w->answer, sizeof(w->answer), MSG_TRUNC);
		if (n <= 0 || (size_t)n > sizeof(w->answer))
			return false;
	} while (rtnl_take(r, w->answer, (size_t)n));
	return true;
}

static bool ask_namespace(struct work *w, struct rtnl *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool told;

	r->nlinks = r->nhops = 0;
	r->partly = false;
	told = fd >= 0 && dump(w, r, fd, RTM_GETLINK) && dump(w, r, fd, RTM_GETROUTE);
	if (fd >= 0)
		close(fd);
	return told;
}

static void ask_other(struct work *w, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		w->routes.partly |= errno != ENOENT; /* its last process ended meanwhile */
		return;
	}
	if (setns(fd, CLONE_NEWNET) == 0 && ask_namespace(w, &w->other))
		rtnl_foreign_routes(&w->own, &w->other, &w->routes);
	else
		w->routes.partly = true;
	close(fd);
}

static int in_child(void *arg, int reply_fd)
{
	struct work *w = arg;
	const char *s = (const char *)&w->routes;
	size_t i, left;
	ssize_t n;

	if (!ask_namespace(w, &w->own))
		return 1;
	rtnl_own_routes(&w->own, &w->routes);
	for (i = 0; i < w->nspaces; i++)
		ask_other(w, w->spaces[i]);
	left = offsetof(struct rtnl_routes, v) + w->routes.n * sizeof(w->routes.v[0]);
	for (; left > 0; s += n, left -= (size_t)n) {
		n = write(reply_fd, s, left);
		if (n <= 0)
			return 1;
	}
	return 0;
}

/* ---- which namespaces there are ---- */

struct spaces {
	struct work *work;
	char names[NAMESPACES_MAX + 1][32]; /* "net:[4026531840]"; the first is ours */
	size_t n;
};

static void add_space(struct spaces *s, const char *name, const char *path)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (str_eq(s->names[i], name))
			return;
	if (s->work->nspaces == NAMESPACES_MAX) {
		s->work->routes.partly = true;
		return;
	}
	str_set(s->names[s->n++], name);
	str_set(s->work->spaces[s->work->nspaces++], path);
}

static void add_process(struct spaces *s, const char *pid)
{
	char path[64], name[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	n = readlink(path, name, sizeof(name) - 1);
	/* a kernel thread and what has just ended have none */
	if (n < 0)
		s->work->routes.partly |= errno == EACCES || errno == EPERM;
	if (n <= 0)
		return;
	name[n] = '\0';
	add_space(s, name, path);
}

static void find_spaces(struct work *w)
{
	auto_free struct spaces *s = xcalloc(1, sizeof(*s));
	char path[64], name[32];
	struct dirent *entry;
	struct stat st;
	int64_t pid;
	DIR *dir;
	ssize_t n;

	s->work = w;
	n = readlink("/proc/self/ns/net", s->names[0], sizeof(s->names[0]) - 1);
	s->n = n > 0;
	dir = opendir("/proc");
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (str_to_i64(entry->d_name, 10, 1, INT32_MAX, &pid))
			add_process(s, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	/* those that have a name may have no process (ip-netns(8)) */
	dir = opendir("/run/netns");
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
			snprintf(path, sizeof(path), "/run/netns/%s", entry->d_name) >=
				(int)sizeof(path) ||
			stat(path, &st) != 0)
			continue;
		snprintf(name, sizeof(name), "net:[%ju]", (uintmax_t)st.st_ino);
		add_space(s, name, path);
	}
	if (dir != NULL)
		closedir(dir);
}

int routes_read_kernel(struct routes *out, struct err *err)
{
	auto_free struct work *w = xcalloc(1, sizeof(*w));
	auto_free struct rtnl_routes *reply = xcalloc(1, sizeof(*reply));
	struct child_result child = {0};
	size_t i;

	find_spaces(w);
	if (child_call(in_child, w, reply, sizeof(*reply), clock_mono_ns() + READ_NS, &child,
		    err) != 0)
		return -1;
	if (child.status != 0 || child.len < offsetof(struct rtnl_routes, v) || reply->n > HOPS_MAX)
		return err_set(err, ERR_IO, 0, "the kernel does not tell its routes");
	for (i = 0; i < reply->n; i++)
		*vec_push(out) = reply->v[i];
	out->partly = reply->partly;
	return 0;
}

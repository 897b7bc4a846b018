/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/routes_kernel.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* Messages as the kernel sends them. */
static struct {
	_Alignas(NLMSG_ALIGNTO) char v[4096];
	size_t n;
	struct nlmsghdr *last;
} wire;

static void *put(const void *data, size_t n)
{
	void *at = wire.v + wire.n;

	assert_true(wire.n + NLMSG_ALIGN(n) <= sizeof(wire.v));
	memset(at, 0, NLMSG_ALIGN(n));
	memcpy(at, data, n);
	wire.n += NLMSG_ALIGN(n);
	if (wire.last != NULL)
		wire.last->nlmsg_len = (uint32_t)(wire.v + wire.n - (char *)wire.last);
	return at;
}

static void message(uint16_t type, const void *body, size_t n)
{
	const struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_len = sizeof(h)};

	wire.last = NULL;
	wire.last = put(&h, sizeof(h));
	put(body, n);
}

static struct rtattr *attr(unsigned short type, const void *data, size_t n)
{
	const struct rtattr a = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(n)};
	struct rtattr *at = put(&a, sizeof(a));

	put(data, n);
	return at;
}

static void number(unsigned short type, int value)
{
	attr(type, &value, sizeof(value));
}

static void link_is(int index, const char *name)
{
	const struct ifinfomsg msg = {.ifi_index = index};

	message(RTM_NEWLINK, &msg, sizeof(msg));
	attr(IFLA_IFNAME, name, strlen(name) + 1);
}

/* The link stands on another one: a VLAN, or the end of a veth. */
static void link_on(int lower, const char *kind, bool elsewhere)
{
	struct rtattr *info = attr(IFLA_LINKINFO, "", 0);

	attr(IFLA_INFO_KIND, kind, strlen(kind) + 1);
	info->rta_len = (unsigned short)(wire.v + wire.n - (char *)info);
	number(IFLA_LINK, lower);
	if (elsewhere)
		number(IFLA_LINK_NETNSID, 0);
}

static void route_is(int family, unsigned char type, unsigned char bits, const char *to)
{
	const struct rtmsg msg = {.rtm_family = (unsigned char)family,
		.rtm_type = type,
		.rtm_dst_len = bits,
		.rtm_table = RT_TABLE_UNSPEC};
	unsigned char address[16];

	message(RTM_NEWROUTE, &msg, sizeof(msg));
	if (to == NULL)
		return;
	assert_int_equal(inet_pton(family, to, address), 1);
	attr(RTA_DST, address, family == AF_INET ? 4 : 16);
}

static void take(struct rtnl *r)
{
	const int done = 0;

	message(NLMSG_DONE, &done, sizeof(done));
	assert_false(rtnl_take(r, wire.v, wire.n));
	wire.n = 0;
	wire.last = NULL;
}

/* "eth0 10.1.0.0/16; " ..., "?" = there is more that does not show */
static const char *told(const struct rtnl_routes *routes)
{
	static char text[512];
	struct str all = {0};
	char one[80];
	size_t i;

	for (i = 0; i < routes->n; i++)
		str_addf(&all, "%s %s%s; ", routes->v[i].dev,
			route_text(&routes->v[i], one, sizeof(one)),
			routes->v[i].elsewhere ? " elsewhere" : "");
	str_add(&all, routes->partly ? "?" : "");
	str_set(text, all.s ? all.s : "");
	str_finish(&all);
	return text;
}

struct fixture {
	struct rtnl own, foreign;
	struct rtnl_routes routes;
};

static void routes_of_all_tables_and_next_hops_are_found(void **state)
{
	const struct rtnexthop hops[] = {{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 2},
		{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3}};
	auto_free struct fixture *f = xcalloc(1, sizeof(*f));

	(void)state;
	link_is(1, "lo");
	link_is(2, "eth0");
	link_is(3, "eth1");
	route_is(AF_INET, RTN_UNICAST, 0, NULL);
	attr(RTA_MULTIPATH, hops, sizeof(hops));
	route_is(AF_INET, RTN_UNICAST, 16, "10.1.0.0");
	number(RTA_TABLE, 1000); /* of a VRF */
	number(RTA_OIF, 3);
	route_is(AF_INET6, RTN_UNICAST, 3, "2000::");
	number(RTA_OIF, 2);
	/* these carry nothing */
	route_is(AF_INET, RTN_LOCAL, 32, "10.1.0.1");
	number(RTA_OIF, 3);
	route_is(AF_INET6, RTN_UNREACHABLE, 0, NULL);
	number(RTA_OIF, 1);
	take(&f->own);
	rtnl_own_routes(&f->own, &f->routes);
	assert_string_equal(told(&f->routes),
		"eth0 0.0.0.0/0; eth1 0.0.0.0/0; eth1 10.1.0.0/16; eth0 2000::/3; ");
}

static void a_route_that_does_not_say_its_interface_is_not_passed_over(void **state)
{
	auto_free struct fixture *f = xcalloc(1, sizeof(*f));

	(void)state;
	link_is(2, "eth0");
	route_is(AF_INET, RTN_UNICAST, 0, NULL);
	number(RTA_NH_ID, 7);
	take(&f->own);
	rtnl_own_routes(&f->own, &f->routes);
	assert_string_equal(told(&f->routes), "?");
}

static void a_default_route_elsewhere_is_followed_to_our_interface(void **state)
{
	auto_free struct fixture *f = xcalloc(1, sizeof(*f));

	(void)state;
	link_is(2, "eth0");
	link_is(7, "veth7");
	take(&f->own);
	/* bond1 of a MACVLAN and of the end of a veth; a VLAN on the bond */
	link_is(2, "mac0");
	link_on(2, "macvlan", true);
	number(IFLA_MASTER, 9);
	link_is(3, "eth0");
	link_on(7, "veth", true);
	number(IFLA_MASTER, 9);
	link_is(9, "bond1");
	link_is(11, "bond1.5");
	link_on(9, "vlan", false);
	route_is(AF_INET, RTN_UNICAST, 24, "10.2.0.0");
	number(RTA_OIF, 11);
	take(&f->foreign);
	rtnl_foreign_routes(&f->own, &f->foreign, &f->routes);
	assert_string_equal(told(&f->routes), "");
	route_is(AF_INET, RTN_UNICAST, 0, NULL);
	number(RTA_OIF, 11);
	take(&f->foreign);
	rtnl_foreign_routes(&f->own, &f->foreign, &f->routes);
	assert_string_equal(told(&f->routes), "eth0 0.0.0.0/0 elsewhere; ");
}

static void what_is_cut_short_is_not_believed(void **state)
{
	auto_free struct fixture *f = xcalloc(1, sizeof(*f));
	const struct nlmsgerr refused = {.error = -1};
	size_t n;

	(void)state;
	link_is(2, "eth0");
	route_is(AF_INET, RTN_UNICAST, 0, NULL);
	number(RTA_OIF, 2);
	/* half of a message, of whatever length */
	for (n = 0; n < wire.n; n++)
		rtnl_take(&f->own, wire.v, n);
	assert_int_equal(f->own.nhops, 0);
	wire.n = 0;
	message(NLMSG_ERROR, &refused, sizeof(refused));
	assert_false(rtnl_take(&f->own, wire.v, wire.n));
	assert_true(f->own.partly);
	wire.n = 0;
}

static void the_routes_of_this_host_are_read(void **state)
{
	struct routes routes = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(routes_read_kernel(&routes, &err), 0);
	vec_foreach (r, &routes)
		assert_true(r->dev[0] != '\0');
	vec_finish(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_of_all_tables_and_next_hops_are_found),
		cmocka_unit_test(a_route_that_does_not_say_its_interface_is_not_passed_over),
		cmocka_unit_test(a_default_route_elsewhere_is_followed_to_our_interface),
		cmocka_unit_test(what_is_cut_short_is_not_believed),
		cmocka_unit_test(the_routes_of_this_host_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

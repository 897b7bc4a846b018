/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"
#include "device/uses_parts.h"

#include "base/str.h"
#include "device/things.h"

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HINT_NEEDED "take it out of the scenario: the host needs it"
#define HINT_PARTLY "run as root: the routes of all network namespaces do not show"
#define HINT_DOWN   HINT_NEEDED ", or `ip link set` it down"

bool thing_net_up(const struct host *host, const struct thing *t, bool *up)
{
	char path[HOST_PATH_MAX], text[32];
	struct err ignored;
	uint64_t flags;

	snprintf(path, sizeof(path), "%s/flags", t->dir);
	if (host_read(host, path, text, sizeof(text), &ignored) != 0 ||
		!str_to_u64(text, 0, UINT32_MAX, &flags))
		return false;
	*up = flags & IFF_UP;
	return true;
}

/* ---- storage that comes over the network ---- */

/* Does what lies at this address come through the interface? */
static bool comes_through(const struct uses *u, const char *name, const char *address)
{
	const struct route *r = routes_to(&u->routes, address);

	return r != NULL && str_eq(r->dev, name);
}

/* The value of "addr=10.0.0.5" among comma-separated ones. */
static bool option_of(const char *options, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);
	const char *s = options;

	for (; s != NULL; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, key, len) != 0 || s[len] != '=')
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(s + len + 1, ","), s + len + 1);
		return true;
	}
	return false;
}

static void tell_nfs(struct uses *u, const char *name)
{
	char address[64];

	vec_foreach (m, &u->mounts) {
		size_t len;

		if (!str_starts(m->type, "nfs") ||
			!option_of(m->options, "addr", address, sizeof(address)) ||
			!comes_through(u, name, address))
			continue;
		len = chain_add(u, "NFS %s", m->source);
		chain_add(u, "mounted on %s", m->at);
		uses_tell(u, uses_mount_is_vital(m), HINT_NEEDED ", or unmount it");
		uses_of_layers(u, m, 0);
		chain_cut(u, len);
	}
}

/* Disks whose place in sysfs has this directory on its way ("session1"). */
static void tell_remote_disks(struct uses *u, const char *part)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX], middle[80], name[64];
	DIR *at = NULL;
	ssize_t n;

	snprintf(middle, sizeof(middle), "/%s/", part);
	while (uses_next_entry(u, "/sys/class/block", "", &at, name, sizeof(name))) {
		struct use_disk disk = {0};
		size_t len;

		n = readlink(host_path(u->host, path, "/sys/class/block/%s", name), target,
			sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, middle) == NULL)
			continue;
		str_set(disk.name, name);
		snprintf(disk.dir, sizeof(disk.dir), "/sys/class/block/%s", name);
		len = chain_add(u, "%s", name);
		uses_of_disk(u, &disk, 0);
		chain_cut(u, len);
	}
}

/* Whether what it carries is vital follows from its disks; one that shows none may carry root. */
static void tell_remote(struct uses *u, const char *what, const char *address, const char *part)
{
	size_t len = chain_add(u, "%s at %s", what, address), told = u->told;

	tell_remote_disks(u, part);
	if (u->told == told)
		uses_tell(u, true, HINT_NEEDED ", or log out of it");
	chain_cut(u, len);
}

static void tell_iscsi(struct uses *u, const char *name)
{
	char entry[64], dir[96], address[64], session[64];
	DIR *at = NULL;

	/* connection1:0 is of session1 */
	while (uses_next_entry(
		u, "/sys/class/iscsi_connection", "connection", &at, entry, sizeof(entry))) {
		snprintf(dir, sizeof(dir), "/sys/class/iscsi_connection/%s", entry);
		if (!uses_text(u, dir, "address", address, sizeof(address)) &&
			!uses_text(u, dir, "persistent_address", address, sizeof(address)))
			continue;
		snprintf(session, sizeof(session), "session%.*s",
			(int)strcspn(entry + strlen("connection"), ":"),
			entry + strlen("connection"));
		if (comes_through(u, name, address))
			tell_remote(u, "iSCSI target", address, session);
	}
}

static void tell_nvme_fabrics(struct uses *u, const char *name)
{
	char entry[64], dir[96], text[128], address[64];
	DIR *at = NULL;

	while (uses_next_entry(u, "/sys/class/nvme", "nvme", &at, entry, sizeof(entry))) {
		snprintf(dir, sizeof(dir), "/sys/class/nvme/%s", entry);
		if (!uses_text(u, dir, "transport", text, sizeof(text)) || str_eq(text, "pcie") ||
			!uses_text(u, dir, "address", text, sizeof(text)) ||
			!option_of(text, "traddr", address, sizeof(address)))
			continue;
		if (comes_through(u, name, address))
			tell_remote(u, "NVMe over fabrics", address, entry);
	}
}

/* ---- routes ---- */

/* Nobody may lift what may be a default route that does not show. */
static void tell_net(struct uses *u, bool vital, const char *hint)
{
	uses_tell(u, vital || u->routes.partly, u->routes.partly && !vital ? HINT_PARTLY : hint);
}

static void tell_routes(struct uses *u, const char *name)
{
	char text[80];
	size_t len, told = u->told;

	vec_foreach (r, &u->routes) {
		if (!str_eq(r->dev, name) || !route_bits_are_default(r->family, r->bits))
			continue;
		len = chain_add(
			u, "default route%s", r->elsewhere ? " of another network namespace" : "");
		uses_tell(u, true, HINT_NEEDED);
		chain_cut(u, len);
		return;
	}
	vec_foreach (r, &u->routes) {
		/* every interface has those, in use or not */
		if (!str_eq(r->dev, name) || (r->family != AF_INET && r->to[0] >= 0xfe) ||
			u->told != told)
			continue;
		len = chain_add(u, "route to %s", route_text(r, text, sizeof(text)));
		tell_net(u, false, HINT_DOWN);
		chain_cut(u, len);
	}
}

/* ---- what an interface is part of ---- */

static const struct {
	const char *file, *what; /* of /sys/class/net/NAME */
} masters[] = {
	{"bridge", "bridge"},
	{"bonding", "bond"},
};

/* "bond0 (bond)" */
static void add_master(struct uses *u, const char *name)
{
	char dir[80], path[HOST_PATH_MAX], uevent[256], kind[32];
	size_t i;

	snprintf(dir, sizeof(dir), "/sys/class/net/%s", name);
	for (i = 0; i < ARRAY_SIZE(masters); i++)
		if (access(host_path(u->host, path, "%s/%s", dir, masters[i].file), F_OK) == 0) {
			chain_add(u, "%s (%s)", name, masters[i].what);
			return;
		}
	if (str_starts(name, "ovs-"))
		chain_add(u, "%s (Open vSwitch)", name);
	/* vlan, macvlan, team ... */
	else if (uses_text(u, dir, "uevent", uevent, sizeof(uevent)) &&
		sscanf(uevent, "DEVTYPE=%31[a-z0-9]", kind) == 1)
		chain_add(u, "%s (%s)", name, kind);
	else
		chain_add(u, "%s", name);
}

static void of_master(struct uses *u, const char *name, int depth)
{
	size_t len = strlen(u->chain), told = u->told;
	char dir[80];

	add_master(u, name);
	snprintf(dir, sizeof(dir), "/sys/class/net/%s", name);
	if (depth < USES_DEPTH)
		uses_of_netdev(u, name, dir, depth + 1);
	/* what a switch of Open vSwitch carries stands in no table of the kernel's */
	if (u->told == told)
		tell_net(u, str_starts(name, "ovs-"), HINT_NEEDED ", or take that apart");
	chain_cut(u, len);
}

static void of_masters(struct uses *u, const char *dir, int depth)
{
	char entry[64], path[HOST_PATH_MAX];
	size_t told = u->told;
	DIR *at = NULL;

	while (uses_next_entry(u, dir, "upper_", &at, entry, sizeof(entry)))
		of_master(u, entry + strlen("upper_"), depth);
	if (u->told != told)
		return;
	snprintf(path, sizeof(path), "%s/master", dir);
	if (*host_link_name(u->host, path, entry, sizeof(entry)) != '\0')
		of_master(u, entry, depth);
}

void uses_of_netdev(struct uses *u, const char *name, const char *dir, int depth)
{
	struct thing self = {.kind = THING_NETDEV};
	size_t told = u->told, len;
	bool up = false;

	str_set(self.dir, dir);
	tell_nfs(u, name);
	tell_iscsi(u, name);
	tell_nvme_fabrics(u, name);
	tell_routes(u, name);
	of_masters(u, dir, depth);
	if (u->told != told || !thing_net_up(u->host, &self, &up) || !up)
		return;
	len = chain_add(u, "is up");
	tell_net(u, false, HINT_DOWN);
	chain_cut(u, len);
}

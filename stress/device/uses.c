/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"

#include "device/uses_parts.h"

#include "base/str.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the chain ---- */

size_t chain_add(struct uses *u, const char *fmt, ...)
{
	size_t len = strlen(u->chain);
	char words[sizeof(u->chain)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(u->chain + len, sizeof(u->chain) - len, "%s%s", len ? " -> " : "", words);
	return len;
}

void chain_cut(struct uses *u, size_t len)
{
	u->chain[len] = '\0';
}

static void tell(struct uses *u, const struct use *use)
{
	u->told++;
	u->fn(u->arg, use);
}

void uses_tell(struct uses *u, bool vital, const char *hint)
{
	tell(u, &(struct use){.text = u->chain, .hint = hint, .vital = vital});
}

void uses_tell_open_end(struct uses *u, const struct use_disk *end, const char *hint)
{
	char node[80];

	snprintf(node, sizeof(node), "/dev/%s", end->name);
	tell(u,
		&(struct use){.text = u->chain,
			.hint = hint,
			.end = node,
			.end_major = end->major,
			.end_minor = end->minor});
}

bool uses_next_entry(
	struct uses *u, const char *dir, const char *prefix, DIR **at, char *buf, size_t size)
{
	char path[HOST_PATH_MAX];
	struct dirent *entry;

	if (*at == NULL)
		*at = opendir(host_path(u->host, path, "%s", dir));
	while (*at != NULL && (entry = readdir(*at)) != NULL) {
		if (entry->d_name[0] == '.' || !str_starts(entry->d_name, prefix))
			continue;
		str_printable(buf, size, entry->d_name, strlen(entry->d_name));
		return true;
	}
	if (*at != NULL)
		closedir(*at);
	*at = NULL;
	return false;
}

bool uses_text(const struct uses *u, const char *dir, const char *name, char *buf, size_t size)
{
	char path[HOST_PATH_MAX], text[256];
	struct err ignored;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf[0] = '\0';
	if (host_read(u->host, path, text, sizeof(text), &ignored) != 0 || text[0] == '\0')
		return false;
	str_printable(buf, size, text, strlen(text));
	return true;
}

/* ---- what the kernel itself uses ---- */

static void of_console(struct uses *u, const struct thing *t)
{
	char path[HOST_PATH_MAX], line[256], number[32];
	auto_file FILE *f = fopen(host_path(u->host, path, "/proc/consoles"), "re");

	snprintf(number, sizeof(number), " %u:%u\n", t->major, t->minor);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (str_ends(line, number)) {
			chain_add(u, "console of the kernel");
			uses_tell(u, false, "take it out of `console=` on the kernel command line");
			return;
		}
}

static void of_framebuffer(struct uses *u, const struct thing *t)
{
	char dir[64], text[64], entry[32];
	DIR *at = NULL;
	bool drawn = false;

	(void)t;
	/* "(M) frame buffer device"; vtcon0 is the dummy or VGA text */
	while (uses_next_entry(u, "/sys/class/vtconsole", "vtcon", &at, entry, sizeof(entry))) {
		snprintf(dir, sizeof(dir), "/sys/class/vtconsole/%s", entry);
		drawn |= uses_text(u, dir, "name", text, sizeof(text)) &&
			strstr(text, "frame buffer") != NULL &&
			uses_text(u, dir, "bind", text, sizeof(text)) && str_eq(text, "1");
	}
	chain_add(u, drawn ? "the text console is drawn on it" : "may show the console");
	uses_tell(u, false, "unbind its driver, or `driver: vfio-pci` in the lane");
}

static void of_usb(struct uses *u, const struct thing *t)
{
	char product[64];

	if (uses_text(u, t->dir, "product", product, sizeof(product)))
		chain_add(u, "%s is plugged in", product);
	else
		chain_add(u, "is plugged in");
	uses_tell(u, false, "unplug it, or unbind the controller's driver");
}

static void of_dma(struct uses *u, const struct thing *t)
{
	(void)t;
	chain_add(u, "the kernel copies with it");
	uses_tell(u, false, "unbind its driver");
}

static void of_rdma(struct uses *u, const struct thing *t)
{
	char dir[sizeof(t->dir) + 80], ports[sizeof(t->dir) + 16], port[16], state[32];
	DIR *at = NULL;

	snprintf(ports, sizeof(ports), "%s/ports", t->dir);
	while (uses_next_entry(u, ports, "", &at, port, sizeof(port))) {
		size_t len;

		snprintf(dir, sizeof(dir), "%s/%s", ports, port);
		/* "4: ACTIVE"; those who use it in the kernel (NFS, SRP, iSER) open no node */
		if (uses_text(u, dir, "state", state, sizeof(state)) && str_starts(state, "1:"))
			continue;
		len = chain_add(u, "RDMA port %s is %s", port, state[0] ? state : "not readable");
		uses_tell(u, false, "unload what uses RDMA, or unbind its driver");
		chain_cut(u, len);
	}
}

/* ---- the table ---- */

static void of_disk(struct uses *u, const struct thing *t)
{
	struct use_disk disk = {.major = t->major, .minor = t->minor};

	str_set(disk.name, t->name);
	str_set(disk.dir, t->dir);
	/* below the function are the partitions of a disk of its own, not those of a multipath head */
	uses_of_disk(u, &disk, str_starts(t->dir, "/sys/class/") ? 1 : 0);
	if (t->kind == THING_DISK)
		uses_of_hidden_targets(u);
}

static void of_netdev(struct uses *u, const struct thing *t)
{
	uses_of_netdev(u, t->name, t->dir, 0);
}

static void of_hidden_netdev(struct uses *u, const struct thing *t)
{
	(void)t;
	/* what it carries there does not show here: the default route of a router, maybe */
	chain_add(u, "in another network namespace");
	uses_tell(u, true, "unbind its driver, or bring it back into the host's namespace");
}

static const struct explainer {
	const char *what; /* the chain's first word */
	void (*look)(struct uses *u, const struct thing *t);
} explainers[] = {
	[THING_NODE] = {"", of_console},
	[THING_DISK] = {"disk ", of_disk},
	[THING_PARTITION] = {"partition ", of_disk},
	[THING_NETDEV] = {"network interface ", of_netdev},
	[THING_HIDDEN_NETDEV] = {"network interface", of_hidden_netdev},
	[THING_FRAMEBUFFER] = {"framebuffer ", of_framebuffer},
	[THING_USB] = {"USB device ", of_usb},
	[THING_DMA] = {"DMA channel ", of_dma},
	[THING_RDMA] = {"RDMA device ", of_rdma},
};

struct uses *uses_read(const struct host *host)
{
	struct uses *u = xcalloc(1, sizeof(*u));

	u->host = host;
	mounts_read(host, &u->mounts);
	routes_read(host, &u->routes);
	uses_read_disks(u);
	uses_read_layers(u);
	return u;
}

void uses_free(struct uses *u)
{
	if (u == NULL)
		return;
	mounts_finish(&u->mounts);
	vec_finish(&u->routes);
	vec_finish(&u->swaps);
	vec_finish(&u->own);
	vec_finish(&u->layers);
	vec_finish(&u->raw_users);
	free(u);
}

size_t uses_of(struct uses *u, const struct thing *t, use_fn *fn, void *arg)
{
	const struct explainer *e = &explainers[t->kind];

	u->fn = fn;
	u->arg = arg;
	u->told = 0;
	chain_cut(u, 0);
	chain_add(u, "%s%s", e->what, t->kind == THING_HIDDEN_NETDEV ? "" : t->name);
	e->look(u, t);
	return u->told;
}

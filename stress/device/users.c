/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/users.h"

#include "base/str.h"
#include "base/vec.h"
#include "device/nodes.h"
#include "device/process.h"
#include "device/things.h"
#include "device/uses.h"
#include "model/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS_MAX 32 /* kept of one function */

/* One search: what was found so far, by function. */
struct finder {
	const struct host *host;
	struct topology *t;
	struct uses *uses;
	VEC(struct {
		size_t dev;
		struct pci_user user;
	})
	found;
	struct node_list nodes;
	VEC(size_t) owners; /* of the node at the same index */
};

static void found(struct finder *f, size_t dev, enum user_kind kind, bool active, const char *name,
	const char *fmt, ...) printf_like(6, 7);

static void found(struct finder *f, size_t dev, enum user_kind kind, bool active, const char *name,
	const char *fmt, ...)
{
	__typeof__(f->found.v) item;
	char text[256];
	size_t i, n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (i = 0; i < f->found.n; i++) {
		if (f->found.v[i].dev != dev)
			continue;
		if (++n == USERS_MAX || str_eq(f->found.v[i].user.text, text))
			return;
	}
	item = vec_push(&f->found);
	item->dev = dev;
	item->user = (struct pci_user){
		kind, active, arena_strdup(&f->t->arena, name), arena_strdup(&f->t->arena, text)};
}

/* ---- domains ---- */

static void find_domain(struct finder *f, const struct topology_domain *dom)
{
	const char *state = !dom->state_known ? "" : dom->active ? " (running)" : " (shut off)";
	size_t i;

	for (i = 0; dom->def != NULL && i < dom->def->nhostdevs; i++) {
		const struct pcidev *dev = pcidev_find(&f->t->devs, dom->def->hostdevs[i].bdf);

		if (dev != NULL)
			found(f, (size_t)(dev - f->t->devs.v), USER_DOMAIN, dom->active, dom->name,
				"domain %s%s", dom->name, state);
	}
}

/* ---- what a native driver made of it ---- */

/* One thing while its uses are told. */
struct thing_uses {
	struct finder *f;
	size_t dev;
	const struct thing *thing;
};

static void take_use(void *arg, const struct use *use)
{
	struct thing_uses *t = arg;

	found(t->f, t->dev, USER_SYSTEM, true, t->thing->name, "%s", use->text);
}

static void find_thing(struct finder *f, size_t dev, const struct thing *thing)
{
	struct thing_uses t = {f, dev, thing};
	bool up = true;

	if (uses_of(f->uses, thing, take_use, &t) > 0)
		return;
	if (thing->kind == THING_DISK)
		found(f, dev, USER_IDLE, false, thing->name, "disk %s", thing->name);
	else if (thing->kind == THING_NETDEV && thing_net_up(f->host, thing, &up) && !up)
		found(f, dev, USER_IDLE, false, thing->name, "%s is down", thing->name);
	else if (thing->kind == THING_NETDEV)
		found(f, dev, USER_SYSTEM, true, thing->name, "%s does not say whether it is up",
			thing->name);
}

/* Which of /dev/nvidia* is this GPU's, by its driver's own word. */
static bool nvidia_node(const struct host *host, struct bdf bdf, char *buf, size_t size)
{
	char path[96], text[2048], minor[16], address[BDF_LEN];
	struct err ignored;

	snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/%s/information",
		bdf_text(bdf, address));
	if (host_read(host, path, text, sizeof(text), &ignored) != 0 ||
		!hostfile_value(text, "Device Minor", minor, sizeof(minor)))
		return false;
	snprintf(buf, size, "/dev/nvidia%s", minor);
	return true;
}

static void find_native(struct finder *f, size_t index)
{
	const struct pcidev *dev = &f->t->devs.v[index];
	struct things things = {0};
	struct err err;
	char node[64];

	if (things_of(f->host, dev->bdf, &things, &err) != 0)
		found(f, index, USER_SYSTEM, true, "?", "unknown: %s", err.msg);
	vec_foreach (thing, &things)
		find_thing(f, index, thing);
	nodes_of_things(&things, &f->nodes);
	if (str_eq(dev->driver, "nvidia") && nvidia_node(f->host, dev->bdf, node, sizeof(node)))
		nodes_add(&f->nodes, node);
	else
		nodes_of_driver(dev->driver, &f->nodes);
	vec_finish(&things);
}

/* ---- processes ---- */

static bool take_holder(void *arg, const struct holder *h)
{
	struct finder *f = arg;
	const char *path = f->nodes.v[h->node].path;
	char who[192];
	size_t i;

	/* one group's node is that of all its functions */
	for (i = 0; i < f->nodes.n; i++)
		if (str_eq(f->nodes.v[i].path, path))
			found(f, f->owners.v[i], USER_PROCESS, true, h->name, "%s has %s open",
				process_text(f->host, h, who, sizeof(who)), h->path);
	return true;
}

static void find_holders(struct finder *f)
{
	struct err err = {0};
	bool blind = false;

	if (f->nodes.n == 0)
		return;
	if (holders_each(f->host, f->nodes.v, f->nodes.n, take_holder, f, &blind, &err) != 0)
		f->t->users_unknown = arena_strdup(&f->t->arena, err.msg);
	else if (blind)
		f->t->users_unknown = "what other users' processes have open is hidden";
}

static void hand_out(struct finder *f)
{
	size_t i, dev;

	for (i = 0; i < f->found.n; i++)
		f->t->facts[f->found.v[i].dev].nusers++;
	for (dev = 0; dev < f->t->devs.n; dev++) {
		struct pcifacts *facts = &f->t->facts[dev];

		facts->users =
			arena_alloc(&f->t->arena, (facts->nusers + 1) * sizeof(*facts->users));
		facts->nusers = 0;
	}
	for (i = 0; i < f->found.n; i++) {
		struct pcifacts *facts = &f->t->facts[f->found.v[i].dev];

		facts->users[facts->nusers++] = f->found.v[i].user;
	}
}

void users_find(const struct host *host, struct topology *t)
{
	struct finder f = {.host = host, .t = t, .uses = uses_read(host)};
	size_t i;

	for (i = 0; i < t->ndomains; i++)
		find_domain(&f, &t->domains[i]);
	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *dev = &t->devs.v[i];

		if (pcidev_vfio_driver(dev->driver))
			nodes_of_vfio(host, dev, &f.nodes);
		else if (dev->driver[0] != '\0' && !dev->is_bridge)
			find_native(&f, i);
		while (f.owners.n < f.nodes.n)
			*vec_push(&f.owners) = i;
	}
	find_holders(&f);
	hand_out(&f);
	uses_free(f.uses);
	vec_finish(&f.found);
	vec_finish(&f.nodes);
	vec_finish(&f.owners);
}

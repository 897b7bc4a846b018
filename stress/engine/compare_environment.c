/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "model/run_view.h"
#include "model/snapshot.h"
#include "model/store.h"
#include "model/topology.h"

#include <stdlib.h>

static void add_fact(struct comparison *c, const char *name, const char *before, const char *after)
{
	if (str_eq(before, after))
		return;
	if (c->nfacts == c->facts_cap) {
		c->facts_cap = c->facts_cap ? 2 * c->facts_cap : 8;
		c->facts = xrealloc(c->facts, c->facts_cap * sizeof(*c->facts));
	}
	c->facts[c->nfacts++] = (struct compare_fact){name, before, after};
}

/* What every run knows of its host, also when its snapshot is gone. */
static void compare_facts(struct comparison *c)
{
	const struct host_facts *a = &c->a->host, *b = &c->b->host;

	add_fact(c, "host", a->name, b->name);
	add_fact(c, "kernel", a->kernel, b->kernel);
	add_fact(c, "kernel command line", a->cmdline, b->cmdline);
	add_fact(c, "BIOS", a->bios, b->bios);
	add_fact(c, "board", a->board, b->board);
	add_fact(c, "processor", a->cpu, b->cpu);
	add_fact(c, "microcode", a->microcode, b->microcode);
	add_fact(c, "QEMU", a->qemu, b->qemu);
	add_fact(c, "libvirt", a->libvirt, b->libvirt);
}

/* 1 = there it is, 0 = none was kept, or it cannot be read, and why; -1. */
static int snapshot_of(
	struct comparison *c, const struct run_view *run, struct topology *out, struct err *err)
{
	auto_free char *text = NULL;
	char id[RUN_ID_MAX];
	struct err why;
	size_t n;
	int rc = store_snapshot_get(run->store, run->key, &text, &n, id, err);

	if (rc == 0)
		c->no_diff = arena_printf(&c->arena, "no snapshot of run %s is kept", run->id);
	if (rc != 1)
		return rc;
	if (snapshot_parse(text, n, id, out, &why) == 0)
		return 1;
	c->no_diff = arena_printf(&c->arena, "the snapshot of run %s: %s", run->id, why.msg);
	return 0;
}

static int diff_snapshots(struct comparison *c, struct err *err)
{
	struct topology a, b;
	int rc = snapshot_of(c, c->a, &a, err);

	if (rc != 1)
		return rc;
	rc = snapshot_of(c, c->b, &b, err);
	if (rc == 1) {
		machine_diff_make(&a, &b, &c->diff);
		c->has_diff = true;
		topology_finish(&b);
	}
	topology_finish(&a);
	return rc < 0 ? -1 : 0;
}

/* What was not seen of the machine may have changed: the runs are not the same then. */
static void add_unseen(struct comparison *c)
{
	const char *why = c->has_diff ? c->diff.blind[0] : c->no_diff;
	struct compare_row *row = compare_add(c, COMPARE_MATCH);

	row->subject = "the machine";
	row->reason = arena_printf(&c->arena, "not comparable: %s", why);
	if (c->has_diff && c->diff.nblind > 1)
		row->reason = arena_printf(
			&c->arena, "%s; and %zu more", row->reason, c->diff.nblind - 1);
	row->result = COMPARE_UNKNOWN;
}

/* Of two machines only the facts are told. */
int compare_environment(struct comparison *c, struct err *err)
{
	size_t i;

	if (!str_eq(c->a->host.name, c->b->host.name))
		c->no_diff = "the runs are from two machines";
	else if (diff_snapshots(c, err) != 0)
		return -1;
	else if (!c->has_diff || c->diff.nblind > 0)
		add_unseen(c);
	if (!c->has_diff)
		compare_facts(c);
	for (i = 0; c->has_diff && i < c->diff.nblind; i++)
		compare_note(c, "of the machine was not compared: %s", c->diff.blind[i]);
	return 0;
}

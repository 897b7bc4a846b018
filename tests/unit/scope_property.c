/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/scope.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Random machines: whom a reset disturbs by the list of functions, as the guard has it, against what
 * it does to a model of the hardware in which a reset runs down the wires. One seed, one machine:
 * VFIO_STRESS_SEED=N runs that one alone.
 */

#define MACHINES  3000
#define NODES_MAX 40

/* A function, and what hangs on it. */
struct node {
	struct bdf bdf;
	int bus; /* the wires that it hangs on */
	int secondary; /* the wires that it drives: a bridge, or the host of a domain; -1 = none */
	int pf; /* of a VF; -1 = it is none */
	bool is_bridge, hit;
};

/* A set of wires: whatever hangs on them is reset together. */
struct wires {
	int driver; /* the function above; -1 = a root bus, which nothing can reset */
	uint32_t domain;
	uint8_t number;
};

struct hardware {
	struct node node[NODES_MAX];
	size_t n;
	struct wires wires[NODES_MAX];
	int nwires;
	uint64_t random;
	uint8_t next_bus;
};

/* ---- making one ---- */

/* xorshift64*, Marsaglia and Vigna */
static unsigned roll(struct hardware *h, unsigned sides)
{
	h->random ^= h->random >> 12;
	h->random ^= h->random << 25;
	h->random ^= h->random >> 27;
	return (unsigned)((h->random * UINT64_C(2685821657736338717)) >> 33) % sides;
}

static int add_wires(struct hardware *h, int driver, uint32_t domain, uint8_t number)
{
	h->wires[h->nwires] = (struct wires){driver, domain, number};
	return h->nwires++;
}

static struct node *add_node(struct hardware *h, int wires, uint8_t dev, uint8_t fn)
{
	struct node *n = &h->node[h->n++];

	*n = (struct node){.bdf = {h->wires[wires].domain, h->wires[wires].number, dev, fn},
		.bus = wires,
		.secondary = -1,
		.pf = -1};
	return n;
}

static void fill_wires(struct hardware *h, int wires, int depth);

/* VFs hang where their PF does; those beyond function 7 have the next bus's number. */
static void add_vfs(struct hardware *h, struct node *pf)
{
	unsigned count = 1 + roll(h, 3), i;
	bool next = roll(h, 2) == 0 && h->wires[pf->bus].driver >= 0;
	int index = (int)(pf - h->node);
	uint8_t bus = next ? ++h->next_bus : pf->bdf.bus;

	for (i = 0; i < count && h->n < NODES_MAX; i++) {
		struct node *vf =
			add_node(h, pf->bus, (uint8_t)(next ? 0 : pf->bdf.dev | 0x10), (uint8_t)i);

		vf->bdf.bus = bus;
		vf->pf = index;
	}
}

static void add_function(struct hardware *h, int wires, uint8_t dev, uint8_t fn, int depth)
{
	struct node *n = add_node(h, wires, dev, fn);
	int index = (int)(n - h->node);

	switch (roll(h, depth < 4 ? 8 : 4)) {
	case 0:
		if (dev < 16 && fn == 0)
			add_vfs(h, n);
		return;
	case 4:
	case 5:
	case 6:
		n->is_bridge = true;
		n->secondary = add_wires(h, index, n->bdf.domain, ++h->next_bus);
		fill_wires(h, n->secondary, depth + 1);
		return;
	case 7:
		/* a VMD: the root bus of another domain behind it; one level is enough */
		if (n->bdf.domain == 0 && roll(h, 3) == 0) {
			n->secondary = add_wires(h, index, 0x10000u + (unsigned)index, 0);
			fill_wires(h, n->secondary, depth + 1);
		}
		return;
	default:
		return;
	}
}

static void fill_wires(struct hardware *h, int wires, int depth)
{
	bool root = h->wires[wires].driver < 0;
	unsigned devices = root ? 2 + roll(h, 4) : roll(h, 4) == 0 ? 1 + roll(h, 3) : 1, d, f;

	for (d = 0; d < devices; d++) {
		unsigned functions = roll(h, 3) == 0 ? 1 + roll(h, 3) : 1;

		for (f = 0; f < functions && h->n < NODES_MAX - 4 && h->nwires < NODES_MAX - 1; f++)
			add_function(h, wires, (uint8_t)d, (uint8_t)f, depth);
	}
}

static void make(struct hardware *h, uint64_t seed)
{
	*h = (struct hardware){.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
	fill_wires(h, add_wires(h, -1, 0, 0), 0);
	if (roll(h, 3) == 0)
		fill_wires(h, add_wires(h, -1, 0, 0x80), 0);
}

/* ---- what a reset does to it ---- */

static void hit_wires(struct hardware *h, int wires);

/* It forgets everything: VFs vanish, and what it drives is no longer driven. */
static void hit(struct hardware *h, int index)
{
	size_t i;

	if (h->node[index].hit)
		return;
	h->node[index].hit = true;
	for (i = 0; i < h->n; i++)
		if (h->node[i].pf == index)
			hit(h, (int)i);
	if (h->node[index].secondary >= 0)
		hit_wires(h, h->node[index].secondary);
}

static void hit_wires(struct hardware *h, int wires)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->node[i].bus == wires)
			hit(h, (int)i);
}

/* On a root bus nothing is shared but the board: a slot there is a device number. */
static void hit_root_slot(struct hardware *h, int index)
{
	const struct node *n = &h->node[index];
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->node[i].bus == n->bus && h->node[i].bdf.bus == n->bdf.bus &&
			h->node[i].bdf.dev == n->bdf.dev)
			hit(h, (int)i);
}

static void reset(struct hardware *h, int index, enum reset_scope scope)
{
	int wires = h->node[index].bus;
	size_t i;

	for (i = 0; i < h->n; i++)
		h->node[i].hit = false;
	if (scope == SCOPE_FUNCTION || scope == SCOPE_BELOW)
		hit(h, index);
	else if (scope == SCOPE_SLOT && h->wires[wires].driver < 0)
		hit_root_slot(h, index);
	else
		hit_wires(h, wires);
}

/* ---- the same machine as sysfs tells it ---- */

static int by_bdf(const void *a, const void *b)
{
	return bdf_cmp(((const struct pcidev *)a)->bdf, ((const struct pcidev *)b)->bdf);
}

static void tell(const struct hardware *h, struct pcidev *out)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		const struct node *n = &h->node[i];
		int above = h->wires[n->bus].driver;

		out[i] = (struct pcidev){.bdf = n->bdf,
			.is_bridge = n->is_bridge,
			.secondary_bus = n->is_bridge ? h->wires[n->secondary].number : 0,
			.has_parent = above >= 0,
			.is_vf = n->pf >= 0};
		if (above >= 0)
			out[i].parent = h->node[above].bdf;
		if (n->pf >= 0)
			out[i].physfn = h->node[n->pf].bdf;
	}
	qsort(out, h->n, sizeof(*out), by_bdf);
}

static void print_machine(const struct hardware *h)
{
	char bdf[BDF_LEN], above[BDF_LEN];
	size_t i;

	for (i = 0; i < h->n; i++) {
		const struct node *n = &h->node[i];
		int driver = h->wires[n->bus].driver;

		print_message("%s%s below %s%s%s\n", bdf_text(n->bdf, bdf), n->hit ? " hit" : "",
			driver >= 0 ? bdf_text(h->node[driver].bdf, above) : "nothing",
			n->is_bridge ? ", a bridge" : "", n->pf >= 0 ? ", a VF" : "");
	}
}

static void compare(struct hardware *h, const struct pcidev_list *list, int index,
	enum reset_scope scope, uint64_t seed)
{
	struct bdf_set set = {0};
	size_t i, j, hits = 0;
	char bdf[BDF_LEN];
	bool same = true;

	reset(h, index, scope);
	scope_disturbed(list, pcidev_find(list, h->node[index].bdf), scope, &set);
	for (i = 0; i < h->n; i++) {
		hits += h->node[i].hit;
		for (j = 0; j < set.n && !bdf_eq(set.v[j], h->node[i].bdf); j++)
			continue;
		same &= h->node[i].hit == (j < set.n);
	}
	if (!same || hits != set.n) {
		print_machine(h);
		for (j = 0; j < set.n; j++)
			print_message("guard: %s\n", bdf_text(set.v[j], bdf));
		fail_msg("seed %" PRIu64 ": scope %d of %s: %zu functions, the guard has %zu", seed,
			(int)scope, bdf_text(h->node[index].bdf, bdf), hits, set.n);
	}
	bdf_set_finish(&set);
}

static size_t try_machine(uint64_t seed)
{
	struct pcidev devs[NODES_MAX];
	struct hardware h;
	size_t i;

	make(&h, seed);
	tell(&h, devs);
	const struct pcidev_list list = {devs, h.n};
	for (i = 0; i < h.n; i++) {
		compare(&h, &list, (int)i, SCOPE_FUNCTION, seed);
		compare(&h, &list, (int)i, SCOPE_BUS, seed);
		compare(&h, &list, (int)i, SCOPE_SLOT, seed);
		compare(&h, &list, (int)i, SCOPE_BELOW, seed);
	}
	return h.n;
}

static void what_the_guard_expects_is_what_the_hardware_does(void **state)
{
	const char *wanted = getenv("VFIO_STRESS_SEED");
	uint64_t first = (uint64_t)clock_wall_ns() / 1000, i, one;
	size_t functions = 0;

	(void)state;
	if (wanted != NULL && str_to_u64(wanted, 10, UINT64_MAX, &one)) {
		try_machine(one);
		return;
	}
	print_message("seeds from %" PRIu64 " on\n", first);
	for (i = 0; i < MACHINES; i++)
		functions += try_machine(first + i);
	/* a generator that makes next to nothing would prove as much */
	assert_true(functions > 8 * MACHINES);
	print_message("%d machines, %zu functions\n", MACHINES, functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_guard_expects_is_what_the_hardware_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

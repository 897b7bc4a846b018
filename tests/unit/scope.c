/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/scope.h"

#include "base/str.h"

#include "cmocka_all.h"

#include <string.h>

/* A small machine: root ports, a switch, a two-function card, a PF with VFs on the next bus. */
static struct pcidev machine[] = {
	{.bdf = {0, 0, 1, 0}, .is_bridge = true, .secondary_bus = 1},
	{.bdf = {0, 0, 2, 0}, .is_bridge = true, .secondary_bus = 6},
	{.bdf = {0, 0, 3, 0}},
	{.bdf = {0, 0, 3, 1}},
	{.bdf = {0, 1, 0, 0}, .has_parent = true, .parent = {0, 0, 1, 0}, .is_bridge = true},
	{.bdf = {0, 2, 0, 0}, .has_parent = true, .parent = {0, 1, 0, 0}, .is_bridge = true},
	{.bdf = {0, 2, 1, 0}, .has_parent = true, .parent = {0, 1, 0, 0}, .is_bridge = true},
	{.bdf = {0, 3, 0, 0}, .has_parent = true, .parent = {0, 2, 0, 0}},
	{.bdf = {0, 3, 0, 1}, .has_parent = true, .parent = {0, 2, 0, 0}},
	{.bdf = {0, 4, 0, 0}, .has_parent = true, .parent = {0, 2, 1, 0}},
	{.bdf = {0, 6, 0, 0}, .has_parent = true, .parent = {0, 0, 2, 0}, .is_pf_with_vfs = true},
	{.bdf = {0, 6, 0, 1},
		.has_parent = true,
		.parent = {0, 0, 2, 0},
		.is_vf = true,
		.physfn = {0, 6, 0, 0}},
	{.bdf = {0, 7, 0, 0},
		.has_parent = true,
		.parent = {0, 0, 2, 0},
		.is_vf = true,
		.physfn = {0, 6, 0, 0}},
};
static const struct pcidev_list all = {machine, sizeof(machine) / sizeof(machine[0])};

/* "03:00.0 03:00.1": what such a reset of `bdf` disturbs. Static buffer. */
static const char *disturbed(const char *bdf, enum reset_scope scope)
{
	static char text[512];
	struct bdf_set set = {0};
	char one[BDF_LEN];
	struct bdf b;
	size_t i;

	assert_true(bdf_parse(bdf, &b));
	scope_disturbed(&all, pcidev_find(&all, b), scope, &set);
	text[0] = '\0';
	for (i = 0; i < set.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			bdf_text(set.v[i], one) + 5);
	bdf_set_finish(&set);
	return text;
}

static void draw(void *arg, const struct scope_line *line)
{
	char one[BDF_LEN], *text = arg;

	snprintf(text + strlen(text), 512 - strlen(text), "%*s%s%s%s\n", (int)line->depth, "",
		bdf_text(line->dev->bdf, one) + 5, line->why[0] ? " " : "", line->why);
}

static const char *tree(const char *bdf, enum reset_scope scope)
{
	static char text[512];
	struct bdf b;

	text[0] = '\0';
	assert_true(bdf_parse(bdf, &b));
	scope_tell(&all, pcidev_find(&all, b), scope, draw, text);
	return text;
}

static void a_tree_says_why_each_is_disturbed(void **state)
{
	(void)state;
	assert_string_equal(tree("03:00.1", SCOPE_SLOT), "03:00.0 in its slot\n03:00.1\n");
	assert_string_equal(
		tree("02:00.0", SCOPE_BELOW), "02:00.0\n 03:00.0 below it\n 03:00.1 below it\n");
	assert_string_equal(tree("06:00.0", SCOPE_FUNCTION),
		"06:00.0\n 06:00.1 its virtual function\n 07:00.0 its virtual function\n");
	assert_string_equal(tree("02:00.0", SCOPE_BUS),
		"02:00.0\n 03:00.0 below it\n 03:00.1 below it\n02:01.0 on its bus\n"
		" 04:00.0 below it\n");
}

static void a_function_reset_disturbs_the_function(void **state)
{
	(void)state;
	assert_string_equal(disturbed("03:00.0", SCOPE_FUNCTION), "03:00.0");
	assert_string_equal(disturbed("00:03.1", SCOPE_FUNCTION), "00:03.1");
}

static void a_pf_takes_its_vfs_along_a_vf_nobody(void **state)
{
	(void)state;
	assert_string_equal(disturbed("06:00.0", SCOPE_FUNCTION), "06:00.0 06:00.1 07:00.0");
	assert_string_equal(disturbed("06:00.1", SCOPE_FUNCTION), "06:00.1");
	assert_string_equal(disturbed("07:00.0", SCOPE_FUNCTION), "07:00.0");
}

static void a_bus_reset_disturbs_everything_under_the_port(void **state)
{
	(void)state;
	assert_string_equal(disturbed("03:00.0", SCOPE_BUS), "03:00.0 03:00.1");
	assert_string_equal(disturbed("06:00.0", SCOPE_BUS), "06:00.0 06:00.1 07:00.0");
	assert_string_equal(
		disturbed("01:00.0", SCOPE_BUS), "01:00.0 02:00.0 02:01.0 03:00.0 03:00.1 04:00.0");
}

static void a_slot_of_a_root_bus_is_a_device_number(void **state)
{
	(void)state;
	assert_string_equal(disturbed("00:03.0", SCOPE_SLOT), "00:03.0 00:03.1");
	assert_string_equal(disturbed("03:00.1", SCOPE_SLOT), "03:00.0 03:00.1");
}

static void below_a_bridge_is_recursive(void **state)
{
	(void)state;
	assert_string_equal(disturbed("00:01.0", SCOPE_BELOW),
		"00:01.0 01:00.0 02:00.0 02:01.0 03:00.0 03:00.1 04:00.0");
	assert_string_equal(disturbed("02:01.0", SCOPE_BELOW), "02:01.0 04:00.0");
}

static void resetting_a_bridge_alone_reaches_what_is_below(void **state)
{
	(void)state;
	assert_string_equal(disturbed("02:00.0", SCOPE_FUNCTION), "02:00.0 03:00.0 03:00.1");
}

/* ---- random machines against a slow and simple model ---- */

#define RANDOM_MAX 48

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* Grows a tree: each function hangs under an earlier bridge or on the root bus. */
static size_t grow(struct pcidev *v, unsigned *seed)
{
	uint8_t buses = 0, bus_of[RANDOM_MAX];
	size_t n = 1 + next_random(seed) % RANDOM_MAX, i, up;
	uint8_t slots[256] = {0};

	for (i = 0; i < n; i++) {
		struct pcidev *d = &v[i];

		*d = (struct pcidev){0};
		up = i ? next_random(seed) % i : 0;
		bus_of[i] = 0;
		if (i > 0 && next_random(seed) % 4 != 0 && v[up].is_bridge) {
			d->has_parent = true;
			d->parent = v[up].bdf;
			bus_of[i] = v[up].secondary_bus;
		}
		d->bdf = (struct bdf){0, bus_of[i], (uint8_t)(slots[bus_of[i]] / 4),
			(uint8_t)(slots[bus_of[i]] % 4)};
		slots[bus_of[i]]++;
		if (next_random(seed) % 3 == 0) {
			d->is_bridge = true;
			d->secondary_bus = ++buses;
		} else if (i > 0 && next_random(seed) % 4 == 0 && !v[i - 1].is_bridge &&
			!v[i - 1].is_vf) {
			d->is_vf = true;
			d->physfn = v[i - 1].bdf;
			d->has_parent = v[i - 1].has_parent;
			d->parent = v[i - 1].parent;
		}
	}
	return n;
}

static int by_address(const void *a, const void *b)
{
	return bdf_cmp(((const struct pcidev *)a)->bdf, ((const struct pcidev *)b)->bdf);
}

/* The kernel's view: a bus is reset with every device on it and, through bridges, below it. */
static void model_reset(const struct pcidev_list *l, const struct pcidev *d, bool *hit);

static void model_bus_of_port(
	const struct pcidev_list *l, bool root, struct bdf port, uint8_t root_bus, bool *hit)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct pcidev *d = &l->v[i];

		if (root ? (!d->has_parent && d->bdf.bus == root_bus)
			 : (d->has_parent && bdf_eq(d->parent, port)))
			model_reset(l, d, hit);
	}
}

static void model_reset(const struct pcidev_list *l, const struct pcidev *d, bool *hit)
{
	size_t i;

	if (hit[d - l->v])
		return;
	hit[d - l->v] = true;
	if (d->is_bridge)
		model_bus_of_port(l, false, d->bdf, 0, hit);
	for (i = 0; i < l->n; i++)
		if (l->v[i].is_vf && bdf_eq(l->v[i].physfn, d->bdf))
			model_reset(l, &l->v[i], hit);
}

static void model(
	const struct pcidev_list *l, const struct pcidev *d, enum reset_scope scope, bool *hit)
{
	size_t i;

	if (scope == SCOPE_BUS || (scope == SCOPE_SLOT && d->has_parent)) {
		model_bus_of_port(l, !d->has_parent, d->parent, d->bdf.bus, hit);
		return;
	}
	model_reset(l, d, hit);
	for (i = 0; scope == SCOPE_SLOT && i < l->n; i++)
		if (!l->v[i].has_parent && l->v[i].bdf.bus == d->bdf.bus &&
			l->v[i].bdf.dev == d->bdf.dev)
			model_reset(l, &l->v[i], hit);
}

static void random_machines_agree_with_a_simple_model(void **state)
{
	struct pcidev v[RANDOM_MAX];
	unsigned seed = 1, round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct pcidev_list list = {v, grow(v, &seed)};
		const struct pcidev *d = &v[next_random(&seed) % list.n];
		enum reset_scope scope = (enum reset_scope)(next_random(&seed) % 4);
		bool hit[RANDOM_MAX] = {false};
		struct bdf_set set = {0};
		struct bdf bdf = d->bdf;
		size_t i, k = 0;

		qsort(v, list.n, sizeof(v[0]), by_address);
		d = pcidev_find(&list, bdf);
		scope_disturbed(&list, d, scope, &set);
		model(&list, d, scope, hit);
		for (i = 0; i < list.n; i++) {
			bool in = k < set.n && bdf_eq(set.v[k], v[i].bdf);

			if (in != hit[i])
				fail_msg("round %u: %02x:%02x.%x", round, v[i].bdf.bus,
					v[i].bdf.dev, v[i].bdf.fn);
			k += in;
		}
		assert_int_equal(k, set.n);
		bdf_set_finish(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_says_why_each_is_disturbed),
		cmocka_unit_test(a_function_reset_disturbs_the_function),
		cmocka_unit_test(a_pf_takes_its_vfs_along_a_vf_nobody),
		cmocka_unit_test(a_bus_reset_disturbs_everything_under_the_port),
		cmocka_unit_test(a_slot_of_a_root_bus_is_a_device_number),
		cmocka_unit_test(below_a_bridge_is_recursive),
		cmocka_unit_test(resetting_a_bridge_alone_reaches_what_is_below),
		cmocka_unit_test(random_machines_agree_with_a_simple_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

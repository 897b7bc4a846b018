/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* A root bus before, and what it is after; domain and bus only. */
struct root_pair {
	struct bdf a, b;
};

/* Functions of the machine after, by where they are and by what they are. */
struct matcher {
	struct differ *d;
	const struct pcidev **by_place, **by_identity;
	size_t n; /* VFs left out: they are their PF's */
	VEC(struct root_pair) roots; /* those that have another number */
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Below the same function, or on the same root bus; then by device and function. */
static int by_place(const void *x, const void *y)
{
	const struct pcidev *a = *(const struct pcidev *const *)x,
			    *b = *(const struct pcidev *const *)y;
	int c = compare(a->has_parent, b->has_parent);

	if (c == 0 && a->has_parent)
		c = bdf_cmp(a->parent, b->parent);
	else if (c == 0)
		c = compare((uint64_t)a->bdf.domain << 8 | a->bdf.bus,
			(uint64_t)b->bdf.domain << 8 | b->bdf.bus);
	return c ? c : compare(a->bdf.dev * 8u + a->bdf.fn, b->bdf.dev * 8u + b->bdf.fn);
}

static uint64_t identity(const struct pcidev *dev)
{
	return (uint64_t)dev->vendor << 48 | (uint64_t)dev->device << 32 |
		(uint64_t)dev->subvendor << 16 | dev->subdevice;
}

static int by_identity(const void *x, const void *y)
{
	const struct pcidev *a = *(const struct pcidev *const *)x,
			    *b = *(const struct pcidev *const *)y;
	int c = compare(identity(a), identity(b));

	return c ? c : bdf_cmp(a->bdf, b->bdf);
}

/* ---- root buses ---- */

static bool has_root_bus(const struct topology *t, struct bdf bus)
{
	size_t i;

	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *dev = &t->devs.v[i];

		if (!dev->has_parent && dev->bdf.domain == bus.domain && dev->bdf.bus == bus.bus)
			return true;
	}
	return false;
}

static bool same_bus(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus;
}

/* The next root bus of `t` that `other` does not have; *at begins as 0. */
static bool next_own_root(
	const struct topology *t, const struct topology *other, size_t *at, struct bdf *out)
{
	for (; *at < t->devs.n; ++*at) {
		const struct pcidev *dev = &t->devs.v[*at];

		if (dev->has_parent || dev->is_vf ||
			(*at > 0 && same_bus(dev->bdf, t->devs.v[*at - 1].bdf)) ||
			has_root_bus(other, dev->bdf))
			continue;
		*out = dev->bdf;
		++*at;
		return true;
	}
	return false;
}

/* Root buses that only one of the two has are the same ones in order: firmware numbers them anew. */
static void match_roots(struct matcher *m)
{
	size_t at_a = 0, at_b = 0;
	struct bdf a, b;

	while (next_own_root(m->d->a, m->d->b, &at_a, &a) &&
		next_own_root(m->d->b, m->d->a, &at_b, &b))
		*vec_push(&m->roots) = (struct root_pair){a, b};
}

/* ---- pairs ---- */

static size_t parent_of(const struct topology *t, const struct pcidev *dev)
{
	const struct pcidev *up = topology_parent(t, dev);

	return up ? (size_t)(up - t->devs.v) : NO_PARTNER;
}

static void pair(struct differ *d, size_t a, size_t b, enum pairing how)
{
	d->b_of[a] = b;
	d->a_of[b] = a;
	d->pairing[a] = how;
}

/* What is where `a` was; NULL: nothing, or nobody knows where that is. */
static const struct pcidev *at_place_of(struct matcher *m, const struct pcidev *a)
{
	struct pcidev key = *a;
	const struct pcidev *wanted = &key, *const * found;
	size_t up = parent_of(m->d->a, a);

	/* a parent that is not there, or is a VF, has no partner: its address must do */
	if (up != NO_PARTNER && !m->d->a->devs.v[up].is_vf) {
		if (m->d->b_of[up] == NO_PARTNER)
			return NULL;
		key.parent = m->d->b->devs.v[m->d->b_of[up]].bdf;
	}
	vec_foreach (root, &m->roots)
		if (!key.has_parent && same_bus(root->a, a->bdf)) {
			key.bdf.domain = root->b.domain;
			key.bdf.bus = root->b.bus;
		}
	found = bsearch(&wanted, m->by_place, m->n, sizeof(wanted), by_place);
	return found ? *found : NULL;
}

/*
 * In BDF order a bridge comes before what is below it, but for strange machines: again until no more
 * are found. A bridge is the same one also when its ids changed: what is below has not moved.
 */
static bool pair_by_place(struct matcher *m, bool others_too)
{
	struct differ *d = m->d;
	bool found = false;
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		const struct pcidev *a = &d->a->devs.v[i], *b;

		if (d->b_of[i] != NO_PARTNER || a->is_vf)
			continue;
		b = at_place_of(m, a);
		if (b == NULL || d->a_of[b - d->b->devs.v] != NO_PARTNER)
			continue;
		if (identity(a) == identity(b))
			pair(d, i, (size_t)(b - d->b->devs.v), PAIR_PLACE);
		else if (others_too || (a->is_bridge && b->is_bridge))
			pair(d, i, (size_t)(b - d->b->devs.v), PAIR_REPLACED);
		found |= d->b_of[i] != NO_PARTNER;
	}
	return found;
}

/* An unmatched function after that is the same thing as `a`, of the same number in its slot. */
static const struct pcidev *elsewhere(struct matcher *m, const struct pcidev *a)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (identity(m->by_identity[middle]) < identity(a))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < m->n && identity(m->by_identity[low]) == identity(a); low++) {
		const struct pcidev *b = m->by_identity[low];

		if (m->d->a_of[b - m->d->b->devs.v] == NO_PARTNER && b->bdf.fn == a->bdf.fn)
			return b;
	}
	return NULL;
}

/* The other functions of a slot that has moved. */
static void pair_along(struct differ *d, const struct pcidev *a, const struct pcidev *b)
{
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		const struct pcidev *other = &d->a->devs.v[i], *there;
		struct bdf at = b->bdf;

		if (d->b_of[i] != NO_PARTNER || other->is_vf || !topology_same_slot(other, a))
			continue;
		at.fn = other->bdf.fn;
		there = pcidev_find(&d->b->devs, at);
		if (there != NULL && d->a_of[there - d->b->devs.v] == NO_PARTNER &&
			identity(there) == identity(other))
			pair(d, i, (size_t)(there - d->b->devs.v), PAIR_ALONG);
	}
}

/* The first that is found elsewhere; what is below it then has its place again. */
static bool pair_one_moved(struct matcher *m)
{
	struct differ *d = m->d;
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		const struct pcidev *a = &d->a->devs.v[i], *b;

		if (d->b_of[i] != NO_PARTNER || a->is_vf || (b = elsewhere(m, a)) == NULL)
			continue;
		pair(d, i, (size_t)(b - d->b->devs.v), PAIR_MOVED);
		pair_along(d, a, b);
		return true;
	}
	return false;
}

/* VFs by their number: the distance from their PF (SR-IOV spec: first VF offset and stride). */
static void pair_vfs(struct differ *d)
{
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		const struct pcidev *a = &d->a->devs.v[i], *pf, *b;
		size_t up;

		if (!a->is_vf || (pf = pcidev_find(&d->a->devs, a->physfn)) == NULL)
			continue;
		up = d->b_of[pf - d->a->devs.v];
		if (up == NO_PARTNER)
			continue;
		b = pcidev_find(&d->b->devs,
			bdf_from_rid(d->b->devs.v[up].bdf.domain,
				(uint16_t)(bdf_rid(d->b->devs.v[up].bdf) + bdf_rid(a->bdf) -
					bdf_rid(pf->bdf))));
		if (b != NULL && b->is_vf && d->a_of[b - d->b->devs.v] == NO_PARTNER)
			pair(d, i, (size_t)(b - d->b->devs.v), PAIR_PLACE);
	}
}

void diff_match(struct differ *d)
{
	struct matcher m = {.d = d};
	size_t i;

	m.by_place = xcalloc(d->b->devs.n + 1, sizeof(*m.by_place));
	m.by_identity = xcalloc(d->b->devs.n + 1, sizeof(*m.by_identity));
	for (i = 0; i < d->a->devs.n; i++)
		d->b_of[i] = NO_PARTNER;
	for (i = 0; i < d->b->devs.n; i++) {
		d->a_of[i] = NO_PARTNER;
		if (!d->b->devs.v[i].is_vf)
			m.by_place[m.n++] = &d->b->devs.v[i];
	}
	memcpy(m.by_identity, m.by_place, m.n * sizeof(*m.by_place));
	qsort(m.by_place, m.n, sizeof(*m.by_place), by_place);
	qsort(m.by_identity, m.n, sizeof(*m.by_identity), by_identity);
	match_roots(&m);
	do {
		while (pair_by_place(&m, false))
			continue;
	} while (pair_one_moved(&m));
	while (pair_by_place(&m, true))
		continue;
	pair_vfs(d);
	vec_finish(&m.roots);
	free(m.by_place);
	free(m.by_identity);
}

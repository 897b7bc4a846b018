/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/scope.h"

#include "base/vec.h"

/*
 * What one function takes along by itself: a bridge, and the host of a PCI domain (VMD), what hangs on it;
 * a PF its VFs, which an FLR of it disables (PCIe base spec, 9.2.2.3).
 */
static bool takes_along(const struct pcidev *dev, const struct pcidev *other)
{
	return (other->has_parent && bdf_eq(other->parent, dev->bdf)) ||
		(other->is_vf && bdf_eq(other->physfn, dev->bdf));
}

/* Do both hang directly under the same port? A VF does where its PF does, whatever its bus number. */
static bool same_bus(const struct pcidev *a, const struct pcidev *b)
{
	if (a->has_parent || b->has_parent)
		return a->has_parent && b->has_parent && bdf_eq(a->parent, b->parent);
	return a->bdf.domain == b->bdf.domain && a->bdf.bus == b->bdf.bus;
}

/*
 * A hotplug port resets its slot by a reset of its secondary bus, and below a PCIe port there is
 * one device, so its slot is its bus. On a root bus the device number tells the slots apart.
 */
static bool same_slot(const struct pcidev *a, const struct pcidev *b)
{
	return same_bus(a, b) && (a->has_parent || a->bdf.dev == b->bdf.dev);
}

bool scope_together(const struct pcidev *a, const struct pcidev *b, enum reset_scope scope)
{
	if (scope == SCOPE_FUNCTION)
		return bdf_eq(a->bdf, b->bdf);
	return scope == SCOPE_SLOT ? same_slot(a, b) : same_bus(a, b);
}

static bool direct(enum reset_scope scope, const struct pcidev *dev, const struct pcidev *other)
{
	if (scope == SCOPE_BUS || scope == SCOPE_SLOT)
		return scope_together(dev, other, scope);
	return bdf_eq(other->bdf, dev->bdf);
}

/* Members as they are found, to be asked whom they take along. */
struct members {
	bool *is_one; /* by index of the list */
	size_t *found, n;
};

static void add(struct members *m, size_t i)
{
	m->is_one[i] = true;
	m->found[m->n++] = i;
}

static void close_over(const struct pcidev_list *all, struct members *m)
{
	size_t next, i;

	for (next = 0; next < m->n; next++)
		for (i = 0; i < all->n; i++)
			if (!m->is_one[i] && takes_along(&all->v[m->found[next]], &all->v[i]))
				add(m, i);
}

void scope_disturbed(const struct pcidev_list *all, const struct pcidev *dev,
	enum reset_scope scope, struct bdf_set *out)
{
	auto_free bool *is_one = xcalloc(all->n + 1, sizeof(*is_one));
	auto_free size_t *found = xcalloc(all->n + 1, sizeof(*found));
	struct members m = {.is_one = is_one, .found = found};
	struct bdf_set set = {0};
	size_t i;

	for (i = 0; i < all->n; i++)
		if (direct(scope, dev, &all->v[i]))
			add(&m, i);
	close_over(all, &m);
	set.v = xcalloc(m.n + 1, sizeof(*set.v));
	for (i = 0; i < all->n; i++)
		if (is_one[i])
			set.v[set.n++] = all->v[i].bdf;
	*out = set;
}

bool bdf_set_has(const struct bdf_set *set, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (bdf_eq(set->v[i], bdf))
			return true;
	return false;
}

void bdf_set_finish(struct bdf_set *set)
{
	free(set->v);
	*set = (struct bdf_set){0};
}

/* ---- as a tree ---- */

struct tree {
	const struct pcidev_list *all;
	const struct pcidev *dev;
	enum reset_scope scope;
	struct bdf_set set;
	scope_line_fn *fn;
	void *arg;
};

/* What takes it along, among what is disturbed: its PF, or the function above; NULL = neither. */
static const struct pcidev *taken_by(const struct tree *t, const struct pcidev *dev)
{
	if (dev->is_vf && bdf_set_has(&t->set, dev->physfn))
		return pcidev_find(t->all, dev->physfn);
	if (dev->has_parent && bdf_set_has(&t->set, dev->parent))
		return pcidev_find(t->all, dev->parent);
	return NULL;
}

static const char *why(const struct tree *t, const struct pcidev *dev, const struct pcidev *above)
{
	if (bdf_eq(dev->bdf, t->dev->bdf))
		return "";
	if (above != NULL)
		return dev->is_vf && bdf_eq(dev->physfn, above->bdf) ? "its virtual function"
								     : "below it";
	return t->scope == SCOPE_BUS ? "on its bus" : "in its slot";
}

static void tell_below(const struct tree *t, const struct pcidev *above, size_t depth)
{
	size_t i;

	for (i = 0; i < t->set.n; i++) {
		const struct pcidev *dev = pcidev_find(t->all, t->set.v[i]);

		if (taken_by(t, dev) != above)
			continue;
		t->fn(t->arg, &(struct scope_line){dev, depth, why(t, dev, above)});
		tell_below(t, dev, depth + 1);
	}
}

size_t scope_tell(const struct pcidev_list *all, const struct pcidev *dev, enum reset_scope scope,
	scope_line_fn *fn, void *arg)
{
	struct tree t = {.all = all, .dev = dev, .scope = scope, .fn = fn, .arg = arg};
	size_t n;

	scope_disturbed(all, dev, scope, &t.set);
	tell_below(&t, NULL, 0);
	n = t.set.n;
	bdf_set_finish(&t.set);
	return n;
}

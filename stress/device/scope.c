/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/scope.h"

#include "base/vec.h"

/* Is `other` disturbed when function `dev` alone is reset? */
static bool in_function(
	const struct pcidev_list *all, const struct pcidev *dev, const struct pcidev *other)
{
	/* a bridge, and the host of a PCI domain (VMD), take along what is behind them */
	if (pcidev_is_below(all, other, dev->bdf))
		return true;
	/* an FLR of a PF disables its VFs (PCIe base spec, 9.2.2.3) */
	return other->is_vf && bdf_eq(other->physfn, dev->bdf);
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

static bool direct(enum reset_scope scope, const struct pcidev_list *all, const struct pcidev *dev,
	const struct pcidev *other)
{
	if (scope == SCOPE_BUS || scope == SCOPE_SLOT)
		return scope_together(dev, other, scope);
	return in_function(all, dev, other);
}

/* Takes in whatever one of the members takes along, until nothing is added. */
static void close_over(const struct pcidev_list *all, bool *member)
{
	bool grown;
	size_t i, j;

	do {
		grown = false;
		for (i = 0; i < all->n; i++) {
			if (!member[i])
				continue;
			for (j = 0; j < all->n; j++) {
				if (member[j] || !in_function(all, &all->v[i], &all->v[j]))
					continue;
				member[j] = grown = true;
			}
		}
	} while (grown);
}

void scope_disturbed(const struct pcidev_list *all, const struct pcidev *dev,
	enum reset_scope scope, struct bdf_set *out)
{
	auto_free bool *member = xcalloc(all->n + 1, sizeof(*member));
	VEC(struct bdf) found = {0};
	size_t i;

	for (i = 0; i < all->n; i++)
		member[i] = direct(scope, all, dev, &all->v[i]);
	close_over(all, member);
	for (i = 0; i < all->n; i++)
		if (member[i])
			*vec_push(&found) = all->v[i].bdf;
	*out = (struct bdf_set){found.v, found.n};
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

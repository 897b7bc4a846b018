/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_SCOPE_H
#define VFIO_STRESS_DEVICE_SCOPE_H

#include "world/pcidev.h"

/* How far a reset reaches (docs/design.md, "Scope of each reset"). */
enum reset_scope {
	SCOPE_FUNCTION, /* the function; a PF also all its VFs */
	SCOPE_BUS, /* the function, alone on its bus */
	SCOPE_SLOT, /* everything in its slot */
	SCOPE_BELOW, /* everything below the bridge, recursively */
};

/* Do both hang on the same bus (SCOPE_BUS, SCOPE_BELOW) or in the same slot? */
bool scope_together(const struct pcidev *a, const struct pcidev *b, enum reset_scope scope);

struct bdf_set {
	struct bdf *v;
	size_t n;
};

/* Every function that such a reset of `dev` disturbs, itself included, in BDF order. */
void scope_disturbed(const struct pcidev_list *all, const struct pcidev *dev,
	enum reset_scope scope, struct bdf_set *out);
bool bdf_set_has(const struct bdf_set *set, struct bdf bdf);
void bdf_set_finish(struct bdf_set *set);

/* One of them, as a line of a tree. */
struct scope_line {
	const struct pcidev *dev;
	size_t depth; /* 0: nothing above it is disturbed */
	const char *why; /* "in its slot"; "" = it is what is reset */
};

/* Tells `fn` of the same functions, each after what it is below. Returns how many. */
typedef void scope_line_fn(void *arg, const struct scope_line *line);
size_t scope_tell(const struct pcidev_list *all, const struct pcidev *dev, enum reset_scope scope,
	scope_line_fn *fn, void *arg);

#endif

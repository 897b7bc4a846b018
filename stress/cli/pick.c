/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/pick.h"

#include "model/topology.h"

#include <stdlib.h>

static int check_selector(const struct topology *t, const char *selector, struct err *err)
{
	size_t i;

	if (pcidev_selector_check(selector, err) != 0)
		return -1;
	for (i = 0; i < t->devs.n; i++)
		if (pcidev_matches(&t->devs.v[i], selector))
			return 0;
	err_set(err, ERR_ABSENT, 0, "no device here is '%s'", selector);
	return err_hint(err, "`vfio-stress devices --all` lists what is there");
}

static bool is_named(const struct pcidev *dev, const char *const *selectors, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pcidev_matches(dev, selectors[i]))
			return true;
	return false;
}

int pick_devices(const struct topology *t, const char *const *selectors, size_t n, bool all,
	struct pick *out, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (check_selector(t, selectors[i], err) != 0)
			return -1;
	*out = (struct pick){.v = xcalloc(t->devs.n + 1, sizeof(*out->v))};
	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *dev = &t->devs.v[i];

		if (n > 0 ? is_named(dev, selectors, n) : all || topology_is_candidate(dev))
			out->v[out->n++] = dev;
	}
	return 0;
}

bool pick_has(const struct pick *p, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i] == dev)
			return true;
	return false;
}

void pick_finish(struct pick *p)
{
	free(p->v);
	*p = (struct pick){0};
}

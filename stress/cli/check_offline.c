/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_offline.h"

#include "base/str.h"
#include "cli/command.h"
#include "cli/machine.h"
#include "engine/plan.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "model/topology.h"

#include <stdarg.h>
#include <stdlib.h>

/* A scenario on another machine, and what cannot be said of it. */
struct offline {
	const struct topology *t;
	const struct lane_spec *spec; /* the lane that is looked at */
	struct plan_lane *lane;
	struct str doubts;
	size_t n;
};

static void doubt(struct offline *o, const char *fmt, ...) printf_like(2, 3);

static void doubt(struct offline *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_addf(&o->doubts, "not checked: lane %s: %s\n", o->spec->name, text);
	o->n++;
}

static void add_device(struct offline *o, const struct pcidev *dev)
{
	struct plan_lane *l = o->lane;
	size_t i;

	for (i = 0; i < l->ndevs; i++)
		if (bdf_eq(l->devs[i].pci.bdf, dev->bdf))
			return;
	l->devs = xrealloc(l->devs, (l->ndevs + 1) * sizeof(*l->devs));
	l->devs[l->ndevs++] = (struct lane_device){.pci = *dev, .lock_fd = -1};
}

static const struct topology_domain *find_domain(const struct topology *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->ndomains; i++)
		if (str_eq(t->domains[i].name, name))
			return &t->domains[i];
	return NULL;
}

static void add_hostdevs(struct offline *o)
{
	const struct topology_domain *dom = find_domain(o->t, o->spec->domain);
	char bdf[BDF_LEN];
	size_t i;

	if (dom == NULL || dom->def == NULL) {
		doubt(o, "domain '%s' is not in the snapshot%s%s", o->spec->domain,
			dom && dom->problem ? ": " : "", dom && dom->problem ? dom->problem : "");
		return;
	}
	for (i = 0; i < dom->def->nhostdevs; i++) {
		const struct pcidev *dev = pcidev_find(&o->t->devs, dom->def->hostdevs[i].bdf);

		if (dev != NULL)
			add_device(o, dev);
		else
			doubt(o, "domain '%s' passes %s through, which is not there", dom->name,
				bdf_text(dom->def->hostdevs[i].bdf, bdf));
	}
}

static void add_selected(struct offline *o, const char *selector)
{
	size_t i, n = 0;

	for (i = 0; i < o->t->devs.n; i++) {
		const struct pcidev *dev = &o->t->devs.v[i];

		if (dev->is_bridge || !pcidev_matches(dev, selector))
			continue;
		add_device(o, dev);
		n++;
	}
	if (n == 0)
		doubt(o, "no device there is '%s'", selector);
}

static int by_bdf(const void *a, const void *b)
{
	const struct lane_device *x = a, *y = b;

	return bdf_cmp(x->pci.bdf, y->pci.bdf);
}

static void find_devices(struct offline *o)
{
	size_t i;

	o->lane->topology = &o->t->devs;
	if (o->spec->hostdevs && o->spec->domain != NULL)
		add_hostdevs(o);
	for (i = 0; i < o->spec->ndevices; i++)
		add_selected(o, o->spec->devices[i].text);
	if (o->lane->ndevs > 0)
		qsort(o->lane->devs, o->lane->ndevs, sizeof(*o->lane->devs), by_bdf);
	doubt(o, "who uses its devices now, and whether they answer: a snapshot cannot tell");
}

int check_offline(const struct topology *t, const struct scenario *sc, bool strict)
{
	/* nothing of this machine may be taken for the other's */
	static const struct host nowhere = {
		.root = "/nonexistent", .kmsg = "/dev/null", .simulated = true};
	auto_free struct plan_lane *lanes = xcalloc(sc->nlanes, sizeof(*lanes));
	struct offline o = {.t = t};
	size_t i;

	for (i = 0; i < sc->nlanes; i++) {
		o.spec = &sc->lanes[i];
		o.lane = &lanes[i];
		find_devices(&o);
	}
	machine_say_origin(t, stdout);
	plan_print(sc, &nowhere, lanes, stdout);
	fputs(o.doubts.s, stdout);
	str_finish(&o.doubts);
	for (i = 0; i < sc->nlanes; i++)
		free(lanes[i].devs);
	return strict ? EXIT_REFUSED : EXIT_GOOD;
}

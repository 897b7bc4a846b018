/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <string.h>

static void methods(struct look *l);
static void siblings(struct look *l);

const struct check checks_reset[] = {
	{"device.reset", CHECK_DEVICE, WEIGHT_NORMAL, "how can it be reset, and who else with it?",
		"Without a reset of its own a guest gets the device as the last one left it, and "
		"its next start may fail or hang.",
		"Look for a firmware update of the device, for a quirk (device.quirks), or for a "
		"slot where it is alone on its bus.",
		methods},
	{"device.siblings", CHECK_DEVICE, WEIGHT_NORMAL,
		"are all functions of its slot ready to go along?",
		"A reset of the slot reaches all of its functions: VFIO does it only when it holds "
		"every one of them.",
		"Pass all functions of the slot through to the same guest.", siblings},
	{0},
};

/* What each word of reset_method does (Documentation/ABI/testing/sysfs-bus-pci). */
static const struct {
	const char *word, *reach;
	bool bus; /* only for one that is alone on its bus */
} words[] = {
	{"device_specific", "the function, by a routine of the kernel", false},
	{"acpi", "by the firmware", false},
	{"flr", "the function", false},
	{"af_flr", "the function", false},
	{"pm", "the function, by way of D3hot", false},
	{"bus", "its bus", true},
	{"cxl_bus", "its bus", true},
	{"default", "what the kernel finds", false},
};

/* Others directly below the same port: whom a bus reset reaches as well. */
static size_t others_on_bus(const struct topology *t, const struct pcidev *dev)
{
	size_t i, n = 0;

	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *other = &t->devs.v[i];

		if (dev->has_parent ? other->has_parent && bdf_eq(other->parent, dev->parent)
				    : !other->has_parent && other->bdf.bus == dev->bdf.bus &&
					other->bdf.domain == dev->bdf.domain)
			n++;
	}
	return n - 1;
}

/* "flr (the function), bus (its bus)"; returns how many can really be used. */
static size_t describe(const struct pcidev *dev, size_t others, struct str *out)
{
	size_t i, usable = 0;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		bool refused = words[i].bus && others > 0;

		if (!pcidev_offers(dev, words[i].word))
			continue;
		/* function 0 keeps a word that stopped being true when function 1 was found */
		str_addf(out, "%s%s (%s)", out->len ? ", " : "", words[i].word,
			refused ? "listed, but others share the bus" : words[i].reach);
		usable += !refused;
	}
	return usable;
}

static void no_method(struct look *l, const char *listed, size_t others)
{
	const struct pcidev *port = topology_parent(l->t, l->dev);
	struct finding *f;

	if (port == NULL) {
		answer(l, CHECK_FAIL, "not at all: it offers no method and sits on a root bus");
		return;
	}
	f = answer(l, CHECK_WARN, "%s%sonly with all of its slot, by VFIO's hot reset",
		listed ? listed : "no method of its own", listed ? "; so " : ": ");
	finding_means(l, f,
		"When a guest starts or ends, VFIO resets the whole slot, if it holds all of its "
		"%zu functions; a single one cannot be reset.",
		others + 1);
	finding_advises(l, f, "Pass all functions of the slot through to the same guest.");
}

static void methods(struct look *l)
{
	size_t others = others_on_bus(l->t, l->dev);
	struct str listed = {0};

	if (describe(l->dev, others, &listed) > 0)
		answer(l, CHECK_OK, "%s%s", listed.s,
			l->dev->is_pf_with_vfs ? "; its virtual functions go along" : "");
	else if (listed.len == 0 && l->dev->reset_methods[0] != '\0')
		answer(l, CHECK_OK, "%s", l->dev->reset_methods);
	else
		no_method(l, listed.s, others);
	str_finish(&listed);
}

/* ---- the other functions of the slot ---- */

static void siblings(struct look *l)
{
	struct str names = {0}, bound = {0};
	struct namelist list = {&names, 0, 7};
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < l->t->devs.n; i++) {
		const struct pcidev *dev = &l->t->devs.v[i];

		if (dev == l->dev || dev->is_vf || l->dev->is_vf || dev->is_bridge ||
			!topology_same_slot(dev, l->dev))
			continue;
		namelist_add(&list, dev);
		if (dev->driver[0] != '\0' && !pcidev_vfio_driver(dev->driver))
			str_addf(&bound, "%s%s (%s)", bound.len ? ", " : "",
				bdf_text(dev->bdf, bdf), dev->driver);
	}
	namelist_end(&list);
	/* on a root bus the functions of a slot have nothing to do with each other */
	if (list.n > 0 && l->dev->has_parent && bound.len > 0)
		answer(l, CHECK_WARN, "the host still has %s", bound.s);
	else if (list.n > 0 && l->dev->has_parent)
		answer(l, CHECK_OK, "the host has no driver on %s", names.s);
	str_finish(&names);
	str_finish(&bound);
}

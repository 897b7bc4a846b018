/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/str.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A function before and after. */
struct both {
	struct differ *d;
	size_t i; /* of the one before */
	const struct pcidev *was, *is;
	const struct pcifacts *fwas, *fis;
};

static enum change_effect more_is_better(uint64_t was, uint64_t is)
{
	return is > was ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION;
}

static enum change_effect good(bool is)
{
	return is ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION;
}

/* ---- from sysfs ---- */

static void compare_driver(struct both *p)
{
	bool lost = pcidev_vfio_driver(p->was->driver) && !pcidev_vfio_driver(p->is->driver);

	if (!str_eq(p->was->driver, p->is->driver))
		diff_add_pair(p->d, p->i, "device.driver",
			lost ? CHANGE_REGRESSION : CHANGE_NEUTRAL, p->was->driver, p->is->driver,
			"is bound to %s, was %s", *p->is->driver ? p->is->driver : "no driver",
			*p->was->driver ? p->was->driver : "bound to none");
	if (!str_eq(p->fwas->driver_override, p->fis->driver_override))
		diff_add_pair(p->d, p->i, "device.driver-override", CHANGE_NEUTRAL,
			p->fwas->driver_override, p->fis->driver_override,
			"driver_override is %s, was %s",
			*p->fis->driver_override ? p->fis->driver_override : "not set",
			*p->fwas->driver_override ? p->fwas->driver_override : "not set");
}

/* Words of `list` that `other` does not have. */
static void words_without(const char *list, const struct pcidev *other, struct str *out)
{
	char word[sizeof(other->reset_methods)];

	for (list += strspn(list, " "); *list != '\0';
		list += strcspn(list, " "), list += strspn(list, " ")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(list, " "), list);
		if (!pcidev_offers(other, word))
			str_addf(out, "%s%s", out->len ? " " : "", word);
	}
}

static void compare_resets(struct both *p)
{
	struct str lost = {0}, gained = {0};

	words_without(p->was->reset_methods, p->is, &lost);
	words_without(p->is->reset_methods, p->was, &gained);
	if (lost.len + gained.len > 0)
		diff_add_pair(p->d, p->i, "device.reset-methods", good(lost.len == 0),
			p->was->reset_methods, p->is->reset_methods, "reset methods: %s%s%s%s%s",
			lost.len ? lost.s : "", lost.len ? " is lost" : "",
			lost.len && gained.len ? ", " : "", gained.len ? gained.s : "",
			gained.len ? " is new" : "");
	else if (!str_eq(p->was->reset_methods, p->is->reset_methods))
		diff_add_pair(p->d, p->i, "device.reset-methods", CHANGE_NEUTRAL,
			p->was->reset_methods, p->is->reset_methods,
			"reset methods are in another order: %s, was %s", p->is->reset_methods,
			p->was->reset_methods);
	str_finish(&lost);
	str_finish(&gained);
}

static const char *node_text(int node, char *buf, size_t size)
{
	if (node < 0)
		return "";
	snprintf(buf, size, "%d", node);
	return buf;
}

static void compare_numa(struct both *p)
{
	char was[16], is[16];

	node_text(p->was->numa_node, was, sizeof(was));
	if (p->was->numa_node == p->is->numa_node)
		return;
	diff_add_pair(p->d, p->i, "device.numa",
		p->is->numa_node < 0 ? CHANGE_REGRESSION : CHANGE_NEUTRAL,
		node_text(p->was->numa_node, was, sizeof(was)),
		node_text(p->is->numa_node, is, sizeof(is)), "NUMA node is %s, was %s",
		p->is->numa_node < 0 ? "unknown" : is, p->was->numa_node < 0 ? "unknown" : was);
}

static void compare_rest_of_sysfs(struct both *p)
{
	if (p->was->boot_vga != p->is->boot_vga)
		diff_add_pair(p->d, p->i, "device.boot-display", good(!p->is->boot_vga),
			p->was->boot_vga ? "yes" : "no", p->is->boot_vga ? "yes" : "no",
			p->is->boot_vga ? "is the boot display now"
					: "is no longer the boot display");
	if (p->was->class_code != p->is->class_code || p->was->revision != p->is->revision)
		diff_add_pair(p->d, p->i, "device.revision", CHANGE_NEUTRAL, NULL, NULL,
			"class %06x revision %02x, was class %06x revision %02x", p->is->class_code,
			p->is->revision, p->was->class_code, p->was->revision);
	if (p->fwas->aer.known != p->fis->aer.known)
		diff_add_pair(p->d, p->i, "device.aer", good(p->fis->aer.known),
			p->fwas->aer.known ? "kernel" : "", p->fis->aer.known ? "kernel" : "",
			p->fis->aer.known ? "the kernel handles its PCIe errors now"
					  : "the kernel no longer handles its PCIe errors");
}

/* Also of a slot: where it moved, its label is part of that. */
static void compare_slot(struct both *p)
{
	if (p->d->pairing[p->i] == PAIR_PLACE && !str_eq(p->fwas->slot, p->fis->slot))
		diff_add_pair(p->d, p->i, "device.slot", CHANGE_NEUTRAL, p->fwas->slot,
			p->fis->slot, "physical slot is %s, was %s",
			*p->fis->slot ? p->fis->slot : "unknown",
			*p->fwas->slot ? p->fwas->slot : "unknown");
}

/* ---- BARs ---- */

static uint64_t region_size(const struct pci_region *r)
{
	return r->flags == 0 || r->end < r->start ? 0 : r->end - r->start + 1;
}

static void compare_bars(struct both *p)
{
	int bar;

	for (bar = 0; bar < REGION_BARS && !p->was->is_bridge; bar++) {
		const struct pci_region *was = &p->fwas->regions[bar], *is = &p->fis->regions[bar];
		uint64_t before = region_size(was), after = region_size(is);
		bool had = !(was->flags & REGION_UNASSIGNED),
		     has = !(is->flags & REGION_UNASSIGNED);
		char b[24], a[24];

		snprintf(b, sizeof(b), "0x%" PRIx64, before);
		snprintf(a, sizeof(a), "0x%" PRIx64, after);
		if (before != after)
			diff_add_pair(p->d, p->i, "device.bar-size", more_is_better(before, after),
				before ? b : "", after ? a : "", "BAR %d has %s bytes, had %s", bar,
				a, b);
		else if (before != 0 && had != has)
			diff_add_pair(p->d, p->i, "device.bar-address", good(has),
				had ? "assigned" : "", has ? "assigned" : "",
				"BAR %d has %s address%s", bar, has ? "an" : "no",
				has ? "" : " any more");
	}
}

/* ---- config space ---- */

/* A port's own link is its device's: only what the port could do is its own. */
static bool is_lower_port(const struct pciconf *c)
{
	enum pcie_type type = pciconf_type(c);

	return type == PCIE_ROOT_PORT || type == PCIE_DOWNSTREAM;
}

static void tell_link(struct both *p, const char *id, const char *what, unsigned was, unsigned is,
	const char *was_text, const char *is_text)
{
	if (was != is)
		diff_add_pair(p->d, p->i, id, more_is_better(was, is), was_text, is_text,
			"%s is %s, was %s", what, is_text, was_text);
}

static const char *aspm_name(unsigned aspm)
{
	static const char *const names[] = {"off", "L0s", "L1", "L0s and L1"};

	return names[aspm & 3];
}

static void compare_link(struct both *p)
{
	struct pcie_link was, is;
	char w[16], i[16];

	if (p->was->is_vf || !pciconf_link(&p->fwas->conf, &was) ||
		!pciconf_link(&p->fis->conf, &is))
		return;
	snprintf(w, sizeof(w), "x%u", was.width);
	snprintf(i, sizeof(i), "x%u", is.width);
	if (!is_lower_port(&p->fis->conf))
		tell_link(p, "device.link-width", "link", was.width, is.width, w, i);
	snprintf(w, sizeof(w), "x%u", was.width_max);
	snprintf(i, sizeof(i), "x%u", is.width_max);
	tell_link(p, "device.link-width-max", "widest link", was.width_max, is.width_max, w, i);
	tell_link(p, "device.link-speed-max", "fastest link", was.speed_max, is.speed_max,
		pcie_speed_name(was.speed_max), pcie_speed_name(is.speed_max));
	if (was.aspm != is.aspm)
		diff_add_pair(p->d, p->i, "device.aspm", CHANGE_NEUTRAL, aspm_name(was.aspm),
			aspm_name(is.aspm), "ASPM is %s, was %s", aspm_name(is.aspm),
			aspm_name(was.aspm));
}

static void compare_acs(struct both *p)
{
	unsigned was = diff_acs(p->fwas), is = diff_acs(p->fis);
	char w[16], i[16];

	/* what comes of it is told by the groups, with this as the reason */
	if (was == is || diff_is_regrouped(p->d, p->i))
		return;
	snprintf(w, sizeof(w), "0x%02x", was);
	snprintf(i, sizeof(i), "0x%02x", is);
	diff_add_pair(p->d, p->i, "device.acs", good((was & ~is) == 0), w, i,
		"ACS that isolates: bits %s, were %s", i, w);
}

static void compare_capabilities(struct both *p)
{
	unsigned vfs_was = pciconf_total_vfs(&p->fwas->conf),
		 vfs_is = pciconf_total_vfs(&p->fis->conf);
	struct pci_interrupts was, is;
	char w[16], i[16];

	pciconf_interrupts(&p->fwas->conf, &was);
	pciconf_interrupts(&p->fis->conf, &is);
	if (was.msi != is.msi || was.msix != is.msix)
		diff_add_pair(p->d, p->i, "device.interrupts",
			good(is.msi >= was.msi && is.msix >= was.msix), NULL, NULL,
			"it %s MSI and %s MSI-X, it %s MSI and %s MSI-X before",
			is.msi ? "has" : "lacks", is.msix ? "has" : "lacks",
			was.msi ? "had" : "lacked", was.msix ? "had" : "lacked");
	snprintf(w, sizeof(w), "%u", vfs_was);
	snprintf(i, sizeof(i), "%u", vfs_is);
	if (vfs_was != vfs_is)
		diff_add_pair(p->d, p->i, "device.sriov", more_is_better(vfs_was, vfs_is), w, i,
			"SR-IOV: %s VFs are possible, were %s", i, w);
}

static bool answers(const struct pcidev *dev, const struct pcifacts *f)
{
	return (f->conf_state == CONF_READ || f->conf_state == CONF_HEADER_ONLY) &&
		!pciconf_all_ones(&f->conf, dev->is_vf);
}

static bool is_dead(const struct pcidev *dev, const struct pcifacts *f)
{
	return f->conf_state == CONF_STUCK || f->conf_state == CONF_FAILED ||
		pciconf_all_ones(&f->conf, dev->is_vf);
}

/* False: it was asleep, or not allowed to be read, and so not compared. */
static bool compare_config(struct both *p)
{
	if (answers(p->was, p->fwas) && is_dead(p->is, p->fis))
		diff_add_pair(p->d, p->i, "device.config", CHANGE_REGRESSION, "answers", "",
			"does not answer any more");
	else if (is_dead(p->was, p->fwas) && answers(p->is, p->fis))
		diff_add_pair(p->d, p->i, "device.config", CHANGE_IMPROVEMENT, "", "answers",
			"answers again");
	if (p->fwas->conf_state == CONF_READ && p->fis->conf_state == CONF_READ &&
		answers(p->was, p->fwas) && answers(p->is, p->fis)) {
		compare_link(p);
		compare_acs(p);
		compare_capabilities(p);
		return true;
	}
	return false;
}

/* ---- VFs: how many is a setting of their PF ---- */

static size_t count_vfs(const struct topology *t, const struct pcidev *pf)
{
	size_t i, n = 0;

	for (i = 0; pf->is_pf_with_vfs && i < t->devs.n; i++)
		n += t->devs.v[i].is_vf && bdf_eq(t->devs.v[i].physfn, pf->bdf);
	return n;
}

static void compare_vfs(struct both *p)
{
	size_t was = count_vfs(p->d->a, p->was), is = count_vfs(p->d->b, p->is);
	char w[24], i[24];

	snprintf(w, sizeof(w), "%zu", was);
	snprintf(i, sizeof(i), "%zu", is);
	if (was != is)
		diff_add_pair(p->d, p->i, "device.vfs", CHANGE_NEUTRAL, w, i,
			"%s virtual functions, were %s", i, w);
}

void diff_functions(struct differ *d)
{
	size_t i, unread = 0;

	for (i = 0; i < d->a->devs.n; i++) {
		size_t j = d->b_of[i];
		struct both p;

		/* of what was replaced nothing can be better or worse */
		if (j == NO_PARTNER || d->pairing[i] == PAIR_REPLACED)
			continue;
		p = (struct both){
			d, i, &d->a->devs.v[i], &d->b->devs.v[j], &d->a->facts[i], &d->b->facts[j]};
		compare_driver(&p);
		compare_resets(&p);
		compare_numa(&p);
		compare_slot(&p);
		compare_rest_of_sysfs(&p);
		compare_bars(&p);
		unread += !compare_config(&p);
		compare_vfs(&p);
	}
	if (unread > 0)
		diff_blind(d,
			"links, ACS and capabilities of %zu function%s: config space was not read "
			"both times",
			unread, unread == 1 ? "" : "s");
}

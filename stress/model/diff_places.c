/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define NAMED_MAX 8 /* functions named in a sentence */

/* ---- what breaks ---- */

static const struct topology_domain *domain_of(const struct topology *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->ndomains; i++)
		if (str_eq(t->domains[i].name, name))
			return &t->domains[i];
	return NULL;
}

static bool passes(const struct topology_domain *dom, struct bdf bdf)
{
	size_t i;

	for (i = 0; dom != NULL && dom->def != NULL && i < dom->def->nhostdevs; i++)
		if (bdf_eq(dom->def->hostdevs[i].bdf, bdf))
			return true;
	return false;
}

/* Domains that have the old address still, and meant the function that was there. */
static void break_domains(struct differ *d, struct change *c, struct bdf was)
{
	const struct pcidev *there = pcidev_find(&d->b->devs, was);
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < d->b->ndomains; i++) {
		const struct topology_domain *dom = &d->b->domains[i];

		if (!passes(dom, was) || !passes(domain_of(d->a, dom->name), was))
			continue;
		if (there == NULL)
			diff_break(d, c, "domain %s passes %s through: nothing is there any more",
				dom->name, bdf_text(was, bdf));
		else
			diff_break(d, c,
				"domain %s passes %s through: another device, %04x:%04x%s%s",
				dom->name, bdf_text(was, bdf), there->vendor, there->device,
				*there->name ? ", " : "", there->name);
	}
}

/* The kernel's command line and files of settings are named by what they are for the reader. */
static const char *setting_name(const char *path)
{
	return str_eq(path, "/proc/cmdline") ? "the kernel's command line" : path;
}

static bool is_setting(const struct hostfile *f)
{
	return str_eq(f->path, "/proc/cmdline") || strstr(f->path, "/modprobe.d/") != NULL ||
		str_starts(f->path, "/etc/driverctl.d/");
}

/* "0000:41:00.0", or "41:00.0" where one may leave out domain 0; in its text or its name. */
static bool names_address(const struct hostfile *f, struct bdf bdf)
{
	char text[BDF_LEN];
	const char *word = bdf_text(bdf, text);

	if (bdf.domain == 0)
		word = strchr(word, ':') + 1;
	return strstr(f->text, word) != NULL || strstr(f->path, word) != NULL;
}

static void break_settings(struct differ *d, struct change *c, struct bdf was)
{
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < d->b->files.n; i++) {
		const struct hostfile *f = &d->b->files.v[i],
				      *before = hostfiles_find(&d->a->files, f->path);

		if (is_setting(f) && names_address(f, was) && before != NULL &&
			names_address(before, was))
			diff_break(d, c, "%s names %s", setting_name(f->path), bdf_text(was, bdf));
	}
}

/* The function has another address. */
static void break_address(struct differ *d, struct change *c, size_t a)
{
	struct bdf was = d->a->devs.v[a].bdf;
	char bdf[BDF_LEN];

	break_domains(d, c, was);
	break_settings(d, c, was);
	if (d->a->facts[a].driver_override[0] != '\0' &&
		d->b->facts[d->b_of[a]].driver_override[0] == '\0')
		diff_break(d, c, "%s had driver_override %s, which is gone with its address",
			bdf_text(was, bdf), d->a->facts[a].driver_override);
}

/* A list of ids (`vfio-pci.ids=10de:2684,...`) that has, or had, this kind of device in it. */
static const struct hostfile *ids_rule(
	const struct topology *t, const struct pcidev *dev, const struct hostfile *after)
{
	const struct hostfile *f = after ? after + 1 : t->files.v;
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", dev->vendor, dev->device);
	for (; f < t->files.v + t->files.n; f++)
		if (is_setting(f) && strstr(f->text, "ids=") != NULL &&
			strcasestr(strstr(f->text, "ids="), id) != NULL)
			return f;
	return NULL;
}

static void break_lost_id(
	struct differ *d, struct change *c, const struct pcidev *was, const struct pcidev *is)
{
	const struct hostfile *f = NULL;

	if (was->vendor == is->vendor && was->device == is->device)
		return;
	while ((f = ids_rule(d->b, was, f)) != NULL)
		diff_break(d, c, "ids= in %s has %04x:%04x, which this is no longer",
			setting_name(f->path), was->vendor, was->device);
}

static void break_new_id(struct differ *d, struct change *c, const struct pcidev *is)
{
	const struct hostfile *f = NULL;

	while ((f = ids_rule(d->b, is, f)) != NULL)
		diff_break(d, c, "ids= in %s takes it too: %04x:%04x", setting_name(f->path),
			is->vendor, is->device);
}

/* ---- what was taken out and put in: the topmost functions speak for what is below ---- */

/* Is it one of those that another change tells of: a further function of its slot, or below one? */
static bool goes_with_another(const struct topology *t, const size_t *partner, size_t i)
{
	const struct pcidev *dev = &t->devs.v[i], *up = topology_parent(t, dev);

	if (dev->is_vf || (up != NULL && partner[up - t->devs.v] == NO_PARTNER))
		return true;
	for (; i-- > 0 && topology_same_slot(&t->devs.v[i], dev);)
		if (partner[i] == NO_PARTNER && !t->devs.v[i].is_vf)
			return true;
	return false;
}

/* How many go with it, and whether one of all is a thing that one passes through. */
static size_t company(
	const struct topology *t, const size_t *partner, const struct pcidev *top, bool *candidate)
{
	size_t i, n = 0;

	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *dev = &t->devs.v[i], *up = dev;
		int depth;

		if (partner[i] != NO_PARTNER || dev->is_vf)
			continue;
		for (depth = 0; up != NULL && depth < 64 && !topology_same_slot(up, top); depth++)
			up = topology_parent(t, up);
		if (up == NULL || !topology_same_slot(up, top))
			continue;
		*candidate |= topology_is_candidate(dev);
		n += dev != top;
	}
	return n;
}

static const char *and_more(size_t n, char *buf, size_t size)
{
	buf[0] = '\0';
	if (n > 0)
		snprintf(buf, size, ", with %zu more function%s of its slot or below it", n,
			n == 1 ? "" : "s");
	return buf;
}

static const char *describe(const struct pcidev *dev, char *buf, size_t size)
{
	snprintf(buf, size, "%04x:%04x%s%s", dev->vendor, dev->device, *dev->name ? " " : "",
		dev->name);
	return buf;
}

static void tell_removed(struct differ *d, size_t i)
{
	const struct pcidev *dev = &d->a->devs.v[i];
	char bdf[BDF_LEN], what[128], more[80];
	bool candidate = false;
	size_t n = company(d->a, d->b_of, dev, &candidate);
	struct change *c =
		diff_add(d, "device.removed", candidate ? CHANGE_REGRESSION : CHANGE_NEUTRAL,
			bdf_text(dev->bdf, bdf), "is gone: %s%s", describe(dev, what, sizeof(what)),
			and_more(n, more, sizeof(more)));

	c->has_before = true;
	c->before = dev->bdf;
	c->was = arena_strdup(&d->out->arena, what);
	break_domains(d, c, dev->bdf);
}

static void tell_added(struct differ *d, size_t i)
{
	const struct pcidev *dev = &d->b->devs.v[i];
	char bdf[BDF_LEN], what[128], more[80];
	bool candidate = false;
	size_t n = company(d->b, d->a_of, dev, &candidate);
	struct change *c = diff_add(d, "device.added", CHANGE_NEUTRAL, bdf_text(dev->bdf, bdf),
		"is new: %s%s", describe(dev, what, sizeof(what)), and_more(n, more, sizeof(more)));

	c->has_after = true;
	c->after = dev->bdf;
	c->is = arena_strdup(&d->out->arena, what);
	break_new_id(d, c, dev);
}

static void tell_replaced(struct differ *d, size_t i)
{
	const struct pcidev *was = &d->a->devs.v[i], *is = &d->b->devs.v[d->b_of[i]];
	char before[128], after[128];
	struct change *c = diff_add_pair(d, i, "device.replaced", CHANGE_NEUTRAL,
		describe(was, before, sizeof(before)), describe(is, after, sizeof(after)),
		"is another device: %s, was %s", after, before);

	break_lost_id(d, c, was, is);
	break_new_id(d, c, is);
}

/* ---- moved ---- */

static const char *place(const struct topology *t, size_t i, char *buf, size_t size)
{
	const struct pcidev *dev = &t->devs.v[i];
	const char *slot = t->facts[i].slot;
	char bdf[BDF_LEN];

	snprintf(buf, size, "%s%s%s%s%s", dev->has_parent ? "below " : "on the root bus",
		dev->has_parent ? bdf_text(dev->parent, bdf) : "", *slot ? " (slot " : "", slot,
		*slot ? ")" : "");
	return buf;
}

static void tell_moved(struct differ *d, size_t i)
{
	const struct pcidev *dev = &d->a->devs.v[i];
	char was[128], is[128], bdf[BDF_LEN];
	struct change *c = diff_add_pair(d, i, "device.moved", CHANGE_NEUTRAL,
		place(d->a, i, was, sizeof(was)), place(d->b, d->b_of[i], is, sizeof(is)),
		"has moved: %s, was %s %s", is, bdf_text(dev->bdf, bdf), was);
	size_t j;

	for (j = i; j < d->a->devs.n && topology_same_slot(&d->a->devs.v[j], dev); j++)
		if (d->b_of[j] != NO_PARTNER && (j == i || d->pairing[j] == PAIR_ALONG))
			break_address(d, c, j);
}

/* ---- renumbered ---- */

static bool is_renumbered(const struct differ *d, size_t i)
{
	return d->b_of[i] != NO_PARTNER && d->pairing[i] != PAIR_MOVED &&
		d->pairing[i] != PAIR_ALONG &&
		!bdf_eq(d->a->devs.v[i].bdf, d->b->devs.v[d->b_of[i]].bdf);
}

static bool same_bus(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus;
}

/* The last function of `first`'s bus that is renumbered like it. */
static size_t end_of_bus(const struct differ *d, size_t first)
{
	size_t i, end = first + 1;

	for (i = first; i < d->a->devs.n; i++) {
		if (!same_bus(d->a->devs.v[i].bdf, d->a->devs.v[first].bdf))
			break;
		if (is_renumbered(d, i) &&
			same_bus(d->b->devs.v[d->b_of[i]].bdf, d->b->devs.v[d->b_of[first]].bdf))
			end = i + 1;
	}
	return end;
}

static void name_functions(const struct differ *d, size_t first, size_t end, struct str *out)
{
	char bdf[BDF_LEN];
	size_t i, n = 0;

	for (i = first; i < end; i++) {
		if (!is_renumbered(d, i))
			continue;
		if (n++ < NAMED_MAX)
			str_addf(out, "%s%s", out->len ? ", " : "",
				bdf_text(d->b->devs.v[d->b_of[i]].bdf, bdf));
	}
	if (n > NAMED_MAX)
		str_addf(out, " and %zu more", n - NAMED_MAX);
}

/* Returns where to go on. */
static size_t tell_renumbered(struct differ *d, size_t first)
{
	struct bdf was = d->a->devs.v[first].bdf, is = d->b->devs.v[d->b_of[first]].bdf;
	size_t end = end_of_bus(d, first), i;
	struct str names = {0};
	struct change *c;
	char bus[32];

	name_functions(d, first, end, &names);
	snprintf(bus, sizeof(bus), "bus %04x:%02x", was.domain, was.bus);
	c = diff_add(d, "bus.renumbered", CHANGE_NEUTRAL, bus, "is %04x:%02x now: %s", is.domain,
		is.bus, names.s);
	str_finish(&names);
	c->has_before = c->has_after = true;
	c->before = was;
	c->after = is;
	c->was = arena_printf(&d->out->arena, "%04x:%02x", was.domain, was.bus);
	c->is = arena_printf(&d->out->arena, "%04x:%02x", is.domain, is.bus);
	for (i = first; i < end; i++)
		if (is_renumbered(d, i))
			break_address(d, c, i);
	return end;
}

void diff_places(struct differ *d)
{
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		if (d->b_of[i] == NO_PARTNER) {
			if (!goes_with_another(d->a, d->b_of, i))
				tell_removed(d, i);
		} else if (d->pairing[i] == PAIR_REPLACED) {
			tell_replaced(d, i);
		} else if (d->pairing[i] == PAIR_MOVED) {
			tell_moved(d, i);
		}
	}
	for (i = 0; i < d->b->devs.n; i++)
		if (d->a_of[i] == NO_PARTNER && !goes_with_another(d->b, d->a_of, i))
			tell_added(d, i);
	for (i = 0; i < d->a->devs.n;)
		i = is_renumbered(d, i) ? tell_renumbered(d, i) : i + 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/str.h"
#include "model/scrub.h"

#include <string.h>

static const struct topology_domain *find(const struct topology *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->ndomains; i++)
		if (str_eq(t->domains[i].name, name))
			return &t->domains[i];
	return NULL;
}

static struct change *tell(struct differ *d, const char *id, enum change_effect effect,
	const char *name, const char *text)
{
	char subject[300];

	snprintf(subject, sizeof(subject), "domain %s", name);
	return diff_add(d, id, effect, subject, "%s", text);
}

/* A snapshot has no secrets: they must not be a difference to a machine that has. */
static bool same_xml(const struct topology_domain *a, const struct topology_domain *b)
{
	struct str x = {0}, y = {0};
	bool same;

	scrub_xml(a->xml, &x);
	scrub_xml(b->xml, &y);
	same = str_eq(x.s, y.s);
	str_finish(&x);
	str_finish(&y);
	return same;
}

static bool passes(const struct domdef *def, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < def->nhostdevs; i++)
		if (bdf_eq(def->hostdevs[i].bdf, bdf))
			return true;
	return false;
}

static void addresses_without(const struct domdef *def, const struct domdef *other, struct str *out)
{
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < def->nhostdevs; i++)
		if (!passes(other, def->hostdevs[i].bdf))
			str_addf(out, "%s%s", out->len ? ", " : "",
				bdf_text(def->hostdevs[i].bdf, bdf));
}

/* False: it passes the same through. */
static bool compare_devices(
	struct differ *d, const struct topology_domain *a, const struct topology_domain *b)
{
	struct str gone = {0}, added = {0}, text = {0};
	bool other;

	addresses_without(a->def, b->def, &gone);
	addresses_without(b->def, a->def, &added);
	other = gone.len + added.len > 0;
	if (other) {
		str_addf(&text, "passes %s through", added.len ? added.s : "less");
		if (gone.len > 0)
			str_addf(&text, ", no longer %s", gone.s);
		tell(d, "domain.devices", CHANGE_NEUTRAL, b->name, text.s);
	}
	str_finish(&gone);
	str_finish(&added);
	str_finish(&text);
	return other;
}

static void compare(
	struct differ *d, const struct topology_domain *a, const struct topology_domain *b)
{
	if (a->autostart != b->autostart)
		tell(d, "domain.autostart", CHANGE_NEUTRAL, b->name,
			b->autostart ? "is started by itself now"
				     : "is no longer started by itself");
	if ((a->def != NULL) != (b->def != NULL))
		tell(d, "domain.definition", b->def ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION,
			b->name, b->def ? "is understood now" : b->problem);
	else if (a->def != NULL && !same_xml(a, b) && !compare_devices(d, a, b))
		tell(d, "domain.definition", CHANGE_NEUTRAL, b->name,
			"has another definition, with the same devices");
}

void diff_domains(struct differ *d)
{
	size_t i;

	if (d->a->domains_unknown != NULL || d->b->domains_unknown != NULL) {
		/* where there is no libvirt, and was none, there is nothing to compare */
		if (!str_eq(d->a->domains_unknown, d->b->domains_unknown))
			diff_blind(d, "domains: %s",
				d->b->domains_unknown ? d->b->domains_unknown
						      : d->a->domains_unknown);
		return;
	}
	for (i = 0; i < d->a->ndomains; i++) {
		const struct topology_domain *b = find(d->b, d->a->domains[i].name);

		if (b == NULL)
			tell(d, "domain.removed", CHANGE_NEUTRAL, d->a->domains[i].name, "is gone");
		else
			compare(d, &d->a->domains[i], b);
	}
	for (i = 0; i < d->b->ndomains; i++)
		if (find(d->a, d->b->domains[i].name) == NULL)
			tell(d, "domain.added", CHANGE_NEUTRAL, d->b->domains[i].name, "is new");
}

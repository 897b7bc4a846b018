/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/str.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 8 /* functions named in a sentence */

/* A group, and where its members are, or were, in the other machine. */
struct side {
	const struct topology *t, *other;
	const size_t *partner; /* of a function of t */
};

static int other_group(const struct side *s, const struct pcidev *member)
{
	size_t partner = s->partner[member - s->t->devs.v];

	return partner == NO_PARTNER ? -1 : s->other->devs.v[partner].iommu_group;
}

unsigned diff_acs(const struct pcifacts *f)
{
	unsigned capable, enabled = 0;

	pciconf_acs(&f->conf, &capable, &enabled);
	return enabled & ACS_ISOLATES;
}

/* Were its members in several groups? */
static bool is_spread(const struct side *s, const struct iommu_group *g)
{
	int first = -1;
	size_t i;

	for (i = 0; i < g->n; i++) {
		int group = other_group(s, g->members[i]);

		if (group >= 0 && first >= 0 && group != first)
			return true;
		first = group >= 0 ? group : first;
	}
	return false;
}

bool diff_is_regrouped(const struct differ *d, size_t a)
{
	const struct side before = {d->a, d->b, d->b_of}, after = {d->b, d->a, d->a_of};
	const struct iommu_group *was = topology_group(d->a, &d->a->devs.v[a]);
	const struct iommu_group *is = topology_group(d->b, &d->b->devs.v[d->b_of[a]]);

	return (was != NULL && is_spread(&before, was)) || (is != NULL && is_spread(&after, is));
}

/* The members, those that share a group of the other machine joined by '+'. */
static void name_members(const struct side *s, const struct iommu_group *g, struct str *out)
{
	int last = -1;
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < g->n && i < NAMED_MAX; i++) {
		int group = other_group(s, g->members[i]);

		str_addf(out, "%s%s",
			i == 0                                ? ""
				: group >= 0 && group == last ? " + "
							      : ", ",
			bdf_text(g->members[i]->bdf, bdf));
		last = group;
	}
	if (g->n > NAMED_MAX)
		str_addf(out, " and %zu more", g->n - NAMED_MAX);
}

/* The members whose ACS is why: it isolates in the other machine, and does not in this one. */
static void name_reasons(const struct side *s, const struct iommu_group *g, struct str *out)
{
	char bdf[BDF_LEN];
	size_t i, n = 0;

	for (i = 0; i < g->n && n < NAMED_MAX; i++) {
		size_t here = (size_t)(g->members[i] - s->t->devs.v);
		unsigned with, without;

		if (s->partner[here] == NO_PARTNER)
			continue;
		with = diff_acs(&s->other->facts[s->partner[here]]);
		without = diff_acs(&s->t->facts[here]);
		if ((with & ~without) != 0)
			str_addf(out, "%s%s", n++ ? ", " : "", bdf_text(g->members[i]->bdf, bdf));
	}
}

static bool has_candidate(const struct iommu_group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (topology_is_candidate(g->members[i]))
			return true;
	return false;
}

static void tell_spread(struct differ *d, const struct side *s, bool merged)
{
	char subject[32];
	size_t i;

	for (i = 0; i < s->t->ngroups; i++) {
		const struct iommu_group *g = &s->t->groups[i];
		struct str names = {0}, reasons = {0};

		if (!is_spread(s, g))
			continue;
		name_members(s, g, &names);
		name_reasons(s, g, &reasons);
		if (reasons.len > 0)
			str_addf(&names, "; ACS is %s at %s", merged ? "off" : "on now", reasons.s);
		snprintf(subject, sizeof(subject), "IOMMU group %d", g->number);
		diff_add(d, merged ? "group.merged" : "group.split",
			!has_candidate(g) ? CHANGE_NEUTRAL
				: merged  ? CHANGE_REGRESSION
					  : CHANGE_IMPROVEMENT,
			subject,
			merged ? "has what was in several groups: %s" : "is several groups now: %s",
			names.s);
		str_finish(&names);
		str_finish(&reasons);
	}
}

/* Something new is in a group with what was there; the rest of its own slot does not count. */
static void tell_joined(struct differ *d, const struct iommu_group *g)
{
	const struct pcidev *is_new = NULL, *old = NULL;
	char bdf[BDF_LEN], with[BDF_LEN];
	size_t i;

	for (i = 0; i < g->n; i++) {
		const struct pcidev *dev = g->members[i];

		if (d->a_of[dev - d->b->devs.v] == NO_PARTNER)
			is_new = is_new || dev->is_bridge || dev->is_vf ? is_new : dev;
		else if (topology_is_candidate(dev))
			old = dev;
	}
	if (is_new != NULL && old != NULL && !topology_same_slot(is_new, old))
		diff_add(d, "group.joined", CHANGE_REGRESSION, bdf_text(is_new->bdf, bdf),
			"is new, and in the IOMMU group of %s", bdf_text(old->bdf, with));
}

/* One function alone has one, or has none any more. */
static void tell_ungrouped(struct differ *d)
{
	size_t i;

	for (i = 0; i < d->a->devs.n; i++) {
		bool had = d->a->devs.v[i].iommu_group >= 0, has;

		if (d->b_of[i] == NO_PARTNER)
			continue;
		has = d->b->devs.v[d->b_of[i]].iommu_group >= 0;
		if (had != has)
			diff_add_pair(d, i, "device.group",
				has ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION, NULL, NULL,
				has ? "has an IOMMU group now" : "has no IOMMU group any more");
	}
}

/* ---- types and reserved ranges ---- */

/* Memory that firmware uses through the device (RMRR): it cannot be passed through then. */
static bool has_direct(const struct iommu_group *g)
{
	const char *s;

	for (s = g->reserved; (s = strstr(s, " direct")) != NULL; s++)
		if (s[strlen(" direct")] == '\n' || s[strlen(" direct")] == '\0')
			return true;
	return false;
}

static void compare_groups(struct differ *d)
{
	size_t i, other_type = 0;
	const char *was = "", *is = "";

	for (i = 0; i < d->a->devs.n; i++) {
		size_t j = d->b_of[i];
		const struct iommu_group *a = topology_group(d->a, &d->a->devs.v[i]),
					 *b = j == NO_PARTNER
			? NULL
			: topology_group(d->b, &d->b->devs.v[j]);

		if (a == NULL || b == NULL)
			continue;
		if (!str_eq(a->type, b->type) && *a->type != '\0' && *b->type != '\0') {
			was = a->type;
			is = b->type;
			other_type++;
		}
		if (has_direct(a) != has_direct(b))
			diff_add_pair(d, i, "device.reserved-memory",
				has_direct(b) ? CHANGE_REGRESSION : CHANGE_IMPROVEMENT, NULL, NULL,
				has_direct(b) ? "firmware reserves memory for it now (RMRR)"
					      : "firmware no longer reserves memory for it (RMRR)");
	}
	if (other_type > 0)
		diff_add(d, "iommu.domain-type", CHANGE_NEUTRAL, "IOMMU",
			"default domain type is %s, was %s, of %zu function%s", is, was, other_type,
			other_type == 1 ? "" : "s");
}

void diff_groups(struct differ *d)
{
	const struct side before = {d->a, d->b, d->b_of}, after = {d->b, d->a, d->a_of};
	size_t i;

	if (d->a->ngroups == 0 && d->b->ngroups == 0)
		return;
	if (d->a->ngroups == 0 || d->b->ngroups == 0) {
		diff_add(d, "iommu.on", d->b->ngroups ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION,
			"IOMMU",
			d->b->ngroups ? "is on: there are %zu groups now"
				      : "is off: there are no groups any more, were %zu",
			d->b->ngroups ? d->b->ngroups : d->a->ngroups);
		return;
	}
	tell_spread(d, &after, true);
	tell_spread(d, &before, false);
	for (i = 0; i < d->b->ngroups; i++)
		tell_joined(d, &d->b->groups[i]);
	tell_ungrouped(d);
	compare_groups(d);
}

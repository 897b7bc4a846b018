/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/apart.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/reset.h"
#include "model/scenario.h"
#include "model/step.h"

#include <stdlib.h>

/* What the lane's first step with that scope on that device disturbs. */
struct reach {
	const struct step *step;
	const struct pcidev *dev;
	enum reset_scope scope;
	struct bdf_set set;
};

typedef VEC(struct reach) reach_list;

bool step_reach(const struct step *step, const struct pcidev *dev, enum reset_scope *out)
{
	const struct reset_method *method = step->arg ? reset_method_find(step->arg) : NULL;

	if (str_eq(step->type->word.name, "reset") && method != NULL) {
		*out = reset_reach(method, dev);
		return true;
	}
	/* the kernel removes a function with all that is behind it, and nothing beside it */
	*out = SCOPE_FUNCTION;
	return str_eq(step->type->word.name, "rescan");
}

/* ---- devices that cannot be told apart, whatever the steps ---- */

static const char *bound_together(const struct pcidev *a, const struct pcidev *b)
{
	if (bdf_eq(a->bdf, b->bdf))
		return "are the same device";
	if (a->bdf.domain == b->bdf.domain && a->bdf.bus == b->bdf.bus &&
		a->bdf.dev == b->bdf.dev && !a->is_vf && !b->is_vf)
		return "are functions of one slot";
	if (a->iommu_group >= 0 && a->iommu_group == b->iommu_group)
		return "share an IOMMU group";
	if ((b->is_vf && bdf_eq(b->physfn, a->bdf)) || (a->is_vf && bdf_eq(a->physfn, b->bdf)))
		return "are a physical function and its virtual one";
	return NULL;
}

static int devices_apart(
	const struct pcidev *a, const struct pcidev *b, const char *lane_of_a, struct err *err)
{
	const char *why = bound_together(a, b);
	char x[BDF_LEN], y[BDF_LEN];

	if (why == NULL)
		return 0;
	err_set(err, ERR_REFUSED, 0, "%s and %s of lane '%s' %s", bdf_text(b->bdf, y),
		bdf_text(a->bdf, x), lane_of_a, why);
	return err_hint(err,
		"devices that share a slot, an IOMMU group or a physical function belong"
		" in one lane");
}

static int all_devices_apart(const struct neighbour *a, const struct neighbour *b, struct err *err)
{
	size_t i, j;

	for (i = 0; i < a->ndevs; i++)
		for (j = 0; j < b->ndevs; j++)
			if (devices_apart(&a->devs[i], &b->devs[j], a->spec->name, err) != 0)
				return -1;
	return 0;
}

/* ---- resets that reach too far ---- */

static bool is_known(const reach_list *known, const struct pcidev *dev, enum reset_scope scope)
{
	vec_foreach (r, known)
		if (r->dev == dev && r->scope == scope)
			return true;
	return false;
}

/* A reset that the device does not offer is never done. */
static bool is_offered(const struct host *host, const struct step *step, const struct pcidev *dev)
{
	const struct reset_method *method = step->arg ? reset_method_find(step->arg) : NULL;
	struct err why_not;

	return !str_eq(step->type->word.name, "reset") || method == NULL ||
		method->available(method, host, dev, &why_not) == 0;
}

static void add_step(const struct host *host, const struct pcidev_list *topology,
	const struct step *step, const struct pcidev *dev, reach_list *out)
{
	enum reset_scope scope;
	struct reach *r;

	if (!(step->type->flags & STEP_ON_DEVICES) || !step_reach(step, dev, &scope) ||
		is_known(out, dev, scope) ||
		(step->device != NULL && !pcidev_matches(dev, step->device)) ||
		!is_offered(host, step, dev))
		return;
	r = vec_push(out);
	r->step = step;
	r->dev = dev;
	r->scope = scope;
	scope_disturbed(topology, dev, scope, &r->set);
}

static void add_lane(const struct host *host, const struct scenario *sc,
	const struct pcidev_list *topology, const struct neighbour *lane, reach_list *out)
{
	const struct step_list *lists[] = {&sc->before, &lane->spec->steps, &sc->after};
	size_t l, i, d;

	for (l = 0; l < ARRAY_SIZE(lists); l++)
		for (i = 0; i < lists[l]->n; i++)
			for (d = 0; d < lane->ndevs; d++)
				add_step(host, topology, &lists[l]->v[i], &lane->devs[d], out);
}

static int reaches_none(const struct neighbour *from, const reach_list *reaches,
	const struct neighbour *other, struct err *err)
{
	char x[BDF_LEN], y[BDF_LEN];
	size_t i;

	vec_foreach (r, reaches) {
		for (i = 0; i < other->ndevs; i++) {
			if (!bdf_set_has(&r->set, other->devs[i].bdf))
				continue;
			err_set(err, ERR_REFUSED, 0,
				"line %u, %s: on %s of lane '%s' it would disturb %s of lane '%s'",
				r->step->pos.line, r->step->name, bdf_text(r->dev->bdf, x),
				from->spec->name, bdf_text(other->devs[i].bdf, y),
				other->spec->name);
			return err_hint(err,
				"put both devices into one lane, or choose a reset that reaches "
				"less: `vfio-stress check` shows whom each disturbs");
		}
	}
	return 0;
}

size_t lanes_apart(const struct host *host, const struct scenario *sc,
	const struct pcidev_list *topology, const struct neighbour *lanes, apart_refusal *refuse,
	void *arg)
{
	auto_free reach_list *reaches = xcalloc(sc->nlanes + 1, sizeof(*reaches));
	size_t i, j, n = 0;
	struct err err;

	for (i = 0; sc->nlanes > 1 && i < sc->nlanes; i++)
		add_lane(host, sc, topology, &lanes[i], &reaches[i]);
	for (i = 0; i < sc->nlanes; i++) {
		for (j = i + 1; j < sc->nlanes; j++) {
			if (all_devices_apart(&lanes[i], &lanes[j], &err) == 0 &&
				reaches_none(&lanes[i], &reaches[i], &lanes[j], &err) == 0 &&
				reaches_none(&lanes[j], &reaches[j], &lanes[i], &err) == 0)
				continue;
			refuse(arg, j, &err);
			n++;
		}
	}
	for (i = 0; i < sc->nlanes; i++) {
		vec_foreach (r, &reaches[i])
			bdf_set_finish(&r->set);
		vec_finish(&reaches[i]);
	}
	return n;
}

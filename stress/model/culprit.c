/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/culprit.h"

#include "base/str.h"
#include "model/run_view.h"

#include <string.h>

/* The first failure of the kind that made the verdict, else the first at all. */
static const struct failure_row *first_failure(const struct run_view *view)
{
	const enum outcome wanted = view->verdict == VERDICT_BROKEN ? OUTCOME_BROKEN : OUTCOME_FAIL;
	size_t i;

	for (i = 0; i < view->nfailures; i++)
		if (view->failures[i].outcome == wanted)
			return &view->failures[i];
	return view->nfailures ? &view->failures[0] : NULL;
}

static const struct incident *first_over_budget(const struct run_view *view)
{
	size_t i;

	for (i = 0; i < view->nincidents; i++)
		if (view->incidents[i].over_budget)
			return &view->incidents[i];
	return NULL;
}

/* What the kernel said where a step failed, or the failed step where the kernel said something. */
static bool same_place(const struct failure_row *f, const struct incident *inc)
{
	return inc->place.lane >= 0 && inc->place.lane == f->lane && inc->place.cycle == f->cycle;
}

static const struct incident *incident_at(const struct run_view *view, const struct failure_row *f)
{
	size_t i;

	for (i = 0; i < view->nincidents; i++)
		if (view->incidents[i].over_budget && same_place(f, &view->incidents[i]))
			return &view->incidents[i];
	return NULL;
}

static const struct failure_row *failure_at(const struct run_view *view, const struct incident *inc)
{
	size_t i;

	for (i = 0; i < view->nfailures; i++)
		if (same_place(&view->failures[i], inc))
			return &view->failures[i];
	return NULL;
}

static const struct pcidev *find_device(const struct run_view *view, const char *bdf)
{
	char text[BDF_LEN];
	size_t i, k;

	for (i = 0; i < view->nlanes; i++)
		for (k = 0; k < view->lanes[i].ndevices; k++)
			if (str_eq(bdf_text(view->lanes[i].devices[k].bdf, text), bdf))
				return &view->lanes[i].devices[k];
	return NULL;
}

static const struct step_row *find_step(const struct culprit *c)
{
	const enum phase phase = c->cycle == 0 ? PHASE_BEFORE
		: c->cycle < 0                 ? PHASE_AFTER
					       : PHASE_CYCLE;
	size_t i;

	for (i = 0; c->lane != NULL && i < c->lane->nsteps; i++) {
		const struct step_row *row = &c->lane->steps[i];

		if (row->phase == phase && (int32_t)row->index == c->step_index &&
			str_eq(row->word, c->word))
			return row;
	}
	return NULL;
}

static void set_place(struct culprit *c, const struct run_view *view)
{
	int32_t lane = c->incident ? c->incident->place.lane : c->failure->lane;

	if (lane >= 0 && (size_t)lane < view->nlanes)
		c->lane = &view->lanes[lane];
	c->cycle = c->incident ? c->incident->place.cycle : c->failure->cycle;
	c->word = c->incident ? c->incident->place.step : c->failure->step;
	c->step_index = c->incident ? c->incident->place.step_index : c->failure->step_index;
	c->step = find_step(c);
}

static void set_device(struct culprit *c, const struct run_view *view)
{
	if (c->incident != NULL && c->incident->has_bdf)
		bdf_text(c->incident->bdf, c->device);
	else if (c->failure != NULL && c->failure->device != NULL)
		str_set(c->device, c->failure->device);
	c->pci = c->device[0] ? find_device(view, c->device) : NULL;
}

/*
 * The kernel's word on a device beats a failed step, which may only be its consequence; except that
 * a budget of mere warnings does not beat a step that failed.
 */
bool culprit_find(const struct run_view *view, struct culprit *out)
{
	struct culprit c = {.failure = first_failure(view), .incident = first_over_budget(view)};

	if (c.failure == NULL && c.incident == NULL)
		return false;
	if (c.incident != NULL && (c.failure == NULL || c.incident->severity >= SEV_ERROR))
		c.failure = failure_at(view, c.incident);
	else
		c.incident = incident_at(view, c.failure);
	set_place(&c, view);
	set_device(&c, view);
	*out = c;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "model/run_view.h"

#include <stdlib.h>

static size_t lane_named(const struct run_view *run, const char *name)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		if (str_eq(run->lanes[i].name, name))
			return i;
	return NO_MATCH;
}

/* One that is left over in each run: it was renamed. */
static size_t only_one_left(const size_t *partner, size_t n)
{
	size_t i, found = NO_MATCH;

	for (i = 0; i < n; i++)
		if (partner[i] == NO_MATCH) {
			if (found != NO_MATCH)
				return NO_MATCH;
			found = i;
		}
	return found;
}

static void add_lonely(
	struct comparison *c, const struct run_view *run, const size_t *partner, const char *which)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		struct compare_row *row;

		if (partner[i] != NO_MATCH)
			continue;
		row = compare_add(c, COMPARE_MATCH);
		row->lane = run->lanes[i].name;
		row->subject = arena_printf(&c->arena, "lane %s", run->lanes[i].name);
		row->reason = arena_printf(
			&c->arena, "not comparable: only the %s run has this lane", which);
		row->result = COMPARE_UNKNOWN;
	}
}

void compare_match_lanes(struct comparison *c, struct lane_match *out)
{
	const struct run_view *a = c->a, *b = c->b;
	size_t i, k;

	out->b_of = arena_alloc(&c->arena, (a->nlanes + 1) * sizeof(*out->b_of));
	out->a_of = arena_alloc(&c->arena, (b->nlanes + 1) * sizeof(*out->a_of));
	for (k = 0; k < b->nlanes; k++)
		out->a_of[k] = NO_MATCH;
	for (i = 0; i < a->nlanes; i++) {
		k = lane_named(b, a->lanes[i].name);
		out->b_of[i] = k;
		if (k != NO_MATCH)
			out->a_of[k] = i;
	}
	i = only_one_left(out->b_of, a->nlanes);
	k = only_one_left(out->a_of, b->nlanes);
	if (i != NO_MATCH && k != NO_MATCH) {
		out->b_of[i] = k;
		out->a_of[k] = i;
		compare_note(c, "lane %s of the earlier run is compared with lane %s of the later",
			a->lanes[i].name, b->lanes[k].name);
	}
	add_lonely(c, a, out->b_of, "earlier");
	add_lonely(c, b, out->a_of, "later");
}

/* ---- devices ---- */

static bool is_model(const struct pcidev *x, const struct pcidev *y)
{
	return x->vendor == y->vendor && x->device == y->device && x->subvendor == y->subvendor &&
		x->subdevice == y->subdevice;
}

static const struct pcidev *device_at(const struct lane_row *lane, const char *text)
{
	struct bdf bdf;
	size_t i;

	for (i = 0; bdf_parse(text, &bdf) && i < lane->ndevices; i++)
		if (bdf_eq(lane->devices[i].bdf, bdf))
			return &lane->devices[i];
	return NULL;
}

/* Is it in the other run's lane, too, where it was? */
static bool stayed(const struct pcidev *dev, const struct lane_row *there)
{
	size_t i;

	for (i = 0; i < there->ndevices; i++)
		if (bdf_eq(there->devices[i].bdf, dev->bdf))
			return is_model(&there->devices[i], dev);
	return false;
}

/* A new BIOS may number the buses anew: of those that moved the n-th of a model is the n-th of it. */
static const struct pcidev *same_model(
	const struct lane_row *from, const struct pcidev *dev, const struct lane_row *to)
{
	const struct pcidev *d;
	size_t nth = 0, i;

	for (d = from->devices; d < dev; d++)
		nth += is_model(d, dev) && !stayed(d, to);
	for (i = 0; i < to->ndevices; i++) {
		d = &to->devices[i];
		if (is_model(d, dev) && !stayed(d, from) && nth-- == 0)
			return d;
	}
	return NULL;
}

const char *compare_match_device(
	struct comparison *c, size_t lane_a, size_t lane_b, const char *device, bool to_b)
{
	const struct lane_row *from = to_b ? &c->a->lanes[lane_a] : &c->b->lanes[lane_b];
	const struct lane_row *to = to_b ? &c->b->lanes[lane_b] : &c->a->lanes[lane_a];
	const struct pcidev *dev = device_at(from, device), *there = device_at(to, device);
	char bdf[BDF_LEN];

	if (dev == NULL)
		return device;
	if (there == NULL || !is_model(there, dev))
		there = same_model(from, dev, to);
	if (there == NULL && from->ndevices == 1 && to->ndevices == 1)
		there = to->devices;
	return there ? arena_strdup(&c->arena, bdf_text(there->bdf, bdf)) : NULL;
}

/* ---- steps ---- */

static bool is_like(const struct step_row *x, const struct step_row *y, const char *device)
{
	return x->phase == y->phase && str_eq(x->name, y->name) && str_eq(x->word, y->word) &&
		str_eq(x->device, device);
}

/* Of several alike the n-th is the n-th. */
const struct step_row *compare_match_step(
	struct comparison *c, size_t lane_a, size_t lane_b, const struct step_row *row, bool to_b)
{
	const struct lane_row *from = to_b ? &c->a->lanes[lane_a] : &c->b->lanes[lane_b];
	const struct lane_row *to = to_b ? &c->b->lanes[lane_b] : &c->a->lanes[lane_a];
	const char *device = NULL;
	const struct step_row *s;
	size_t nth = 0, i;

	if (row->device != NULL) {
		device = compare_match_device(c, lane_a, lane_b, row->device, to_b);
		if (device == NULL)
			return NULL;
	}
	for (s = from->steps; s < row; s++)
		nth += is_like(s, row, row->device);
	for (i = 0; i < to->nsteps; i++)
		if (is_like(&to->steps[i], row, device) && nth-- == 0)
			return &to->steps[i];
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/place.h"

#include "base/str.h"
#include "klog/klog.h"

static bool is_above(
	const struct pcidev_list *topology, struct bdf bridge, const struct pcidev *dev)
{
	const struct pcidev *d = pcidev_find(topology, dev->bdf);
	int depth;

	/* a bus has 256 numbers, so no path is longer; sysfs that loops cannot hold us */
	for (depth = 0; d != NULL && d->has_parent && depth < 256; depth++) {
		if (bdf_eq(d->parent, bridge))
			return true;
		d = pcidev_find(topology, d->parent);
	}
	return false;
}

static bool same_slot(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.dev == b.dev;
}

enum kinship { STRANGER, RELATED, OWN };

/* Own device; or a bridge above one, or another function of its slot. */
static enum kinship kinship(
	const struct whereabouts *lane, const struct pcidev_list *topology, struct bdf bdf)
{
	enum kinship best = STRANGER;
	size_t i;

	for (i = 0; i < lane->ndevices; i++) {
		if (bdf_eq(lane->devices[i].bdf, bdf))
			return OWN;
		if (same_slot(lane->devices[i].bdf, bdf) ||
			is_above(topology, bdf, &lane->devices[i]))
			best = RELATED;
	}
	return best;
}

/* The lanes that fit best, as a set of bits. */
static uint64_t fitting(const struct whereabouts *lanes, size_t nlanes,
	const struct pcidev_list *topology, const struct bdf *bdf)
{
	uint64_t own = 0, related = 0;
	size_t i;

	for (i = 0; i < nlanes; i++) {
		enum kinship k = bdf       ? kinship(&lanes[i], topology, *bdf)
			: lanes[i].running ? RELATED
					   : STRANGER;

		if (k == OWN)
			own |= UINT64_C(1) << i;
		else if (k == RELATED)
			related |= UINT64_C(1) << i;
	}
	return own ? own : related;
}

void place_of_lane(const struct whereabouts *lane, int32_t index, struct place *out)
{
	struct place p = {.lane = index, .cycle = -1, .step_index = -1};

	if (lane->phase == PHASE_BEFORE || lane->phase == PHASE_CYCLE)
		p.cycle = (int32_t)lane->cycle;
	if (lane->step_open) {
		str_set(p.step, lane->word);
		p.step_index = lane->step_index;
	} else if (lane->phase != PHASE_NONE) {
		str_set(p.step, "between");
	}
	*out = p;
}

/* A link that goes down is expected of the device that is being reset, not of its neighbour. */
static bool is_expected(const struct whereabouts *lane, const struct pcidev_list *topology,
	const struct bdf *bdf, const char *id, uint32_t *most_out)
{
	struct pcidev dev = {.bdf = lane->device};
	const char *word = lane->step_open ? lane->word : "recover";

	if (!(lane->step_open || lane->recovering) ||
		!klog_expected_in(id, word, lane->step_open ? lane->arg : NULL, most_out))
		return false;
	return !lane->on_device || bdf == NULL || same_slot(lane->device, *bdf) ||
		is_above(topology, *bdf, &dev);
}

static void place_in_lane(const struct whereabouts *lane, int32_t index,
	const struct pcidev_list *topology, const struct bdf *bdf, const char *id, int64_t now_ns,
	struct place *out)
{
	uint32_t most = 0;
	bool expected = is_expected(lane, topology, bdf, id, &most);

	/* a disruptive step that is open has no older tail: its BEGIN ended it */
	if (now_ns < lane->tail_until_ns && !expected) {
		*out = lane->tail;
		out->late = true;
		return;
	}
	place_of_lane(lane, index, out);
	out->expected = expected;
	out->expected_most = most;
}

bool place_expects(const struct incident *inc)
{
	const struct place *p = &inc->place;

	return p->expected && (p->expected_most == 0 || inc->count <= p->expected_most);
}

bool place_below(const struct whereabouts *lanes, size_t nlanes, const struct pcidev_list *topology,
	struct bdf port, struct bdf *out)
{
	struct bdf lowest = {0};
	bool found = false;
	size_t i, k;

	for (i = 0; i < nlanes; i++)
		for (k = 0; k < lanes[i].ndevices; k++) {
			const struct pcidev *dev = &lanes[i].devices[k];

			if (!is_above(topology, port, dev))
				continue;
			if (found && !same_slot(lowest, dev->bdf))
				return false;
			if (!found || dev->bdf.fn < lowest.fn)
				lowest = dev->bdf;
			found = true;
		}
	if (found)
		*out = lowest;
	return found;
}

void place_find(const struct whereabouts *lanes, size_t nlanes, const struct pcidev_list *topology,
	const struct bdf *bdf, const char *id, int64_t now_ns, struct place *out)
{
	uint64_t fit = fitting(lanes, nlanes, topology, bdf);
	struct place p = {.lane = -1, .cycle = -1, .step_index = -1};

	if (fit != 0 && (fit & (fit - 1)) == 0) {
		int32_t index = __builtin_ctzll(fit);

		place_in_lane(&lanes[index], index, topology, bdf, id, now_ns, &p);
	} else {
		p.candidates = fit;
	}
	p.in_lane = bdf == NULL || fit != 0;
	*out = p;
}

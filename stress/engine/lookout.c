/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lookout.h"

#include "base/clock.h"
#include "base/vec.h"
#include "world/aer.h"

#include <stdlib.h>

/* A function whose AER counters are watched. */
struct watched {
	struct bdf bdf;
	bool has_root;
	struct bdf root; /* the nearest root port above it */
	uint64_t lanes; /* bits: whose device it is, or is above */
	int64_t looked_ns;
	struct aer_counters counters;
};

struct lookout {
	const struct host *host;
	const struct pcidev_list *topology;
	VEC(struct watched) watched;
};

/* deeper is not believed: sysfs that loops cannot hold us */
#define PATH_MAX_PORTS 64

typedef VEC(struct sighting) sightings;

struct lookout *lookout_new(const struct host *host, const struct pcidev_list *topology)
{
	struct lookout *l = xcalloc(1, sizeof(*l));

	l->host = host;
	l->topology = topology;
	return l;
}

void lookout_free(struct lookout *l)
{
	if (l == NULL)
		return;
	vec_finish(&l->watched);
	free(l);
}

static struct watched *watch(struct lookout *l, struct bdf bdf, uint32_t lane)
{
	struct watched *w;

	vec_foreach (known, &l->watched)
		if (bdf_eq(known->bdf, bdf)) {
			known->lanes |= UINT64_C(1) << lane;
			return known;
		}
	w = vec_push(&l->watched);
	w->bdf = bdf;
	w->lanes = UINT64_C(1) << lane;
	w->looked_ns = clock_mono_ns();
	aer_read(l->host, bdf, &w->counters);
	return w;
}

static bool parent_of(const struct lookout *l, struct bdf bdf, struct bdf *out)
{
	const struct pcidev *dev = pcidev_find(l->topology, bdf);

	if (dev == NULL || !dev->has_parent)
		return false;
	*out = dev->parent;
	return true;
}

void lookout_add(struct lookout *l, uint32_t lane, struct bdf bdf)
{
	struct bdf path[PATH_MAX_PORTS], root = bdf;
	bool has_root = false;
	size_t n = 0, i;

	path[n++] = bdf;
	while (n < PATH_MAX_PORTS && parent_of(l, path[n - 1], &path[n]))
		n++;
	for (i = n; i-- > 0;) {
		struct watched *w = watch(l, path[i], lane);

		w->has_root = has_root;
		w->root = root;
		/* of a domain of its own (VMD) it is not the topmost one */
		has_root |= w->counters.is_root_port;
		if (w->counters.is_root_port)
			root = w->bdf;
	}
}

static void see(sightings *out, const struct watched *w, int64_t since_ns, enum witness witness,
	enum aer_class cls, uint64_t count, uint32_t bits)
{
	if (count == 0)
		return;
	*vec_push(out) = (struct sighting){
		.witness = witness,
		.kind = SIGHTING_AER,
		.has_bdf = true,
		.has_port = witness == WITNESS_COUNTERS && w->has_root,
		.bdf = w->bdf,
		.port = w->root,
		.cls = cls,
		.bits = bits,
		.count = count,
		.since_ns = since_ns,
		.noticed_ns = w->looked_ns,
		.wall_ns = clock_wall_ns(),
	};
}

static void look_at_counters(struct lookout *l, struct watched *w, sightings *out)
{
	const struct aer_counters before = w->counters;
	int64_t since_ns = w->looked_ns;
	uint32_t bits;
	int cls;

	aer_read(l->host, w->bdf, &w->counters);
	w->looked_ns = clock_mono_ns();
	for (cls = 0; cls < AER_CLASSES; cls++) {
		uint64_t n = aer_counted(&before, &w->counters, cls, &bits);

		see(out, w, since_ns, WITNESS_COUNTERS, cls, n, bits);
		see(out, w, since_ns, WITNESS_ROOT_PORT, cls,
			aer_received(&before, &w->counters, cls), 0);
	}
}

struct sighting *lookout_look(struct lookout *l, uint32_t lane, size_t *n_out)
{
	uint64_t lanes = lane == LOOKOUT_ALL ? UINT64_MAX : UINT64_C(1) << lane;
	sightings seen = {0};

	vec_foreach (w, &l->watched)
		if ((w->lanes & lanes) != 0)
			look_at_counters(l, w, &seen);
	*n_out = seen.n;
	return seen.v;
}

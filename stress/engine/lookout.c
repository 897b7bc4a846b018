/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lookout.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/aer.h"
#include "world/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function whose AER counters are watched. */
struct watched {
	struct bdf bdf;
	bool has_root;
	struct bdf root; /* the nearest root port above it */
	uint64_t lanes; /* bits: whose device it is, or is above */
	int64_t looked_ns;
	struct aer_counters counters;
	bool whole; /* they were never away */
};

struct lookout {
	const struct host *host;
	const struct pcidev_list *topology;
	VEC(struct watched) watched;
	struct trace *trace; /* NULL = none */
	int64_t traced_ns;
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

void lookout_listen(struct lookout *l, struct trace *trace)
{
	l->trace = trace;
	l->traced_ns = clock_mono_ns();
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
	w->whole = w->counters.known;
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

/* A port with nothing but the root complex, or the device of a domain of its own (VMD), above it. */
static bool is_topmost_port(const struct lookout *l, struct bdf bdf)
{
	const struct pcidev *dev = pcidev_find(l->topology, bdf), *above;

	if (dev == NULL || !dev->is_bridge)
		return false;
	above = dev->has_parent ? pcidev_find(l->topology, dev->parent) : NULL;
	return above == NULL || !above->is_bridge;
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

bool lookout_is_complete(const struct lookout *l)
{
	vec_foreach (w, &l->watched)
		if (!w->whole ||
			(w->counters.is_root_port ? !aer_is_handled(l->host, w->bdf)
						  : !w->has_root))
			return false;
	return l->watched.n > 0;
}

size_t lookout_unhandled(const struct lookout *l, char *buf, size_t size)
{
	char text[BDF_LEN];
	size_t n = 0, len = 0;

	buf[0] = '\0';
	vec_foreach (w, &l->watched) {
		if (!is_topmost_port(l, w->bdf) || aer_is_handled(l->host, w->bdf))
			continue;
		n++;
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
				bdf_text(w->bdf, text));
	}
	return n;
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
	w->whole = w->whole && w->counters.dir == before.dir;
	for (cls = 0; cls < AER_CLASSES; cls++) {
		uint64_t n = aer_counted(&before, &w->counters, cls, &bits);

		see(out, w, since_ns, WITNESS_COUNTERS, cls, n, bits);
		see(out, w, since_ns, WITNESS_ROOT_PORT, cls,
			aer_received(&before, &w->counters, cls), 0);
	}
}

/* ---- tracepoints ---- */

struct looking {
	struct lookout *l;
	sightings *out;
};

static const enum sighting_kind traced[TRACE_KINDS] = {
	[TRACE_AER] = SIGHTING_AER,
	[TRACE_FIRMWARE] = SIGHTING_FIRMWARE,
	[TRACE_PAGE_FAULT] = SIGHTING_PAGE_FAULT,
};

static void add_field(struct sighting *s, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f = &s->fields[s->nfields++];

	str_set(f->name, name);
	f->kind = kind;
	str_set(f->text, text);
}

/* The first of them says what it was, as the log's line would have. */
static void add_fields(struct sighting *s, const struct trace_event *ev)
{
	char text[64];

	if (ev->kind == TRACE_PAGE_FAULT) {
		snprintf(text, sizeof(text), "0x%" PRIx64, ev->address);
		add_field(s, "address", VALUE_STRING, text);
		add_field(s, "rw", VALUE_STRING, ev->write ? "write" : "read");
	} else if (ev->kind == TRACE_FIRMWARE) {
		add_field(s, "section", VALUE_STRING, ev->section);
	} else if (ev->has_tlp) {
		snprintf(text, sizeof(text),
			"0x%08" PRIx32 "\n0x%08" PRIx32 "\n0x%08" PRIx32 "\n0x%08" PRIx32,
			ev->tlp[0], ev->tlp[1], ev->tlp[2], ev->tlp[3]);
		add_field(s, "tlp", VALUE_STRINGS, text);
	}
}

/* A storm within one look is one sighting. */
static struct sighting *same_again(sightings *out, const struct trace_event *ev)
{
	vec_foreach (s, out)
		if (s->witness == WITNESS_TRACEPOINT && s->kind == traced[ev->kind] &&
			s->cls == ev->cls && s->has_bdf == ev->has_bdf && bdf_eq(s->bdf, ev->bdf))
			return s;
	return NULL;
}

bool lookout_port_of(const struct lookout *l, struct bdf bdf, struct bdf *out)
{
	int depth;

	for (depth = 0; depth < PATH_MAX_PORTS && parent_of(l, bdf, &bdf); depth++)
		vec_foreach (w, &l->watched)
			if (w->counters.is_root_port && bdf_eq(w->bdf, bdf)) {
				*out = bdf;
				return true;
			}
	return false;
}

static void on_trace(void *arg, const struct trace_event *ev)
{
	const struct looking *at = arg;
	struct sighting *s = same_again(at->out, ev);

	if (s == NULL) {
		s = vec_push(at->out);
		s->witness = WITNESS_TRACEPOINT;
		s->kind = traced[ev->kind];
		s->has_bdf = ev->has_bdf;
		s->bdf = ev->bdf;
		s->has_port = ev->kind == TRACE_AER && lookout_port_of(at->l, ev->bdf, &s->port);
		s->cls = ev->cls;
		s->since_ns = at->l->traced_ns;
		s->noticed_ns = clock_mono_ns();
		s->wall_ns = clock_wall_ns();
		add_fields(s, ev);
	}
	s->bits |= ev->status;
	s->count++;
}

struct sighting *lookout_look(struct lookout *l, uint32_t lane, size_t *n_out)
{
	uint64_t lanes = lane == LOOKOUT_ALL ? UINT64_MAX : UINT64_C(1) << lane;
	sightings seen = {0};
	struct looking at = {l, &seen};

	vec_foreach (w, &l->watched)
		if ((w->lanes & lanes) != 0)
			look_at_counters(l, w, &seen);
	if (l->trace != NULL) {
		trace_drain(l->trace, on_trace, &at);
		l->traced_ns = clock_mono_ns();
	}
	*n_out = seen.n;
	return seen.v;
}

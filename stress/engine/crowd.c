/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/crowd.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/klog.h"
#include "model/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fields of one that is gathered: the first, and another if they have devices. */
#define INCIDENTS "incidents"
#define DEVICES   "devices"
/* Of what firmware tells it is in the section whether it is an AER error: a row's name may ask for that. */
#define SECTION "section"
#define CUT     "..."

/* Who is gathered together, but for the id, the severity, and whether it is an AER error. */
enum standing { COUNTS, TOLERATED, EXPECTED, LISTED };

struct gathered {
	enum standing standing;
	uint64_t incidents;
	bool changed; /* since crowd_next took it */
	struct incident inc;
};

struct crowd {
	/* when all that were kept would have come one every CROWD_EVERY_NS: of those that count, others */
	int64_t due_ns[2];
	int32_t failed_cycle[LANES_MAX]; /* the last with an incident that counts, + 2; 0 = none */
	VEC(struct gathered *) gathered;
};

static enum standing standing_of(const struct incident *inc)
{
	return inc->over_budget  ? COUNTS
		: inc->tolerated ? TOLERATED
		: inc->expected  ? EXPECTED
				 : LISTED;
}

struct crowd *crowd_new(void)
{
	return xcalloc(1, sizeof(struct crowd));
}

void crowd_free(struct crowd *c)
{
	if (c == NULL)
		return;
	vec_foreach (g, &c->gathered) {
		incident_finish(&(*g)->inc);
		free(*g);
	}
	vec_finish(&c->gathered);
	free(c);
}

/* Its cycle has failed by it: that must not depend on how many others there are. */
static bool fails_a_cycle(struct crowd *c, const struct incident *inc)
{
	const struct place *p = &inc->place;
	bool first;

	if (!inc->over_budget || p->lane < 0 || p->lane >= LANES_MAX)
		return false;
	first = c->failed_cycle[p->lane] != p->cycle + 2;
	c->failed_cycle[p->lane] = p->cycle + 2;
	return first;
}

bool crowd_keeps(struct crowd *c, const struct incident *inc, int64_t mono_ns)
{
	int64_t *due = &c->due_ns[inc->over_budget];
	bool needed = fails_a_cycle(c, inc);

	if (*due < mono_ns)
		*due = mono_ns;
	if (!needed && *due - mono_ns > (CROWD_BURST - 1) * CROWD_EVERY_NS)
		return false;
	*due += CROWD_EVERY_NS;
	return true;
}

static struct gathered *find(struct crowd *c, const struct incident *inc)
{
	enum standing standing = standing_of(inc);

	vec_foreach (g, &c->gathered)
		if ((*g)->standing == standing && (*g)->inc.place.in_lane == inc->place.in_lane &&
			(*g)->inc.severity == inc->severity && str_eq((*g)->inc.id, inc->id) &&
			klog_is_aer(&(*g)->inc) == klog_is_aer(inc))
			return *g;
	return NULL;
}

static struct gathered *begin(struct crowd *c, const struct incident *inc)
{
	const struct incident_field *section = incident_field(inc, SECTION);
	struct gathered *g = xcalloc(1, sizeof(*g));
	struct incident *mine = &g->inc;

	g->standing = standing_of(inc);
	str_set(mine->id, inc->id);
	mine->severity = inc->severity;
	mine->over_budget = inc->over_budget;
	mine->tolerated = inc->tolerated;
	mine->expected = inc->expected;
	mine->place = (struct place){
		.lane = -1, .cycle = -1, .step_index = -1, .in_lane = inc->place.in_lane};
	mine->first_seq = inc->first_seq;
	mine->first_wall_ns = inc->first_wall_ns;
	mine->first_usec = inc->first_usec;
	str_set(mine->seen_by, inc->seen_by);
	mine->meaning = inc->meaning ? xstrdup(inc->meaning) : NULL;
	mine->advice = inc->advice ? xstrdup(inc->advice) : NULL;
	incident_add_field(mine, INCIDENTS, VALUE_INT, "");
	if (klog_is_aer(inc) && section != NULL)
		incident_add_field(mine, SECTION, section->kind, section->text);
	*vec_push(&c->gathered) = g;
	return g;
}

/* The first ones, as many as a field holds. */
static void add_device(struct incident *mine, struct bdf bdf)
{
	struct incident_field *f = incident_field(mine, DEVICES);
	char text[BDF_LEN];
	size_t used;

	if (f == NULL)
		f = incident_add_field(mine, DEVICES, VALUE_STRINGS, "");
	used = strlen(f->text);
	if (strstr(f->text, bdf_text(bdf, text)) != NULL || str_ends(f->text, CUT))
		return;
	if (used + BDF_LEN + sizeof("\n" CUT) > sizeof(f->text))
		str_set(text, CUT);
	snprintf(f->text + used, sizeof(f->text) - used, "%s%s", used > 0 ? "\n" : "", text);
}

static void add_first(struct gathered *g, const struct incident *inc)
{
	struct incident *mine = &g->inc;

	snprintf(mine->fields[0].text, sizeof(mine->fields[0].text), "%" PRIu64, ++g->incidents);
	if (inc->has_bdf)
		add_device(mine, inc->bdf);
	if (inc->nfirst == 0)
		return;
	if (mine->nfirst < CROWD_LINES)
		mine->first[mine->nfirst++] =
			(struct incident_line){inc->first_seq, xstrdup(incident_line(inc))};
	else
		mine->lines_omitted++;
}

void crowd_gather(struct crowd *c, const struct incident *inc, uint64_t more, bool first)
{
	struct gathered *g = find(c, inc);
	struct incident *mine;

	first |= g == NULL; /* it was another's, and has become worse */
	if (g == NULL)
		g = begin(c, inc);
	mine = &g->inc;
	if (first)
		add_first(g, inc);
	mine->count += more;
	mine->count_is_lower_bound |= inc->count_is_lower_bound;
	if (mine->last_seq < inc->last_seq) {
		mine->last_seq = inc->last_seq;
		mine->last_wall_ns = inc->last_wall_ns;
		mine->last_usec = inc->last_usec;
	}
	g->changed = true;
}

struct incident *crowd_next(struct crowd *c)
{
	vec_foreach (g, &c->gathered) {
		if (!(*g)->changed)
			continue;
		(*g)->changed = false;
		return &(*g)->inc;
	}
	return NULL;
}

static const char *devices_of(const struct incident *inc)
{
	const struct incident_field *devices = incident_field(inc, DEVICES);

	return devices != NULL && incident_field(inc, INCIDENTS) != NULL ? devices->text : "";
}

/* What is no address in it, as the mark of the cut, stands for more of them. */
void crowd_devices(const struct incident *inc, struct crowd_devices *out)
{
	const char *at = inc->has_bdf ? "" : devices_of(inc);

	*out = (struct crowd_devices){.n = inc->has_bdf};
	if (inc->has_bdf)
		out->v[0] = inc->bdf;
	while (*at != '\0') {
		int len = (int)strcspn(at, "\n");
		char text[BDF_LEN];

		snprintf(text, sizeof(text), "%.*s", len, at);
		if (out->n < CROWD_DEVICES && bdf_parse(text, &out->v[out->n]))
			out->n++;
		else
			out->more = true;
		at += len + (at[len] == '\n');
	}
}

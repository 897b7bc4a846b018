/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "model/run_kinds.h"
#include "model/run_view.h"

#include <stdlib.h>

/* What the kernel told in both runs. */
struct telling {
	struct comparison *c;
	const struct lane_match *m;
	struct run_kind *a, *b;
	size_t na, nb;
	size_t *b_of, *a_of; /* which of a's is which of b's; NO_MATCH = none */
};

static uint64_t cycles_of(const struct run_view *run, int32_t lane)
{
	size_t at = lane >= 0 ? (size_t)lane : run_longest_lane(run);

	return at < run->nlanes ? run->lanes[at].cycles_done : 0;
}

/* Is b's the same fault in the same lane? */
static bool is_like(const struct telling *t, const struct run_kind *a, const struct run_kind *b)
{
	if (!str_eq(a->id, b->id) || a->lane >= (int32_t)t->c->a->nlanes)
		return false;
	if (a->lane < 0 || b->lane < 0)
		return a->lane == b->lane;
	return t->m->b_of[a->lane] == (size_t)b->lane;
}

/* Is it of the same device? */
static bool is_partner(const struct telling *t, const struct run_kind *a, const struct run_kind *b)
{
	const char *device = a->bdf;

	if (!is_like(t, a, b))
		return false;
	if (a->lane >= 0 && *device != '\0')
		device = compare_match_device(t->c, (size_t)a->lane, (size_t)b->lane, a->bdf, true);
	return str_eq(device, b->bdf);
}

/* Is a device of a lane elsewhere now? Then so may be what is above it. */
static bool is_numbered_anew(const struct telling *t)
{
	const struct run_view *a = t->c->a;
	char bdf[BDF_LEN];
	size_t i, k;

	for (i = 0; i < a->nlanes; i++)
		for (k = 0; t->m->b_of[i] != NO_MATCH && k < a->lanes[i].ndevices; k++) {
			const char *was = bdf_text(a->lanes[i].devices[k].bdf, bdf);
			const char *now = compare_match_device(t->c, i, t->m->b_of[i], was, true);

			if (now != NULL && !str_eq(now, was))
				return true;
		}
	return false;
}

/* Of no lane: a port above one, or what shares a bus with it. */
static bool is_bystander(const struct run_view *run, const struct run_kind *kind)
{
	struct bdf bdf;
	size_t i, k;

	if (!bdf_parse(kind->bdf, &bdf))
		return false;
	for (i = 0; i < run->nlanes; i++)
		for (k = 0; k < run->lanes[i].ndevices; k++)
			if (bdf_eq(run->lanes[i].devices[k].bdf, bdf))
				return false;
	return true;
}

/* The only one of b that has no partner yet and is like it, when a has no other such. */
static size_t only_one_left(const struct telling *t, size_t of_a)
{
	size_t i, found = NO_MATCH;

	for (i = 0; i < t->nb; i++)
		if (t->a_of[i] == NO_MATCH && is_like(t, &t->a[of_a], &t->b[i]) &&
			is_bystander(t->c->b, &t->b[i])) {
			if (found != NO_MATCH)
				return NO_MATCH;
			found = i;
		}
	for (i = 0; i < t->na && found != NO_MATCH; i++)
		if (i != of_a && t->b_of[i] == NO_MATCH && is_like(t, &t->a[i], &t->b[found]) &&
			is_bystander(t->c->a, &t->a[i]))
			return NO_MATCH;
	return found;
}

static void pair(struct telling *t, size_t of_a, size_t of_b)
{
	t->b_of[of_a] = of_b;
	t->a_of[of_b] = of_a;
}

static void match_kinds(struct telling *t)
{
	struct arena *arena = &t->c->arena;
	size_t i, k;

	t->b_of = arena_alloc(arena, (t->na + 1) * sizeof(*t->b_of));
	t->a_of = arena_alloc(arena, (t->nb + 1) * sizeof(*t->a_of));
	for (i = 0; i < t->na; i++)
		t->b_of[i] = NO_MATCH;
	for (k = 0; k < t->nb; k++)
		t->a_of[k] = NO_MATCH;
	for (i = 0; i < t->na; i++)
		for (k = 0; k < t->nb && t->b_of[i] == NO_MATCH; k++)
			if (t->a_of[k] == NO_MATCH && is_partner(t, &t->a[i], &t->b[k]))
				pair(t, i, k);
	if (!is_numbered_anew(t))
		return;
	for (i = 0; i < t->na; i++) {
		if (t->b_of[i] != NO_MATCH || !is_bystander(t->c->a, &t->a[i]))
			continue;
		k = only_one_left(t, i);
		if (k == NO_MATCH)
			continue;
		pair(t, i, k);
		compare_note(t->c, "%s of %s in the earlier run is compared with that of %s",
			t->a[i].id, t->a[i].bdf, t->b[k].bdf);
	}
}

static const char *bdf_or_null(struct comparison *c, const struct run_kind *k)
{
	return k && *k->bdf ? arena_strdup(&c->arena, k->bdf) : NULL;
}

static void name_kind(struct comparison *c, struct compare_row *row, const struct run_kind *k)
{
	const struct run_view *run = c->b;
	const char *device = row->device_b ? row->device_b : row->device_a;

	row->fault = arena_strdup(&c->arena, k->id);
	row->subject = arena_printf(
		&c->arena, "%s%s%s", row->fault, device ? " of " : "", device ? device : "");
	if (row->lane != NULL && run->nlanes > 1)
		row->subject = arena_printf(&c->arena, "lane %s, %s", row->lane, row->subject);
}

/* No more than all: what is told before the first cycle, or in one that never ended, is in none. */
static struct share share_of(const struct run_view *run, int32_t lane, const struct run_kind *k)
{
	struct share s = {k ? k->cycles : 0, cycles_of(run, lane)};

	if (s.k > s.n)
		s.k = s.n;
	return s;
}

static void add_kind(struct telling *t, int32_t lane_a, int32_t lane_b, const struct run_kind *a,
	const struct run_kind *b)
{
	struct comparison *c = t->c;
	struct compare_row *row = compare_add(c, COMPARE_INCIDENTS);

	row->lane = lane_b >= 0 ? c->b->lanes[lane_b].name : NULL;
	row->device_a = bdf_or_null(c, a);
	row->device_b = bdf_or_null(c, b);
	row->a.share = share_of(c->a, lane_a, a);
	row->b.share = share_of(c->b, lane_b, b);
	row->cycles_each = 1;
	name_kind(c, row, b ? b : a);
}

/* Of a lane that the other run does not have nothing is compared. */
static bool lanes_of_a(const struct telling *t, const struct run_kind *a, int32_t *lane_b)
{
	if (a->lane >= (int32_t)t->c->a->nlanes)
		return false;
	*lane_b = a->lane < 0 ? -1 : (int32_t)t->m->b_of[a->lane];
	return a->lane < 0 || t->m->b_of[a->lane] != NO_MATCH;
}

static bool lanes_of_b(const struct telling *t, const struct run_kind *b, int32_t *lane_a)
{
	if (b->lane >= (int32_t)t->c->b->nlanes)
		return false;
	*lane_a = b->lane < 0 ? -1 : (int32_t)t->m->a_of[b->lane];
	return b->lane < 0 || t->m->a_of[b->lane] != NO_MATCH;
}

/* When nothing was told at all, that is what is compared. */
static void add_silence(struct telling *t)
{
	struct compare_row *row = compare_add(t->c, COMPARE_INCIDENTS);

	row->subject = "the kernel log";
	row->a.share.n = cycles_of(t->c->a, -1);
	row->b.share.n = cycles_of(t->c->b, -1);
	row->cycles_each = 1;
}

static void compare_kinds(struct telling *t)
{
	size_t i, n = t->c->n;
	int32_t lane;

	match_kinds(t);
	for (i = 0; i < t->na; i++)
		if (lanes_of_a(t, &t->a[i], &lane))
			add_kind(t, t->a[i].lane, lane, &t->a[i],
				t->b_of[i] != NO_MATCH ? &t->b[t->b_of[i]] : NULL);
	for (i = 0; i < t->nb; i++)
		if (lanes_of_b(t, &t->b[i], &lane) && t->a_of[i] == NO_MATCH)
			add_kind(t, lane, t->b[i].lane, NULL, &t->b[i]);
	if (t->c->n == n)
		add_silence(t);
	if (t->na == RUN_KINDS_MAX || t->nb == RUN_KINDS_MAX)
		compare_note(
			t->c, "only the first %d kinds of incident are compared", RUN_KINDS_MAX);
}

int compare_incidents(struct comparison *c, const struct lane_match *m, struct err *err)
{
	struct telling t = {.c = c, .m = m};
	int rc = -1;

	if (run_kinds_load(c->a, &t.a, &t.na, err) == 0 &&
		run_kinds_load(c->b, &t.b, &t.nb, err) == 0) {
		compare_kinds(&t);
		rc = 0;
	}
	free(t.a);
	free(t.b);
	return rc;
}

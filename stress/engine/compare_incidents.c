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
};

static uint64_t cycles_of(const struct run_view *run, int32_t lane)
{
	size_t at = lane >= 0 ? (size_t)lane : run_longest_lane(run);

	return at < run->nlanes ? run->lanes[at].cycles_done : 0;
}

/* Is b's the same fault of the same device in the same lane? */
static bool is_partner(const struct telling *t, const struct run_kind *a, const struct run_kind *b)
{
	const char *device = a->bdf;

	if (!str_eq(a->id, b->id) || a->lane >= (int32_t)t->c->a->nlanes)
		return false;
	if (a->lane < 0 || b->lane < 0)
		return a->lane == b->lane && str_eq(a->bdf, b->bdf);
	if (t->m->b_of[a->lane] != (size_t)b->lane)
		return false;
	if (*device != '\0')
		device = compare_match_device(t->c, (size_t)a->lane, (size_t)b->lane, a->bdf, true);
	return str_eq(device, b->bdf);
}

static const struct run_kind *partner_of(const struct telling *t, const struct run_kind *kind)
{
	bool of_a = kind >= t->a && kind < t->a + t->na;
	size_t n = of_a ? t->nb : t->na, i;

	for (i = 0; i < n; i++)
		if (of_a ? is_partner(t, kind, &t->b[i]) : is_partner(t, &t->a[i], kind))
			return of_a ? &t->b[i] : &t->a[i];
	return NULL;
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

/* What is told before, after or in a cycle that never ended is in none of those that are counted. */
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

	for (i = 0; i < t->na; i++)
		if (lanes_of_a(t, &t->a[i], &lane))
			add_kind(t, t->a[i].lane, lane, &t->a[i], partner_of(t, &t->a[i]));
	for (i = 0; i < t->nb; i++)
		if (lanes_of_b(t, &t->b[i], &lane) && partner_of(t, &t->b[i]) == NULL)
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

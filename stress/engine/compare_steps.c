/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "engine/stats_rank.h"
#include "model/run_times.h"
#include "model/run_view.h"
#include "model/time_bins.h"

#include <inttypes.h>

/* One step row in both runs. */
struct pair {
	struct comparison *c;
	size_t lane_a, lane_b;
	const struct step_row *a, *b;
	struct run_times times_a, times_b;
};

/* ---- what a row is called ---- */

const char *compare_lane_part(struct comparison *c, const char *lane)
{
	bool needed = c->a->nlanes > 1 || c->b->nlanes > 1;

	return needed ? arena_printf(&c->arena, "lane %s, ", lane) : "";
}

const char *compare_device_part(struct comparison *c, const char *a, const char *b)
{
	if (a == NULL || b == NULL || str_eq(a, b))
		return a || b ? arena_printf(&c->arena, " %s", a ? a : b) : "";
	return arena_printf(&c->arena, " %s (now %s)", a, b);
}

static void name_row(struct comparison *c, struct compare_row *row, const char *lane,
	const struct step_row *a, const struct step_row *b)
{
	const struct step_row *s = b ? b : a;

	row->lane = lane;
	row->step = s->name;
	row->device_a = a ? a->device : NULL;
	row->device_b = b ? b->device : NULL;
	row->later = b;
	row->subject = arena_printf(&c->arena, "%s%s%s (step %" PRIu32 ")",
		compare_lane_part(c, lane), s->name,
		compare_device_part(c, row->device_a, row->device_b), s->index + 1);
}

static struct compare_row *add_row(const struct pair *p, enum compare_what what)
{
	struct compare_row *row = compare_add(p->c, what);

	name_row(p->c, row, p->c->b->lanes[p->lane_b].name, p->a, p->b);
	return row;
}

/* ---- counts ---- */

double compare_cycles_each(
	const struct comparison *c, size_t lane_a, size_t lane_b, struct share a, struct share b)
{
	double one = (double)c->a->lanes[lane_a].cycles_done / (double)(a.n ? a.n : 1);
	double other = (double)c->b->lanes[lane_b].cycles_done / (double)(b.n ? b.n : 1);

	return one > other ? one : other;
}

static double cycles_each(const struct pair *p, struct share a, struct share b)
{
	return compare_cycles_each(p->c, p->lane_a, p->lane_b, a, b);
}

/* Tool and environment are no property of a device: what is broken counts in neither way. */
static void compare_failures(const struct pair *p)
{
	struct share a = {p->a->failed, p->times_a.all + p->a->failed};
	struct share b = {p->b->failed, p->times_b.all + p->b->failed};
	struct compare_row *row;

	if (a.n == 0 && b.n == 0)
		return; /* skipped throughout: the matrix of resets says so */
	row = add_row(p, COMPARE_FAILURES);
	row->a.share = a;
	row->b.share = b;
	row->cycles_each = cycles_each(p, a, b);
}

/* ---- times ---- */

static int64_t nearest_rank(const struct run_times *t, unsigned percent)
{
	size_t rank = (t->n * percent + 99) / 100;

	return t->n == 0 ? -1 : t->us[rank > 0 ? rank - 1 : 0];
}

static struct compare_side side_of(const struct run_times *t)
{
	return (struct compare_side){
		.share = {.n = t->n},
		.p50_us = nearest_rank(t, 50),
		.p95_us = nearest_rank(t, 95),
		.max_us = nearest_rank(t, 100),
		.bins = "",
	};
}

static const char *bins_of(struct comparison *c, const struct run_times *t)
{
	struct time_bins bins = {0};
	size_t i;

	for (i = 0; i < t->n; i++)
		time_bins_add(&bins, t->us[i]);
	return time_bins_text(&bins, &c->arena);
}

static void compare_times(const struct pair *p, enum compare_what what, const struct run_times *a,
	const struct run_times *b)
{
	const struct compare_margins *m = &p->c->margins;
	struct compare_row *row;
	struct rank_test r;

	if (a->n == 0 && b->n == 0)
		return;
	row = add_row(p, what);
	row->a = side_of(a);
	row->b = side_of(b);
	row->a.bins = bins_of(p->c, a);
	row->b.bins = bins_of(p->c, b);
	row->cycles_each = cycles_each(p, row->a.share, row->b.share);
	row->margin = (double)row->a.p50_us * m->time_share;
	if (row->margin < (double)m->time_us)
		row->margin = (double)m->time_us;
	if (a->n < RANKS_MIN || b->n < RANKS_MIN)
		return;
	stats_ranks((struct sample){a->us, a->n}, (struct sample){b->us, b->n}, COMPARE_LEVEL, &r);
	row->test = "Brunner-Munzel";
	row->p = r.p;
	row->has_change = true;
	row->change = r.shift;
	row->change_range = r.shift_range;
	row->superiority = r.superiority;
	row->superiority_range = r.superiority_range;
}

static uint64_t longer_than(const struct run_times *t, int64_t us)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->us[middle] > us)
			high = middle;
		else
			low = middle + 1;
	}
	return t->n - low;
}

/* Of both samples together. */
static int64_t common_median(const struct run_times *a, const struct run_times *b)
{
	size_t i = 0, k = 0, rank = (a->n + b->n) / 2;

	while (i + k < rank)
		if (k == b->n || (i < a->n && a->us[i] <= b->us[k]))
			i++;
		else
			k++;
	return k == b->n || (i < a->n && a->us[i] <= b->us[k]) ? a->us[i] : b->us[k];
}

/*
 * A firmware that makes one reset of a hundred take a minute moves no median. What is slow is drawn from
 * both runs together, so that Fisher's condition, the sum of both counts, holds.
 */
static void compare_slow(const struct pair *p)
{
	const struct run_times *a = &p->times_a, *b = &p->times_b;
	const struct compare_margins *m = &p->c->margins;
	struct compare_row *row;
	int64_t limit;

	if (a->n == 0 || b->n == 0)
		return;
	limit = 2 * common_median(a, b) + m->time_us;
	if (longer_than(a, limit) + longer_than(b, limit) == 0)
		return;
	row = add_row(p, COMPARE_SLOW);
	row->a = side_of(a);
	row->b = side_of(b);
	row->a.share.k = longer_than(a, limit);
	row->b.share.k = longer_than(b, limit);
	row->cycles_each = cycles_each(p, row->a.share, row->b.share);
}

static void note_thinned(const struct pair *p, const struct run_times *t, const char *which)
{
	if (t->all > t->n)
		compare_note(p->c,
			"%s: of %" PRIu64 " times of the %s run every %" PRIu64 "th was compared",
			p->a->name, t->all, which, t->all / t->n);
}

static int compare_usable(const struct pair *p, struct err *err)
{
	const struct comparison *c = p->c;
	struct run_times a, b;

	if (!str_eq(p->a->word, "reset") && !str_eq(p->a->word, "rescan"))
		return 0;
	if (run_times_load(c->a, p->lane_a, p->a, TIMES_OF_USABLE, &a, err) != 0)
		return -1;
	if (run_times_load(c->b, p->lane_b, p->b, TIMES_OF_USABLE, &b, err) != 0) {
		run_times_finish(&a);
		return -1;
	}
	compare_times(p, COMPARE_USABLE, &a, &b);
	run_times_finish(&a);
	run_times_finish(&b);
	return 0;
}

static int compare_pair(struct pair *p, struct err *err)
{
	const struct comparison *c = p->c;
	int rc = -1;

	if (run_times_load(c->a, p->lane_a, p->a, TIMES_OF_STEP, &p->times_a, err) == 0 &&
		run_times_load(c->b, p->lane_b, p->b, TIMES_OF_STEP, &p->times_b, err) == 0) {
		note_thinned(p, &p->times_a, "earlier");
		note_thinned(p, &p->times_b, "later");
		compare_failures(p);
		compare_times(p, COMPARE_TIME, &p->times_a, &p->times_b);
		compare_slow(p);
		rc = 0;
	}
	run_times_finish(&p->times_a);
	run_times_finish(&p->times_b);
	return rc == 0 ? compare_usable(p, err) : -1;
}

/* ---- all rows ---- */

static void add_lonely(
	struct comparison *c, const char *lane, const struct step_row *a, const struct step_row *b)
{
	struct compare_row *row = compare_add(c, COMPARE_MATCH);

	name_row(c, row, lane, a, b);
	row->reason = arena_printf(&c->arena, "not comparable: only the %s run has this step",
		a ? "earlier" : "later");
	row->result = COMPARE_UNKNOWN;
}

static void compare_cycles(struct comparison *c, size_t lane_a, size_t lane_b)
{
	const struct lane_row *a = &c->a->lanes[lane_a], *b = &c->b->lanes[lane_b];
	struct compare_row *row = compare_add(c, COMPARE_CYCLES);

	row->lane = b->name;
	row->subject = arena_printf(&c->arena, "lane %s", b->name);
	row->a.share = (struct share){a->cycles_failed, a->cycles_done};
	row->b.share = (struct share){b->cycles_failed, b->cycles_done};
	row->cycles_each = 1;
}

/* `before` and `after` run once: one execution on a side proves nothing. */
static int compare_lane(struct comparison *c, size_t lane_a, size_t lane_b, struct err *err)
{
	const struct lane_row *a = &c->a->lanes[lane_a], *b = &c->b->lanes[lane_b];
	size_t i;

	compare_cycles(c, lane_a, lane_b);
	for (i = 0; i < a->nsteps; i++) {
		const struct step_row *s = &a->steps[i];
		struct pair p = {.c = c, .lane_a = lane_a, .lane_b = lane_b, .a = s};

		if (s->phase != PHASE_CYCLE)
			continue;
		p.b = compare_match_step(c, lane_a, lane_b, s, true);
		if (p.b == NULL)
			add_lonely(c, a->name, s, NULL);
		else if (compare_pair(&p, err) != 0)
			return -1;
	}
	for (i = 0; i < b->nsteps; i++) {
		const struct step_row *s = &b->steps[i];

		if (s->phase == PHASE_CYCLE &&
			compare_match_step(c, lane_a, lane_b, s, false) == NULL)
			add_lonely(c, b->name, NULL, s);
	}
	return 0;
}

int compare_steps(struct comparison *c, const struct lane_match *m, struct err *err)
{
	size_t i;

	for (i = 0; i < c->a->nlanes; i++)
		if (m->b_of[i] != NO_MATCH && compare_lane(c, i, m->b_of[i], err) != 0)
			return -1;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "model/run_view.h"

#include <stdlib.h>

/* The same method on the same device in the same state; `to_b`: row is of a. */
static const struct reset_row *partner_of(
	struct comparison *c, const struct lane_match *m, const struct reset_row *row, bool to_b)
{
	const struct run_view *to = to_b ? c->b : c->a;
	size_t lane = to_b ? m->b_of[row->lane] : m->a_of[row->lane], i;
	const char *device;

	if (lane == NO_MATCH)
		return NULL;
	device = compare_match_device(
		c, to_b ? row->lane : lane, to_b ? lane : row->lane, row->device, to_b);
	for (i = 0; i < to->nresets; i++) {
		const struct reset_row *r = &to->resets[i];

		if (r->lane == lane && r->use == row->use && str_eq(r->method, row->method) &&
			str_eq(r->device, device))
			return r;
	}
	return NULL;
}

/* The row of a step whose executions these are, all of them; NULL = there is none. */
static const struct compare_row *step_of(
	const struct comparison *c, const struct compare_reset *reset)
{
	const struct share *a = &reset->row.a.share, *b = &reset->row.b.share;
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->v[i];
		const struct step_row *s = row->later;

		if (row->what == COMPARE_FAILURES && s != NULL && str_eq(s->word, "reset") &&
			str_eq(row->lane, reset->lane) && str_eq(s->device, reset->device_b) &&
			str_eq(s->arg ? s->arg : s->name, reset->method) &&
			row->a.share.k == a->k && row->a.share.n == a->n &&
			row->b.share.k == b->k && row->b.share.n == b->n)
			return row;
	}
	return NULL;
}

static struct share share_of(const struct reset_row *row)
{
	return row ? (struct share){row->tried - row->worked, row->tried} : (struct share){0, 0};
}

static void fill_row(struct comparison *c, struct compare_reset *r)
{
	struct compare_row *row = &r->row;

	row->what = COMPARE_RESETS;
	row->subject = arena_printf(&c->arena, "%sreset: %s%s, %s", compare_lane_part(c, r->lane),
		r->method, compare_device_part(c, r->device_a, r->device_b),
		*r->state ? r->state : "state unknown");
	row->a.share = share_of(r->a);
	row->b.share = share_of(r->b);
	if (r->a != NULL && r->b != NULL)
		row->cycles_each =
			compare_cycles_each(c, r->a->lane, r->b->lane, row->a.share, row->b.share);
	r->as_step = step_of(c, r) != NULL;
}

static void add_reset(struct comparison *c, const char *lane, const struct reset_row *a,
	const struct reset_row *b)
{
	const struct reset_row *one = b ? b : a;
	struct compare_reset *r;

	if (c->nresets == c->resets_cap) {
		c->resets_cap = c->resets_cap ? 2 * c->resets_cap : 8;
		c->resets = xrealloc(c->resets, c->resets_cap * sizeof(*c->resets));
	}
	r = &c->resets[c->nresets++];
	*r = (struct compare_reset){
		.lane = lane,
		.method = one->method,
		.device_a = a ? a->device : NULL,
		.device_b = b ? b->device : NULL,
		.state = device_use_name(one->use),
		.a = a,
		.b = b,
	};
	fill_row(c, r);
}

void compare_resets(struct comparison *c, const struct lane_match *m)
{
	size_t i;

	for (i = 0; i < c->a->nresets; i++) {
		const struct reset_row *a = &c->a->resets[i], *b = partner_of(c, m, a, true);

		add_reset(c, b ? c->b->lanes[b->lane].name : c->a->lanes[a->lane].name, a, b);
	}
	for (i = 0; i < c->b->nresets; i++) {
		const struct reset_row *b = &c->b->resets[i];

		if (partner_of(c, m, b, false) == NULL)
			add_reset(c, c->b->lanes[b->lane].name, NULL, b);
	}
}

void compare_judge_reset(struct comparison *c, struct compare_reset *reset)
{
	const char *subject = reset->row.subject;

	if (reset->as_step)
		reset->row = *step_of(c, reset);
	else
		compare_judge(c, &reset->row);
	reset->row.subject = subject;
}

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

/* Steps that try the method on the device, in whatever state. */
static enum compare_result worst_of(const struct comparison *c, const struct compare_reset *reset)
{
	enum compare_result worst = COMPARE_SAME;
	bool any = false;
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->v[i];
		const struct step_row *s = row->later;

		if (row->what != COMPARE_FAILURES || s == NULL || !str_eq(s->word, "reset") ||
			!str_eq(row->lane, reset->lane) || !str_eq(s->device, reset->device_b) ||
			!str_eq(s->arg ? s->arg : s->name, reset->method))
			continue;
		any = true;
		worst = row->result < worst ? row->result : worst;
	}
	return any ? worst : COMPARE_UNKNOWN;
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
		.result = COMPARE_UNKNOWN,
	};
	if (a != NULL && b != NULL)
		r->result = worst_of(c, r);
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

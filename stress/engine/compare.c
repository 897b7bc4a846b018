/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "model/run_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct compare_margins compare_margins_default = {
	.rate = COMPARE_RATE,
	.time_share = COMPARE_TIME_SHARE,
	.time_us = COMPARE_TIME_US,
};

const char *compare_result_name(enum compare_result r)
{
	static const char *const names[] = {
		[COMPARE_WORSE] = "worse",
		[COMPARE_UNKNOWN] = "cannot tell",
		[COMPARE_BETTER] = "better",
		[COMPARE_SAME] = "same",
	};

	return names[r];
}

const char *compare_what_name(enum compare_what w)
{
	static const char *const names[] = {
		[COMPARE_VERDICT] = "verdict",
		[COMPARE_MATCH] = "match",
		[COMPARE_CYCLES] = "failed cycles",
		[COMPARE_FAILURES] = "failures",
		[COMPARE_INCIDENTS] = "incidents",
		[COMPARE_TIME] = "time",
		[COMPARE_SLOW] = "slow",
		[COMPARE_USABLE] = "usable",
		[COMPARE_RESETS] = "resets",
	};

	return names[w];
}

/* ---- for the parts ---- */

void compare_note(struct comparison *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->nnotes == c->notes_cap) {
		c->notes_cap = c->notes_cap ? 2 * c->notes_cap : 8;
		c->notes = xrealloc(c->notes, c->notes_cap * sizeof(*c->notes));
	}
	c->notes[c->nnotes++] = arena_strdup(&c->arena, text);
}

struct compare_row *compare_add(struct comparison *c, enum compare_what what)
{
	struct compare_row *row;

	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 32;
		c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
	}
	row = &c->v[c->n++];
	*row = (struct compare_row){.what = what};
	row->a.p50_us = row->a.p95_us = row->a.max_us = -1;
	row->b.p50_us = row->b.p95_us = row->b.max_us = -1;
	row->a.bins = row->b.bins = "";
	return row;
}

/* ---- tests ---- */

static void test_counts(const struct comparison *c, struct compare_row *row)
{
	enum count_kind kind = row->what == COMPARE_INCIDENTS ? COUNT_POISSON : COUNT_BINOMIAL;
	struct share a = row->a.share, b = row->b.share;

	if (a.n > 0)
		row->a.rate = stats_rate(kind, a, COMPARE_LEVEL);
	if (b.n > 0)
		row->b.rate = stats_rate(kind, b, COMPARE_LEVEL);
	row->margin = c->margins.rate;
	if (a.n == 0 || b.n == 0)
		return;
	row->test = kind == COUNT_POISSON ? "conditional binomial" : "Fisher";
	row->p = stats_rates_equal(kind, a, b);
	row->has_change = true;
	row->change = (double)b.k / (double)b.n - (double)a.k / (double)a.n;
	row->change_range = stats_rate_change(kind, a, b, COMPARE_LEVEL);
}

static bool is_of_counts(const struct compare_row *row)
{
	return row->what == COMPARE_CYCLES || row->what == COMPARE_FAILURES ||
		row->what == COMPARE_INCIDENTS || row->what == COMPARE_SLOW;
}

/* Of a blind run what it did not see is no count. */
static bool is_told(const struct comparison *c, const struct compare_row *row)
{
	return row->what != COMPARE_INCIDENTS || (!c->a->blind && !c->b->blind);
}

/* Of rows and resets, by a number for all of them. */
static struct compare_row *row_of(struct comparison *c, size_t i)
{
	return i < c->n ? &c->v[i] : &c->resets[i - c->n].row;
}

/* Many tests at 5 % would find something in every pair of equal runs. */
static void adjust(struct comparison *c)
{
	size_t all = c->n + c->nresets, i;
	auto_free double *p = xcalloc(all + 1, sizeof(*p));

	for (i = 0; i < all; i++)
		if (row_of(c, i)->test != NULL)
			p[c->ntests++] = row_of(c, i)->p;
	stats_holm(p, (uint32_t)c->ntests);
	c->ntests = 0;
	for (i = 0; i < all; i++)
		if (row_of(c, i)->test != NULL)
			row_of(c, i)->p_adjusted = p[c->ntests++];
}

static void test_all(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (is_of_counts(&c->v[i]) && is_told(c, &c->v[i]))
			test_counts(c, &c->v[i]);
	for (i = 0; i < c->nresets; i++)
		if (!c->resets[i].as_step)
			test_counts(c, &c->resets[i].row);
	adjust(c);
	for (i = 0; i < c->n; i++)
		compare_judge(c, &c->v[i]);
	for (i = 0; i < c->nresets; i++)
		compare_judge_reset(c, &c->resets[i]);
}

/* ---- the result ---- */

static int by_result(const void *a, const void *b)
{
	const struct compare_row *x = a, *y = b;

	if (x->result != y->result)
		return (x->result > y->result) - (x->result < y->result);
	if (x->what != y->what)
		return (x->what > y->what) - (x->what < y->what);
	return strcmp(x->subject, y->subject);
}

/*
 * What came out otherwise in one state of the device than in all of them together. That there were too
 * few in one state is no news: the step's failures have them too.
 */
static bool tells_of_a_state(const struct compare_reset *r)
{
	return !r->as_step && (r->row.result == COMPARE_WORSE || r->row.result == COMPARE_BETTER);
}

static void sum_up(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		c->count[c->v[i].result]++;
	for (i = 0; i < c->nresets; i++)
		if (tells_of_a_state(&c->resets[i]))
			c->count[c->resets[i].row.result]++;
	if (c->has_diff) {
		c->count[COMPARE_WORSE] += c->diff.count[CHANGE_REGRESSION];
		c->count[COMPARE_BETTER] += c->diff.count[CHANGE_IMPROVEMENT];
	}
	c->result = COMPARE_SAME;
	for (i = COMPARE_SAME; i-- > 0;)
		if (c->count[i] > 0)
			c->result = (enum compare_result)i;
}

static void note_runs(struct comparison *c)
{
	if (!str_eq(c->a->scenario, c->b->scenario))
		compare_note(c, "two scenarios, %s and %s: what has the same name is compared",
			c->a->scenario, c->b->scenario);
	else if (!str_eq(c->a->scenario_text, c->b->scenario_text))
		compare_note(c, "the scenario was changed between the runs");
	if (c->a->simulated || c->b->simulated)
		compare_note(c, "a test seam was used: this says nothing about a real host");
}

int compare_runs(const struct run_view *a, const struct run_view *b,
	const struct compare_margins *margins, struct comparison *out, struct err *err)
{
	struct comparison c = {.a = a, .b = b, .margins = *margins};
	struct lane_match m;

	note_runs(&c);
	compare_add(&c, COMPARE_VERDICT)->subject = "verdict";
	compare_match_lanes(&c, &m);
	if (compare_steps(&c, &m, err) != 0 || compare_incidents(&c, &m, err) != 0 ||
		compare_environment(&c, err) != 0) {
		compare_finish(&c);
		return -1;
	}
	compare_resets(&c, &m);
	test_all(&c);
	qsort(c.v, c.n, sizeof(*c.v), by_result);
	sum_up(&c);
	*out = c;
	return 0;
}

void compare_finish(struct comparison *c)
{
	if (c->has_diff)
		machine_diff_finish(&c->diff);
	free(c->v);
	free(c->resets);
	free(c->facts);
	free(c->notes);
	arena_finish(&c->arena);
	*c = (struct comparison){0};
}

int compare_exit_code(const struct comparison *c)
{
	return c->result == COMPARE_WORSE ? 1 : c->result == COMPARE_UNKNOWN ? 3 : 0;
}

static const struct compare_row *telling_reset(const struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->nresets; i++)
		if (tells_of_a_state(&c->resets[i]) && c->resets[i].row.result == c->result)
			return &c->resets[i].row;
	return NULL;
}

/* The first change of the machine that makes the whole what it is; NULL = none does. */
static const struct change *telling_change(const struct comparison *c)
{
	enum change_effect wanted =
		c->result == COMPARE_WORSE ? CHANGE_REGRESSION : CHANGE_IMPROVEMENT;
	size_t i;

	for (i = 0; c->has_diff && i < c->diff.n; i++)
		if (c->diff.v[i].effect == wanted)
			return &c->diff.v[i];
	return NULL;
}

static uint64_t most_needed(const struct comparison *c)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].needs && c->v[i].needed != STATS_NEVER && c->v[i].needed > most)
			most = c->v[i].needed;
	return most;
}

/* Of rows that came out like the whole the first, else of resets, else the change of the machine. */
const char *compare_sentence(struct comparison *c)
{
	size_t more = c->count[c->result] - 1;
	const char *subject = c->v[0].subject, *text = c->v[0].brief;
	const struct compare_row *reset = telling_reset(c);
	const struct change *change = telling_change(c);

	if (c->result == COMPARE_SAME)
		return arena_printf(&c->arena, "%zu comparisons within the margins", c->n);
	if (c->result == COMPARE_UNKNOWN && most_needed(c) > 0)
		return arena_printf(&c->arena,
			"%zu of %zu comparisons need more cycles, up to %" PRIu64, more + 1, c->n,
			most_needed(c));
	if (c->v[0].result != c->result && reset != NULL) {
		subject = reset->subject;
		text = reset->brief;
	} else if (c->v[0].result != c->result && change != NULL) {
		subject = change->subject;
		text = change->text;
	}
	if (more == 0)
		return arena_printf(&c->arena, "%s %s", subject, text);
	return arena_printf(&c->arena, "%s %s; and %zu more", subject, text, more);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/compare_parts.h"

#include "base/str.h"
#include "engine/stats_rank.h"
#include "model/run_view.h"

#include <inttypes.h>
#include <math.h>

#define ALPHA (1 - COMPARE_LEVEL)

/* How each kind of row is counted and told: "failed 3 of 300 times". */
static const struct {
	enum count_kind kind;
	const char *before, *after;
} counts[] = {
	[COMPARE_CYCLES] = {COUNT_BINOMIAL, "", " cycles failed"},
	[COMPARE_FAILURES] = {COUNT_BINOMIAL, "failed ", " times"},
	[COMPARE_INCIDENTS] = {COUNT_POISSON, "told in ", " cycles"},
	[COMPARE_RESETS] = {COUNT_BINOMIAL, "did not work ", " times"},
	[COMPARE_SLOW] = {COUNT_BINOMIAL, "", " took more than twice as long as usual"},
};

/* ---- words ---- */

#define FIGURE_LEN 40

static const char *p_text(char buf[FIGURE_LEN], double p)
{
	if (p < 0.0001)
		snprintf(buf, FIGURE_LEN, "p < 0.0001");
	else
		snprintf(buf, FIGURE_LEN, "p = %.2g", p);
	return buf;
}

static const char *cycles_text(char buf[FIGURE_LEN], const struct compare_row *row)
{
	if (row->needed == STATS_NEVER)
		snprintf(buf, FIGURE_LEN, "more cycles than anybody runs");
	else
		snprintf(buf, FIGURE_LEN, "some %" PRIu64 " cycles in each run", row->needed);
	return buf;
}

/* ---- what it would take ---- */

static void need(struct compare_row *row, double executions)
{
	double least = (double)(row->a.share.n < row->b.share.n ? row->a.share.n : row->b.share.n);
	double each = row->cycles_each > 0 ? row->cycles_each : 1;

	/* these were not enough, whatever an approximation says */
	if (executions <= least)
		executions = least + 1;
	row->needs = true;
	row->needed = executions * each < 1e9 ? (uint64_t)ceil(executions * each) : STATS_NEVER;
}

/* For a difference as large as the one that was seen; below the margin, to prove that there is none. */
static void need_of_counts(const struct comparison *c, struct compare_row *row)
{
	enum count_kind kind = counts[row->what].kind;
	struct share a = row->a.share, b = row->b.share;
	double ra = (double)a.k / (double)a.n, rb = (double)b.k / (double)b.n;
	uint64_t n;

	if (fabs(rb - ra) > row->margin)
		n = stats_need_differ(kind, ra, rb, ALPHA / (double)c->ntests, COMPARE_POWER);
	else
		n = stats_need_same(kind, (double)(a.k + b.k) / (double)(a.n + b.n), row->margin,
			COMPARE_LEVEL);
	need(row, n == STATS_NEVER ? INFINITY : (double)n);
}

/* The width of an interval goes with the root of how many there are. */
static void need_of_times(const struct comparison *c, struct compare_row *row)
{
	double na = (double)row->a.share.n, nb = (double)row->b.share.n, n = 2 / (1 / na + 1 / nb);
	double up = row->change_range.high - row->change,
	       down = row->change - row->change_range.low;
	double half = up > down ? up : down, far = fabs(row->change), error, wanted;

	if (far < row->margin) {
		wanted = row->margin - far;
		need(row, n * (half / wanted) * (half / wanted));
		return;
	}
	error = half / stats_normal_quantile(1 - ALPHA / 2);
	wanted = far /
		(stats_normal_quantile(1 - ALPHA / 2 / (double)c->ntests) +
			stats_normal_quantile(COMPARE_POWER));
	need(row, n * (error / wanted) * (error / wanted));
}

/* ---- counts ---- */

static const char *counts_brief(struct comparison *c, const struct compare_row *row)
{
	return arena_printf(&c->arena,
		"%s%" PRIu64 " of %" PRIu64 "%s, was %" PRIu64 " of %" PRIu64,
		counts[row->what].before, row->b.share.k, row->b.share.n, counts[row->what].after,
		row->a.share.k, row->a.share.n);
}

static const char *rates_text(struct comparison *c, const struct compare_row *row)
{
	const struct compare_side *a = &row->a, *b = &row->b;

	return arena_printf(&c->arena, "per 1,000 %.3g (%.3g to %.3g), was %.3g (%.3g to %.3g)",
		1e3 * (double)b->share.k / (double)b->share.n, 1e3 * b->rate.low,
		1e3 * b->rate.high, 1e3 * (double)a->share.k / (double)a->share.n,
		1e3 * a->rate.low, 1e3 * a->rate.high);
}

static double farthest(const struct compare_row *row)
{
	double low = fabs(row->change_range.low), high = fabs(row->change_range.high);

	return low > high ? low : high;
}

static void judge_counts(struct comparison *c, struct compare_row *row)
{
	char p[FIGURE_LEN], cycles[FIGURE_LEN];

	row->brief = counts_brief(c, row);
	if (row->p_adjusted < ALPHA) {
		row->result = row->change > 0 ? COMPARE_WORSE : COMPARE_BETTER;
		row->reason = arena_printf(&c->arena, "%s: %s; %s", row->brief, rates_text(c, row),
			p_text(p, row->p_adjusted));
	} else if (farthest(row) <= row->margin) {
		row->result = COMPARE_SAME;
		row->reason = arena_printf(&c->arena, "%s: at most %.3g per 1,000 apart",
			row->brief, 1e3 * farthest(row));
	} else {
		row->result = COMPARE_UNKNOWN;
		need_of_counts(c, row);
		row->reason = arena_printf(&c->arena,
			"%s: up to %.3g per 1,000 apart, %.3g matter; %s would tell", row->brief,
			1e3 * farthest(row), 1e3 * row->margin, cycles_text(cycles, row));
	}
}

/* ---- times ---- */

static const char *times_brief(struct comparison *c, const struct compare_row *row)
{
	char now[FIGURE_LEN], was[FIGURE_LEN];

	return arena_printf(&c->arena, "%s %s, was %s",
		row->what == COMPARE_USABLE ? "usable after" : "takes",
		microseconds_text((double)row->b.p50_us, now, FIGURE_LEN),
		microseconds_text((double)row->a.p50_us, was, FIGURE_LEN));
}

static const char *shift_text(struct comparison *c, const struct compare_row *row)
{
	char shift[FIGURE_LEN], low[FIGURE_LEN], high[FIGURE_LEN];

	return arena_printf(&c->arena, "shift %s (%s to %s)",
		microseconds_text(row->change, shift, FIGURE_LEN),
		microseconds_text(row->change_range.low, low, FIGURE_LEN),
		microseconds_text(row->change_range.high, high, FIGURE_LEN));
}

static void judge_times(struct comparison *c, struct compare_row *row)
{
	char p[FIGURE_LEN], margin[FIGURE_LEN], cycles[FIGURE_LEN];
	const char *shift;

	row->brief = times_brief(c, row);
	shift = shift_text(c, row);
	microseconds_text(row->margin, margin, FIGURE_LEN);
	p_text(p, row->p_adjusted);
	if (farthest(row) <= row->margin) {
		row->result = COMPARE_SAME;
		row->reason =
			arena_printf(&c->arena, "%s: %s, less than %s", row->brief, shift, margin);
	} else if (row->p_adjusted < ALPHA && fabs(row->change) >= row->margin) {
		row->result = row->change > 0 ? COMPARE_WORSE : COMPARE_BETTER;
		row->reason = arena_printf(&c->arena, "%s: %s; longer in %.3g %% of pairs; %s",
			row->brief, shift, 100 * row->superiority, p);
	} else {
		row->result = COMPARE_UNKNOWN;
		need_of_times(c, row);
		row->reason = arena_printf(&c->arena, "%s: %s, %s matter; %s; %s would tell",
			row->brief, shift, margin, p, cycles_text(cycles, row));
	}
}

static void judge_without_times(struct comparison *c, struct compare_row *row)
{
	const struct share a = row->a.share, b = row->b.share;

	row->result = COMPARE_UNKNOWN;
	row->brief = times_brief(c, row);
	if (a.n == 0 || b.n == 0) {
		row->brief = NULL;
		row->reason = arena_printf(
			&c->arena, "the %s run has no time of it", a.n == 0 ? "earlier" : "later");
		return;
	}
	need(row, RANKS_MIN);
	row->reason = arena_printf(&c->arena,
		"%s: %" PRIu64 " and %" PRIu64 " times are too few; %" PRIu64
		" cycles in each run are the least",
		row->brief, a.n, b.n, row->needed);
}

/* ---- facts ---- */

static bool is_final(const struct run_view *run)
{
	return run->verdict == VERDICT_PASS || run->verdict == VERDICT_FAIL;
}

static void judge_verdicts(struct comparison *c, struct compare_row *row)
{
	const struct run_view *a = c->a, *b = c->b, *odd = is_final(a) ? b : a;

	row->brief = row->reason = arena_printf(
		&c->arena, "%s, was %s", verdict_name(b->verdict), verdict_name(a->verdict));
	if (a->running || b->running || !is_final(a) || !is_final(b)) {
		row->result = COMPARE_UNKNOWN;
		row->reason = arena_printf(&c->arena, "%s: the %s run %s", row->reason,
			odd == a ? "earlier" : "later",
			odd->running ? "still goes on" : odd->verdict_reason);
	} else if (a->verdict == b->verdict) {
		row->result = COMPARE_SAME;
	} else {
		row->result = b->verdict == VERDICT_FAIL ? COMPARE_WORSE : COMPARE_BETTER;
		row->reason = arena_printf(
			&c->arena, "%s; whether that was chance is told by the rates", row->reason);
	}
}

static const struct run_view *blind_one(const struct comparison *c)
{
	return c->b->blind ? c->b : c->a->blind ? c->a : NULL;
}

static void judge_blind(struct comparison *c, struct compare_row *row)
{
	const struct run_view *blind = blind_one(c);

	row->result = COMPARE_UNKNOWN;
	row->reason = arena_printf(&c->arena, "the %s run was blind: %s",
		blind == c->b ? "later" : "earlier", blind->blind_reason);
}

static void judge_never(struct comparison *c, struct compare_row *row)
{
	row->result = COMPARE_UNKNOWN;
	row->reason = arena_printf(
		&c->arena, "it never ran in the %s run", row->a.share.n == 0 ? "earlier" : "later");
}

static bool is_of_times(const struct compare_row *row)
{
	return row->what == COMPARE_TIME || row->what == COMPARE_USABLE;
}

void compare_judge(struct comparison *c, struct compare_row *row)
{
	if (row->what == COMPARE_VERDICT)
		judge_verdicts(c, row);
	else if (row->what == COMPARE_INCIDENTS && blind_one(c) != NULL)
		judge_blind(c, row);
	else if (row->what != COMPARE_MATCH && row->test == NULL && is_of_times(row))
		judge_without_times(c, row);
	else if (row->what != COMPARE_MATCH && row->test == NULL)
		judge_never(c, row);
	else if (is_of_times(row))
		judge_times(c, row);
	else if (row->what != COMPARE_MATCH)
		judge_counts(c, row);
	if (row->brief == NULL)
		row->brief = row->reason;
}

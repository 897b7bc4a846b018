/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/compare_json.h"

#include "base/mem.h"
#include "cli/compare_text.h"
#include "cli/diff_json.h"
#include "engine/compare.h"
#include "engine/stats.h"
#include "model/run_view.h"
#include "world/jout.h"

static struct json_t *run_json(const struct run_view *run, const char *store)
{
	struct json_t *o = jout_object();
	int64_t cycles = 0;
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		cycles += (int64_t)run->lanes[i].cycles_done;
	jout_text(o, "id", run->id);
	jout_text(o, "store", store);
	jout_str(o, "scenario", run->scenario);
	jout_str(o, "host", run->host.name);
	jout_time(o, "started", run->started_ns);
	jout_time(o, "ended", run->ended_ns);
	jout_text(o, "verdict", verdict_name(run->verdict));
	jout_int(o, "cycles", cycles);
	return o;
}

static struct json_t *range_json(struct interval r)
{
	struct json_t *o = jout_object();

	jout_real(o, "low", r.low);
	jout_real(o, "high", r.high);
	return o;
}

static bool counts_things(const struct compare_row *row)
{
	return row->what == COMPARE_CYCLES || row->what == COMPARE_FAILURES ||
		row->what == COMPARE_INCIDENTS || row->what == COMPARE_SLOW ||
		row->what == COMPARE_RESETS;
}

static void put_ms(struct json_t *o, const char *key, int64_t us)
{
	if (us < 0)
		jout_null(o, key);
	else
		jout_real(o, key, (double)us / 1e3);
}

static struct json_t *side_json(const struct compare_row *row, const struct compare_side *s)
{
	struct json_t *o = jout_object(), *ms = jout_object();

	if (counts_things(row))
		jout_int(o, "k", (int64_t)s->share.k);
	else
		jout_null(o, "k");
	jout_int(o, "n", (int64_t)s->share.n);
	if (counts_things(row) && row->test != NULL)
		jout_put(o, "per_1000",
			range_json((struct interval){1e3 * s->rate.low, 1e3 * s->rate.high}));
	else
		jout_null(o, "per_1000");
	put_ms(ms, "p50", s->p50_us);
	put_ms(ms, "p95", s->p95_us);
	put_ms(ms, "max", s->max_us);
	jout_put(o, "ms", ms);
	return o;
}

/* Per 1,000, or in milliseconds. */
static struct json_t *change_json(const struct compare_row *row)
{
	bool counted = counts_things(row);
	double unit = counted ? 1e3 : 1e-3;
	struct json_t *o = jout_object();

	jout_text(o, "unit", counted ? "per_1000" : "ms");
	jout_real(o, "estimate", unit * row->change);
	jout_real(o, "low", unit * row->change_range.low);
	jout_real(o, "high", unit * row->change_range.high);
	jout_real(o, "margin", unit * row->margin);
	return o;
}

static struct json_t *superiority_json(const struct compare_row *row)
{
	struct json_t *o = jout_object();

	jout_real(o, "estimate", row->superiority);
	jout_real(o, "low", row->superiority_range.low);
	jout_real(o, "high", row->superiority_range.high);
	return o;
}

static struct json_t *test_json(const struct compare_row *row)
{
	struct json_t *o = jout_object();

	jout_text(o, "name", row->test);
	jout_real(o, "p", row->p);
	jout_real(o, "p_adjusted", row->p_adjusted);
	return o;
}

static void put_or_null(struct json_t *o, const char *key, bool there, struct json_t *value)
{
	if (there) {
		jout_put(o, key, value);
		return;
	}
	jout_free(value);
	jout_null(o, key);
}

static void put_test(struct json_t *o, const struct compare_row *row)
{
	put_or_null(o, "test", row->test != NULL, row->test ? test_json(row) : jout_none());
	put_or_null(o, "change", row->has_change, change_json(row));
}

static void put_needed(struct json_t *o, const struct compare_row *row)
{
	if (row->needs && row->needed != STATS_NEVER)
		jout_int(o, "cycles_needed", (int64_t)row->needed);
	else
		jout_null(o, "cycles_needed");
}

static struct json_t *row_json(const struct compare_row *row)
{
	bool times = row->has_change && !counts_things(row);
	struct json_t *o = jout_object();

	jout_text(o, "what", compare_what_name(row->what));
	jout_text(o, "result", compare_result_name(row->result));
	jout_text(o, "subject", row->subject);
	jout_text(o, "reason", row->reason);
	jout_str(o, "lane", row->lane);
	jout_str(o, "step", row->step);
	jout_str(o, "fault", row->fault);
	jout_str(o, "device_before", row->device_a);
	jout_str(o, "device_after", row->device_b);
	jout_put(o, "before", side_json(row, &row->a));
	jout_put(o, "after", side_json(row, &row->b));
	put_test(o, row);
	put_or_null(o, "superiority", times, superiority_json(row));
	put_needed(o, row);
	return o;
}

/* ---- resets, the machine ---- */

static struct json_t *reset_side(const struct reset_row *row)
{
	struct json_t *o = jout_object(), *ms = jout_object();

	jout_int(o, "tried", (int64_t)row->tried);
	jout_int(o, "worked", (int64_t)row->worked);
	put_ms(ms, "p50", row->p50_ms < 0 ? -1 : row->p50_ms * 1000);
	put_ms(ms, "p95", row->p95_ms < 0 ? -1 : row->p95_ms * 1000);
	put_ms(ms, "max", row->max_ms < 0 ? -1 : row->max_ms * 1000);
	jout_put(o, "ms", ms);
	return o;
}

static struct json_t *reset_json(const struct compare_reset *r)
{
	struct json_t *o = jout_object();

	jout_text(o, "lane", r->lane);
	jout_text(o, "method", r->method);
	jout_str(o, "state", r->state);
	jout_str(o, "device_before", r->device_a);
	jout_str(o, "device_after", r->device_b);
	jout_text(o, "result", compare_result_name(r->row.result));
	jout_text(o, "reason", r->row.reason);
	jout_put(o, "before", r->a ? reset_side(r->a) : jout_none());
	jout_put(o, "after", r->b ? reset_side(r->b) : jout_none());
	put_test(o, &r->row);
	put_needed(o, &r->row);
	return o;
}

static struct json_t *machine_json(const struct comparison *c)
{
	struct json_t *o = jout_object(), *changes = jout_array(), *facts = jout_array();
	size_t i;

	jout_bool(o, "compared", c->has_diff);
	jout_str(o, "why_not", c->has_diff ? NULL : c->no_diff);
	for (i = 0; c->has_diff && i < c->diff.n; i++)
		jout_push(changes, diff_change_json(&c->diff.v[i]));
	jout_put(o, "changes", changes);
	for (i = 0; i < c->nfacts; i++) {
		struct json_t *fact = jout_object();

		jout_text(fact, "name", c->facts[i].name);
		jout_str(fact, "before", c->facts[i].before);
		jout_str(fact, "after", c->facts[i].after);
		jout_push(facts, fact);
	}
	jout_put(o, "facts", facts);
	return o;
}

static struct json_t *margins_json(const struct compare_margins *m)
{
	struct json_t *o = jout_object();

	jout_real(o, "per_1000", 1e3 * m->rate);
	jout_real(o, "percent", 1e2 * m->time_share);
	jout_real(o, "ms", (double)m->time_us / 1e3);
	return o;
}

static struct json_t *counts_json(const struct comparison *c)
{
	struct json_t *o = jout_object();

	jout_int(o, "worse", (int64_t)c->count[COMPARE_WORSE]);
	jout_int(o, "cannot_tell", (int64_t)c->count[COMPARE_UNKNOWN]);
	jout_int(o, "better", (int64_t)c->count[COMPARE_BETTER]);
	jout_int(o, "same", (int64_t)c->count[COMPARE_SAME]);
	return o;
}

static void member(FILE *out, const char *key, struct json_t *value)
{
	fprintf(out, ",\n \"%s\": ", key);
	jout_write(value, out);
}

void compare_write_json(const struct compare_output *o, FILE *out)
{
	const struct comparison *c = o->c;
	struct json_t *notes = jout_array();
	size_t i;

	fprintf(out,
		"{\"schema\": \"vfio-stress/compare/1\",\n \"result\": \"%s\",\n \"exit_code\": "
		"%d,\n"
		" \"baseline\": %s,\n \"confidence\": %.2f",
		compare_result_name(c->result), compare_exit_code(c),
		o->baseline ? "true" : "false", COMPARE_LEVEL);
	member(out, "before", run_json(c->a, o->store_a));
	member(out, "after", run_json(c->b, o->store_b));
	member(out, "margins", margins_json(&c->margins));
	member(out, "counts", counts_json(c));
	fputs(",\n \"rows\": [", out);
	for (i = 0; i < c->n; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		jout_write(row_json(&c->v[i]), out);
	}
	fputs("],\n \"resets\": [", out);
	for (i = 0; i < c->nresets; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		jout_write(reset_json(&c->resets[i]), out);
	}
	fputs("]", out);
	member(out, "machine", machine_json(c));
	for (i = 0; i < c->nnotes; i++)
		jout_push_str(notes, c->notes[i]);
	member(out, "notes", notes);
	fputs("}\n", out);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/compare_text.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/paragraph.h"
#include "engine/compare.h"
#include "model/run_view.h"

#include <inttypes.h>
#include <stdlib.h>

#define TEXT 13 /* where text begins behind the word */

static const char *const tints[] = {
	[COMPARE_WORSE] = "\x1b[1;31m",
	[COMPARE_UNKNOWN] = "\x1b[33m",
	[COMPARE_BETTER] = "\x1b[32m",
	[COMPARE_SAME] = "",
};

/* The word stands alone so that its colour does not count as columns. */
static void say(const struct compare_output *o, FILE *out, enum compare_result r, const char *word,
	const char *text)
{
	const struct paragraph para = {0, TEXT, o->columns};
	auto_free char *lines = NULL;
	FILE *memory;
	size_t size;

	memory = open_memstream(&lines, &size);
	paragraph_write(memory, &para, "", text);
	fclose(memory);
	fprintf(out, "%s%-*s%s%s", o->colour ? tints[r] : "", TEXT, word,
		o->colour && *tints[r] ? "\x1b[0m" : "", lines + TEXT);
}

static void plain(const struct compare_output *o, FILE *out, const char *word, const char *text)
{
	const struct paragraph para = {0, TEXT, o->columns};

	paragraph_write(out, &para, word, text);
}

static void about(const struct compare_output *o, const struct run_view *run, const char *store,
	const char *word, FILE *out)
{
	uint64_t cycles = 0;
	struct str s = {0};
	char when[40];
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		cycles += run->lanes[i].cycles_done;
	clock_rfc3339(run->started_ns, when, sizeof(when));
	str_addf(&s, "%s: %s on %s, %s, %" PRIu64 " cycle%s, %.10s %.5s UTC", run->id,
		run->scenario, *run->host.name ? run->host.name : "an unknown host",
		verdict_name(run->verdict), cycles, cycles == 1 ? "" : "s", when, when + 11);
	if (!str_eq(o->store_a, o->store_b))
		str_addf(&s, ", %s", store);
	plain(o, out, word, s.s);
	str_finish(&s);
}

/* What is needed to tell it instead of the figures, or these. */
static char *judgement(const struct compare_row *row)
{
	if (row->needs && row->needed != STATS_NEVER)
		return xasprintf("%s; needs %" PRIu64 " cycles", row->brief, row->needed);
	return xstrdup(row->reason);
}

/* Those from `first` to `last`. */
static void rows(const struct compare_output *o, enum compare_result first,
	enum compare_result last, FILE *out)
{
	const struct comparison *c = o->c;
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->v[i];
		auto_free char *what = judgement(row), *text = NULL;

		if (row->result < first || row->result > last)
			continue;
		if (row->what == COMPARE_VERDICT)
			text = xasprintf("verdict: %s", row->reason);
		else if (row->what == COMPARE_MATCH)
			text = xasprintf("%s: %s", row->subject, row->reason);
		else
			text = xasprintf(
				"%s, %s: %s", row->subject, compare_what_name(row->what), what);
		say(o, out, row->result, compare_result_name(row->result), text);
	}
}

/* Those are proved, and nobody reads them one by one: their names, and the figures in the other formats. */
static void same_rows(const struct compare_output *o, FILE *out)
{
	const struct comparison *c = o->c;
	struct str s = {0};
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->v[i];

		if (row->result != COMPARE_SAME)
			continue;
		if (row->what == COMPARE_VERDICT)
			str_addf(&s, "verdict (%s)", row->reason);
		else
			str_addf(&s, "%s%s, %s", s.len ? "; " : "", row->subject,
				compare_what_name(row->what));
	}
	if (s.len > 0)
		say(o, out, COMPARE_SAME, compare_result_name(COMPARE_SAME), s.s);
	str_finish(&s);
}

/* Its time is in its step's rows, but for that of each state. */
static void add_spread(struct str *s, const char *before, const struct reset_row *row)
{
	if (row != NULL && row->max_ms >= 0)
		str_addf(s, "%s%" PRId64 "/%" PRId64 "/%" PRId64 " ms", before, row->p50_ms,
			row->p95_ms, row->max_ms);
}

/* Those that are worse in one state only, or all others. */
static void resets(const struct compare_output *o, bool worse, FILE *out)
{
	const struct comparison *c = o->c;
	size_t i;

	for (i = 0; i < c->nresets; i++) {
		const struct compare_reset *r = &c->resets[i];
		auto_free char *what = r->as_step ? xstrdup(r->row.brief) : judgement(&r->row);
		struct str s = {0};

		if (worse != (r->row.result == COMPARE_WORSE && !r->as_step))
			continue;
		str_addf(&s, "%s: %s", r->row.subject, what);
		add_spread(&s, "; takes ", r->b);
		add_spread(&s, r->b ? ", was " : "; took ", r->a);
		say(o, out, r->row.result, compare_result_name(r->row.result), s.s);
		str_finish(&s);
	}
}

static void machine(const struct compare_output *o, FILE *out)
{
	static const enum compare_result results[] = {
		[CHANGE_IMPROVEMENT] = COMPARE_BETTER,
		[CHANGE_NEUTRAL] = COMPARE_SAME,
		[CHANGE_REGRESSION] = COMPARE_WORSE,
	};
	const struct comparison *c = o->c;
	size_t i, k;

	if (!c->has_diff && c->no_diff != NULL)
		plain(o, out, "machine", c->no_diff);
	for (i = 0; i < c->nfacts; i++) {
		auto_free char *text = xasprintf("%s: %s, was %s", c->facts[i].name,
			*c->facts[i].after ? c->facts[i].after : "unknown",
			*c->facts[i].before ? c->facts[i].before : "unknown");

		plain(o, out, "machine", text);
	}
	for (i = 0; c->has_diff && i < c->diff.n; i++) {
		const struct change *ch = &c->diff.v[i];
		auto_free char *text = xasprintf("machine, %s: %s", ch->subject, ch->text);

		say(o, out, results[ch->effect],
			ch->effect == CHANGE_NEUTRAL ? "changed"
						     : compare_result_name(results[ch->effect]),
			text);
		for (k = 0; k < ch->nbreaks; k++)
			plain(o, out, "  breaks", ch->breaks[k]);
	}
}

void compare_write_text(const struct compare_output *o, FILE *out)
{
	const struct comparison *c = o->c;
	auto_free char *head = xasprintf(
		"%s against %s%s", c->b->id, o->baseline ? "its baseline " : "", c->a->id);
	size_t i;

	say(o, out, c->result, compare_result_name(c->result), head);
	about(o, c->a, o->store_a, "earlier", out);
	about(o, c->b, o->store_b, "later", out);
	putc('\n', out);
	rows(o, COMPARE_WORSE, COMPARE_WORSE, out);
	resets(o, true, out);
	machine(o, out);
	rows(o, COMPARE_UNKNOWN, COMPARE_BETTER, out);
	same_rows(o, out);
	resets(o, false, out);
	for (i = 0; i < c->nnotes; i++)
		plain(o, out, "note", c->notes[i]);
	fprintf(out, "\n%zu worse, %zu cannot be told, %zu better, %zu the same\n",
		c->count[COMPARE_WORSE], c->count[COMPARE_UNKNOWN], c->count[COMPARE_BETTER],
		c->count[COMPARE_SAME]);
	if (c->count[COMPARE_UNKNOWN] > 0)
		fprintf(out,
			"what needs cycles needs them in each run, if they go on like these\n");
}

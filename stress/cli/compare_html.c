/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/compare_html.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/compare_text.h"
#include "engine/compare.h"
#include "model/run_view.h"
#include "reporters/html_distribution.h"
#include "reporters/html_page.h"

#include <inttypes.h>
#include <math.h>

static const char *class_of(enum compare_result r)
{
	return html_result_class(compare_result_name(r));
}

static void begin_row(FILE *out, enum compare_result r, const char *word, const char *heading)
{
	fprintf(out, "<tr><td><span class=\"%s\">%s</span></td><th scope=\"row\">", class_of(r),
		word);
	html_text(out, heading);
	fprintf(out, "</th>");
}

static void cell(FILE *out, const char *s)
{
	html_element(out, "td", s);
}

/* ---- the top ---- */

static void about(FILE *out, const char *label, const struct run_view *run, const char *store)
{
	auto_free char *text = NULL;
	char when[40];

	text = xasprintf("%s: %s on %s, %s, %s, from %s", run->id, run->scenario,
		*run->host.name ? run->host.name : "an unknown host", verdict_name(run->verdict),
		clock_rfc3339(run->started_ns, when, sizeof(when)), store);
	html_fact(out, label, text);
}

static void top(FILE *out, const struct compare_output *o)
{
	static const char *const looks[] = {
		[COMPARE_WORSE] = "fail",
		[COMPARE_UNKNOWN] = "skipped",
		[COMPARE_BETTER] = "pass",
		[COMPARE_SAME] = "pass",
	};
	const struct comparison *c = o->c;

	fprintf(out, "<main>\n<h1>");
	html_text(out, c->b->scenario);
	fprintf(out,
		": two runs compared</h1>\n<div class=\"verdict %s\">\n<p class=\"word\"><span "
		"class=\"%s\">%s</span> ",
		looks[c->result], class_of(c->result), compare_result_name(c->result));
	html_text(out, compare_sentence(o->c));
	fprintf(out, "</p>\n<dl>\n");
	about(out, o->baseline ? "baseline" : "earlier", c->a, o->store_a);
	about(out, "later", c->b, o->store_b);
	fprintf(out,
		"<dt>rows</dt><dd>%zu worse, %zu cannot be told, %zu better, %zu the same</dd>\n"
		"<dt>margins</dt><dd>%.4g per 1,000 cycles; of a time %.4g %% of its median, and "
		"at least %.4g ms</dd>\n</dl>\n</div>\n"
		"<nav aria-label=\"Sections\"><a href=\"#rows\">Rows</a> <a "
		"href=\"#resets\">Resets</a> <a href=\"#machine\">Machine</a> <a "
		"href=\"#notes\">Notes</a></nav>\n",
		c->count[COMPARE_WORSE], c->count[COMPARE_UNKNOWN], c->count[COMPARE_BETTER],
		c->count[COMPARE_SAME], 1e3 * c->margins.rate, 1e2 * c->margins.time_share,
		(double)c->margins.time_us / 1e3);
}

/* ---- rows ---- */

#define RANGE_WIDTH 120.0
#define RANGE_SHOWN 3.0 /* margins to either side; what is farther ends at the edge */

static double place(double value, double margin)
{
	double at = value / margin;

	at = at > RANGE_SHOWN ? RANGE_SHOWN : at < -RANGE_SHOWN ? -RANGE_SHOWN : at;
	return RANGE_WIDTH / 2 * (1 + at / RANGE_SHOWN);
}

/* The interval of the change, on what does not matter; to the right is worse. */
static void range_cell(FILE *out, const struct compare_row *row)
{
	fprintf(out, "<td>");
	if (row->has_change && row->margin > 0) {
		double zone = place(-row->margin, row->margin);
		double low = place(row->change_range.low, row->margin);
		/* also one at the edge, or of no width, is to be seen */
		double width = fmax(place(row->change_range.high, row->margin) - low, 4);

		fprintf(out,
			"<svg class=\"range\" viewBox=\"0 0 120 10\" preserveAspectRatio=\"none\" "
			"role=\"img\" aria-label=\"interval of the change, in margins\">"
			"<rect class=\"zone\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"10\"/>"
			"<rect x=\"%.1f\" y=\"3\" width=\"%.1f\" height=\"4\"/></svg>",
			zone, RANGE_WIDTH - 2 * zone, fmin(low, RANGE_WIDTH - width), width);
	}
	fprintf(out, "</td>");
}

static void rows(FILE *out, const struct comparison *c)
{
	static const char *const columns[] = {
		"result", "of", "what", "why", "change, in margins", "times", NULL};
	size_t i;

	html_section(out, "rows", "Rows");
	html_distributions_key(out, "the earlier run", "the later run");
	html_cards(out,
		"The worst first. Same is proved: the 95 % interval of the change (blue) lies "
		"within the margin (grey); to the right is worse. All tests together are wrong in "
		"at most 5 % of comparisons of equal runs",
		columns);
	for (i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->v[i];

		begin_row(out, row->result, compare_result_name(row->result), row->subject);
		cell(out, compare_what_name(row->what));
		cell(out, row->reason);
		range_cell(out, row);
		fprintf(out, "<td>");
		html_distributions(out, row->a.bins, row->b.bins);
		fprintf(out, "</td></tr>\n");
	}
	html_table_end(out);
}

/* ---- resets ---- */

static void reset_cells(FILE *out, const struct reset_row *r)
{
	if (r == NULL) {
		fprintf(out, "<td class=\"none\">never tried</td><td></td>");
		return;
	}
	fprintf(out,
		"<td>%" PRIu64 " of %" PRIu64 "</td><td>%" PRId64 " / %" PRId64 " / %" PRId64
		"</td>",
		r->worked, r->tried, r->p50_ms, r->p95_ms, r->max_ms);
}

static void resets(FILE *out, const struct comparison *c)
{
	static const char *const columns[] = {"result", "method", "state", "device", "lane",
		"worked earlier", "p50 / p95 / max, ms", "worked later", "p50 / p95 / max, ms",
		"why", "change, in margins", NULL};
	size_t i;

	html_section(out, "resets", "Resets");
	if (c->nresets == 0) {
		fprintf(out, "<p>No step of these runs resets a device.</p>\n");
		return;
	}
	html_table(out,
		"Each method on each device, by the state that this was in: how often it did not "
		"work",
		columns);
	for (i = 0; i < c->nresets; i++) {
		const struct compare_reset *r = &c->resets[i];

		begin_row(out, r->row.result, compare_result_name(r->row.result), r->method);
		cell(out, *r->state ? r->state : "not known");
		html_device_cell(out, r->device_b ? r->device_b : r->device_a);
		cell(out, r->lane);
		reset_cells(out, r->a);
		reset_cells(out, r->b);
		cell(out, r->row.reason);
		range_cell(out, &r->row);
		fprintf(out, "</tr>\n");
	}
	html_table_end(out);
}

/* ---- the machine ---- */

static void changes(FILE *out, const struct machine_diff *d)
{
	static const char *const columns[] = {"effect", "of", "what", "breaks", NULL};
	static const enum compare_result looks[] = {
		[CHANGE_IMPROVEMENT] = COMPARE_BETTER,
		[CHANGE_NEUTRAL] = COMPARE_SAME,
		[CHANGE_REGRESSION] = COMPARE_WORSE,
	};
	size_t i, k;

	html_table(out, "Between the snapshots that the runs took when they began", columns);
	for (i = 0; i < d->n; i++) {
		const struct change *ch = &d->v[i];

		begin_row(out, looks[ch->effect], change_effect_name(ch->effect), ch->subject);
		cell(out, ch->text);
		fprintf(out, "<td>");
		for (k = 0; k < ch->nbreaks; k++) {
			fputs(k ? "<br>" : "", out);
			html_text(out, ch->breaks[k]);
		}
		fprintf(out, "</td></tr>\n");
	}
	html_table_end(out);
}

static void facts(FILE *out, const struct comparison *c)
{
	size_t i;

	fprintf(out, "<p>Not compared in detail: ");
	html_text(out, c->no_diff);
	fprintf(out, ".</p>\n<dl class=\"facts\">\n");
	for (i = 0; i < c->nfacts; i++) {
		const struct compare_fact *f = &c->facts[i];
		auto_free char *s = xasprintf("%s, was %s", *f->after ? f->after : "unknown",
			*f->before ? f->before : "unknown");

		html_fact(out, f->name, s);
	}
	fprintf(out, "</dl>\n");
}

static void machine(FILE *out, const struct comparison *c)
{
	html_section(out, "machine", "Machine");
	if (!c->has_diff)
		facts(out, c);
	else if (c->diff.n > 0)
		changes(out, &c->diff);
	else
		fprintf(out, "<p>Nothing has changed.</p>\n");
}

static void notes(FILE *out, const struct comparison *c)
{
	size_t i;

	html_section(out, "notes", "Notes");
	fputs(c->nnotes ? "<ul>\n" : "<p>There is nothing to say.</p>\n", out);
	for (i = 0; i < c->nnotes; i++) {
		html_element(out, "li", c->notes[i]);
		putc('\n', out);
	}
	if (c->nnotes > 0)
		fprintf(out, "</ul>\n");
}

void compare_write_html(const struct compare_output *o, FILE *out)
{
	const struct comparison *c = o->c;
	auto_free char *title =
		xasprintf("%s: %s against %s", compare_result_name(c->result), c->b->id, c->a->id);

	html_head(out, title);
	top(out, o);
	rows(out, c);
	resets(out, c);
	machine(out, c);
	notes(out, c);
	fprintf(out, "</main>\n</body>\n</html>\n");
}

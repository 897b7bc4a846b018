/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_baseline.h"

#include "base/str.h"
#include "model/baseline.h"
#include "model/run_view.h"
#include "reporters/html_distribution.h"
#include "reporters/html_page.h"

#include <inttypes.h>

#define STEPS_MAX 500 /* some 1.5 KB each */

bool html_has_baseline(const struct run_view *run)
{
	return run->baseline != NULL && run->baseline->nrows > 0;
}

/* What is said of one thing that took its time: a step, or the way back of what it reset. */
static bool are_of_one(const struct baseline_row *a, const struct baseline_row *b)
{
	return a->lane == b->lane && a->step == b->step && str_eq(a->device, b->device) &&
		str_eq(a->what, "usable") == str_eq(b->what, "usable");
}

static bool has_times(const struct baseline_row *r)
{
	return str_eq(r->what, "time") || str_eq(r->what, "usable");
}

static bool is_of(const struct baseline_row *r, const struct step_row *s)
{
	return s->phase == PHASE_CYCLE && s->index == r->step &&
		str_eq(s->device ? s->device : "", r->device);
}

/* NULL: the store is not what it was. */
static const struct step_row *step_of(const struct run_view *run, const struct baseline_row *r)
{
	size_t i;

	for (i = 0; r->lane < run->nlanes && i < run->lanes[r->lane].nsteps; i++)
		if (is_of(r, &run->lanes[r->lane].steps[i]))
			return &run->lanes[r->lane].steps[i];
	return NULL;
}

const struct baseline_times *html_baseline_times(
	const struct run_view *run, size_t lane, const struct step_row *step)
{
	size_t i;

	for (i = 0; run->baseline != NULL && i < run->baseline->nrows; i++) {
		const struct baseline_row *r = &run->baseline->rows[i];

		if (r->lane == lane && is_of(r, step) && str_eq(r->what, "time"))
			return r->before.n > 0 ? &r->before : NULL;
	}
	return NULL;
}

static void time_cell(FILE *out, const char *what, int64_t us)
{
	char buf[32];

	fprintf(out, "<td class=\"n\" data-label=\"%s\">%s</td>", what,
		us < 0 ? "" : microseconds_text((double)us, buf, sizeof(buf)));
}

static void times(FILE *out, const char *whose, const struct baseline_times *t)
{
	fprintf(out, "<td>%s</td><td class=\"n\" data-label=\"passed\">%" PRIu64 "</td>", whose,
		t->n);
	time_cell(out, "p50", t->p50_us);
	time_cell(out, "p95", t->p95_us);
	time_cell(out, "max", t->max_us);
}

/* Each with its own word: the middle may be the same when the slow ones are worse. */
static void sentences(FILE *out, const struct baseline_result *b, const struct baseline_row *first)
{
	const struct baseline_row *r;

	for (r = first; r < b->rows + b->nrows; r++) {
		if (!are_of_one(first, r))
			continue;
		fprintf(out, "<p><span class=\"%s\">%s</span>: ", html_result_class(r->result),
			r->result);
		html_text(out, r->text);
		fprintf(out, "</p>");
	}
}

static void name(struct page *p, const struct baseline_row *r, const struct step_row *s)
{
	if (p->run->nlanes > 1) {
		html_text(p->out, p->run->lanes[r->lane].name);
		fprintf(p->out, ": ");
	}
	fprintf(p->out, "step %" PRIu32 ", ", s->index + 1);
	html_text(p->out, s->name);
	if (*r->device != '\0') {
		fprintf(p->out, "<br><span class=\"id\">");
		html_text(p->out, r->device);
		fprintf(p->out, "</span>");
	}
	if (str_eq(r->what, "usable"))
		fprintf(p->out, "<br>until it is usable");
}

static void step(struct page *p, const struct baseline_row *first, const struct step_row *s)
{
	const struct baseline_result *b = p->run->baseline;
	const struct baseline_row *r = first, *end = b->rows + b->nrows;

	while (r < end && !(are_of_one(first, r) && has_times(r)))
		r++;
	fprintf(p->out,
		r < end ? "<tr class=\"pair\"><th scope=\"row\" rowspan=\"2\">"
			: "<tr><th scope=\"row\">");
	name(p, first, s);
	fprintf(p->out, "</th>");
	if (r < end) {
		times(p->out, "this run", &r->now);
		fprintf(p->out, "<td rowspan=\"2\">");
		html_distributions(p->out, r->before.bins, r->now.bins);
		fprintf(p->out, "</td><td class=\"why\" rowspan=\"2\">");
	} else {
		fprintf(p->out, "<td colspan=\"6\"></td><td class=\"why\">");
	}
	sentences(p->out, b, first);
	fprintf(p->out, "</td></tr>\n");
	if (r < end) {
		fprintf(p->out, "<tr>");
		times(p->out, "baseline", &r->before);
		fprintf(p->out, "</tr>\n");
	}
}

static bool is_first(const struct baseline_result *b, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (are_of_one(&b->rows[k], &b->rows[i]))
			return false;
	return true;
}

/* The worst first; how many more there are. */
static size_t steps(struct page *p)
{
	const struct baseline_result *b = p->run->baseline;
	size_t i, n = 0;

	for (i = 0; i < b->nrows; i++) {
		const struct step_row *s = step_of(p->run, &b->rows[i]);

		if (s == NULL || !is_first(b, i))
			continue;
		if (n++ < STEPS_MAX)
			step(p, &b->rows[i], s);
	}
	return n > STEPS_MAX ? n - STEPS_MAX : 0;
}

void html_baseline(struct page *p)
{
	static const char *const columns[] = {"step", "run", "#passed", "#p50", "#p95", "#max",
		"distribution", "against the baseline", NULL};
	const struct baseline_result *b = p->run->baseline;
	size_t more;

	html_section(p->out, "baseline", "Against the baseline");
	fprintf(p->out, "<p><span class=\"%s\">%s</span> (", html_result_class(b->result),
		b->result);
	html_text(p->out, b->run);
	fprintf(p->out, "): ");
	html_text(p->out, b->text);
	fprintf(p->out, "</p>\n");
	html_distributions_key(p->out, "the baseline", "this run");
	html_cards(p->out,
		"How long steps took that passed, the worst first; failures, incidents and the "
		"machine: vfio-stress compare --baseline",
		columns);
	more = steps(p);
	html_table_end(p->out);
	if (more > 0)
		fprintf(p->out, "<p>%zu more are not listed.</p>\n", more);
}

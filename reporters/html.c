/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/culprit.h"
#include "model/event.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "reporters/html_assets.h"
#include "reporters/html_series.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Of kernel lines in the page, with their markup; the json report has all that are kept. */
#define LINES_MAX       (1500u << 10)
#define MARKS_MAX       500 /* in one chart */
#define DIFFERENCES_MAX 300 /* of devices */

/* One page, written from top to bottom. */
struct page {
	FILE *out;
	const struct run_view *run;
	struct run_series series;
	size_t lines; /* bytes of kernel lines so far */
	unsigned charts;
};

/* ---- text ---- */

/*
 * The one way for foreign text into the page: markup becomes letters, control bytes, bidirectional
 * controls and what is not UTF-8 a visible \xNN. Lines stay lines.
 */
static void text(struct page *p, const char *s)
{
	static const char *const entities[128] = {['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
		['\''] = "&#39;"};

	while (*s != '\0') {
		size_t n = strcspn(s, "\n"), room = 4 * n + 8;
		auto_free char *line = str_printable(xmalloc(room), room, s, n);
		const char *c;

		for (c = line; *c != '\0'; c++)
			if ((unsigned char)*c < 128 && entities[(unsigned char)*c] != NULL)
				fputs(entities[(unsigned char)*c], p->out);
			else
				putc(*c, p->out);
		s += n;
		if (*s == '\n')
			putc(*s++, p->out);
	}
}

/* Of our own markup; nothing foreign is an argument. */
static void __attribute__((format(printf, 2, 3))) put(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(p->out, fmt, ap);
	va_end(ap);
}

static void element(struct page *p, const char *name, const char *s)
{
	put(p, "<%s>", name);
	text(p, s);
	put(p, "</%s>", name);
}

static void fact(struct page *p, const char *label, const char *s)
{
	if (s == NULL || *s == '\0')
		return;
	put(p, "<dt>%s</dt><dd>", label);
	text(p, s);
	put(p, "</dd>\n");
}

static void section(struct page *p, const char *id, const char *title)
{
	put(p, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

static void ms_cell(struct page *p, int64_t ms)
{
	char buf[32];

	put(p, "<td class=\"n\">%s</td>", ms < 0 ? "" : duration_text(ms, buf, sizeof(buf)));
}

static void count_cell(struct page *p, uint64_t n)
{
	put(p, "<td class=\"n\">%" PRIu64 "</td>", n);
}

static void device_cell(struct page *p, const char *device)
{
	put(p, "<td class=\"id\">");
	text(p, device ? device : "");
	put(p, "</td>");
}

static void verdict_word(struct page *p, enum verdict v)
{
	put(p, "<span class=\"%s-word\">%s</span>", verdict_name(v), verdict_name(v));
}

static const char *lane_name(const struct run_view *run, int32_t lane)
{
	return lane >= 0 && (size_t)lane < run->nlanes ? run->lanes[lane].name : "";
}

static void place(struct page *p, int32_t lane, int32_t cycle, const char *step)
{
	if (*lane_name(p->run, lane) != '\0') {
		put(p, "lane ");
		text(p, lane_name(p->run, lane));
	}
	if (cycle > 0)
		put(p, ", cycle %" PRId32, cycle);
	else if (lane >= 0)
		put(p, cycle == 0 ? ", before the first cycle" : ", after the last cycle");
	if (step != NULL && *step != '\0') {
		put(p, ", ");
		text(p, step);
	}
}

/* ---- the top: what happened, who did it, what to do ---- */

static const char *const verdict_sentences[] = {
	[VERDICT_PASS] = "nothing that counts went wrong",
	[VERDICT_FAIL] = "a device, a VM or the host failed",
	[VERDICT_BROKEN] = "the tool or its environment failed, no device is blamed",
	[VERDICT_SKIPPED] = "no step ran, nothing is proved",
	[VERDICT_ABORTED] = "ended early, what did not run is not proved",
};

static void culprit_facts(struct page *p, const struct culprit *c)
{
	const struct incident *inc = c->incident;
	const struct failure_row *f = c->failure;

	if (c->device[0] != '\0') {
		put(p, "<dt>culprit</dt><dd><strong>%s</strong> ", c->device);
		text(p, c->pci ? c->pci->name : "(not a device of this run's lanes)");
		put(p, "</dd>\n");
	}
	if (c->lane != NULL) {
		put(p, "<dt>where</dt><dd>");
		place(p, (int32_t)(c->lane - p->run->lanes), c->cycle,
			c->step ? c->step->name : c->word);
		put(p, "</dd>\n");
	}
	if (inc != NULL) {
		fact(p, "what", inc->id);
		fact(p, "kernel", incident_line(inc));
		fact(p, "means", inc->meaning);
	}
	if (f != NULL) {
		fact(p, inc ? "and" : "what", f->reason);
		fact(p, "seen", f->detail);
	}
	fact(p, "do", inc && inc->advice && *inc->advice ? inc->advice : f ? f->advice : NULL);
}

static void top(struct page *p)
{
	const struct run_view *run = p->run;
	struct culprit c;
	bool guilty = culprit_find(run, &c);
	char start[40], end[40];

	put(p, "<main>\n<h1>");
	text(p, run->scenario);
	put(p, "</h1>\n<p>run ");
	text(p, run->id);
	put(p, " on ");
	text(p, *run->host.name ? run->host.name : "an unknown host");
	put(p, ", %s to %s</p>\n", clock_rfc3339(run->started_ns, start, sizeof(start)),
		clock_rfc3339(run->ended_ns, end, sizeof(end)));
	put(p, "<div class=\"verdict %s\">\n<strong>", verdict_name(run->verdict));
	verdict_word(p, run->verdict);
	put(p, "</strong>: %s%s%s\n<dl>\n", verdict_sentences[run->verdict],
		run->running         ? " (still running: not final)"
			: run->ended ? ""
				     : " (the run died)",
		run->simulated ? " (parts of the host were simulated)" : "");
	fact(p, "why", run->verdict_reason);
	if (guilty)
		culprit_facts(p, &c);
	if (run->blind)
		fact(p, "blind", run->blind_reason);
	put(p,
		"</dl>\n</div>\n"
		"<nav aria-label=\"Sections\"><a href=\"#lanes\">Lanes</a> <a "
		"href=\"#steps\">Steps</a> "
		"<a href=\"#resets\">Resets</a> <a href=\"#failures\">Failures</a> "
		"<a href=\"#incidents\">Incidents</a> <a href=\"#devices\">Devices</a> <a "
		"href=\"#unseen\">Not seen</a> "
		"<a href=\"#host\">Host</a> <a href=\"#scenario\">Scenario</a></nav>\n");
}

/* ---- charts ---- */

static void numbers(struct page *p, const struct series *s, double (*of)(const struct point *pt))
{
	const char *comma = "";
	size_t i;

	put(p, "[");
	for (i = 0; i < s->npoints; i++)
		if (s->points[i].n > 0) {
			put(p, "%s%.13g", comma, of(&s->points[i]));
			comma = ",";
		}
	put(p, "]");
}

static double point_x(const struct point *pt)
{
	return pt->x;
}

static double point_min(const struct point *pt)
{
	return (double)pt->min_us / 1e6;
}

static double point_mean(const struct point *pt)
{
	return (double)(pt->sum_us / (int64_t)pt->n) / 1e6;
}

static double point_max(const struct point *pt)
{
	return (double)pt->max_us / 1e6;
}

/* Incidents of the lane: at their time, or at their cycle where the step is named. */
static void put_marks(struct page *p, int32_t lane, const struct step_row *row)
{
	const char *comma = "";
	size_t i, n = 0;

	put(p, "[");
	for (i = 0; i < p->run->nincidents && n < MARKS_MAX; i++) {
		const struct incident *inc = &p->run->incidents[i];
		double x = row ? inc->place.cycle : (double)(inc->first_wall_ns / NS_PER_MS) / 1e3;

		if (inc->place.lane != lane ||
			(row &&
				(inc->place.cycle <= 0 ||
					inc->place.step_index != (int32_t)row->index)))
			continue;
		put(p, "%s[%.13g,%d]", comma, x, inc->severity);
		comma = ",";
		n++;
	}
	for (i = 0; row && i < p->run->nfailures && n < MARKS_MAX; i++) {
		const struct failure_row *f = &p->run->failures[i];

		if (f->lane != lane || f->cycle <= 0 || f->step_index != (int32_t)row->index)
			continue;
		put(p, "%s[%" PRId32 ",%d]", comma, f->cycle, SEV_ERROR);
		comma = ",";
		n++;
	}
	put(p, "]");
}

/* Of a lane over time, or of a row of it (not NULL) over cycles; it needs two points. */
static void chart(struct page *p, const struct series *s, int32_t lane, const struct step_row *row)
{
	unsigned id = p->charts++;

	put(p, "<figure data-chart><figcaption>");
	if (row == NULL)
		put(p, "How long each cycle took, over time; lines are incidents. ");
	else
		put(p, "How long it took, over the cycles; lines are failures and incidents. ");
	if (s->per_point > 1)
		put(p,
			"Thinned: each point stands for %" PRIu64
			" cycles, by their least, mean and "
			"most, so that no extreme is lost. ",
			s->per_point);
	put(p,
		"Drag to zoom, double-click to zoom out.</figcaption>"
		"<div class=\"chart\" role=\"img\" aria-label=\"chart; the table has its figures\" "
		"data-of=\"c%u\"></div><script type=\"application/json\" id=\"c%u\">{\"time\":%d,"
		"\"marks\":",
		id, id, row == NULL);
	put_marks(p, lane, row);
	put(p, ",\"rows\":[");
	numbers(p, s, point_x);
	put(p, ",");
	numbers(p, s, point_min);
	put(p, ",");
	numbers(p, s, point_mean);
	put(p, ",");
	numbers(p, s, point_max);
	put(p, "]}</script></figure>\n");
}

/* From the shortest to the longest, four bars to an octave. */
static void histogram(struct page *p, const struct series *s)
{
	unsigned first = 0, last = SERIES_BINS - 1, i;
	uint32_t most = 1;

	if (s->n < 2)
		return;
	while (s->bins[first] == 0)
		first++;
	while (s->bins[last] == 0)
		last--;
	for (i = first; i <= last; i++)
		most = s->bins[i] > most ? s->bins[i] : most;
	put(p,
		"<svg class=\"bars\" viewBox=\"0 0 %u 20\" preserveAspectRatio=\"none\" "
		"role=\"img\" "
		"aria-label=\"distribution, from the shortest to the longest\">",
		last - first + 1);
	for (i = first; i <= last; i++) {
		/* one of thousands is to be seen as well */
		double h = s->bins[i] ? 2 + 18.0 * s->bins[i] / most : 0;

		if (h > 0)
			put(p, "<rect x=\"%u\" y=\"%.1f\" width=\"0.9\" height=\"%.1f\"/>",
				i - first, 20 - h, h);
	}
	put(p, "</svg>");
}

/* ---- lanes and steps ---- */

static void lanes(struct page *p)
{
	const struct run_view *run = p->run;
	size_t i, d;

	section(p, "lanes", "Lanes");
	put(p,
		"<div class=\"scroll\" tabindex=\"0\"><table><caption>What ran side by "
		"side</caption><thead><tr>"
		"<th scope=\"col\">lane</th><th scope=\"col\">verdict</th><th scope=\"col\" "
		"class=\"n\">"
		"cycles</th><th scope=\"col\" class=\"n\">failed</th><th scope=\"col\">devices</th>"
		"<th scope=\"col\">reason</th></tr></thead><tbody>\n");
	for (i = 0; i < run->nlanes; i++) {
		const struct lane_row *lane = &run->lanes[i];
		char bdf[BDF_LEN];

		put(p, "<tr><th scope=\"row\">");
		text(p, lane->name);
		put(p, "</th><td>");
		verdict_word(p, lane->verdict);
		put(p, "</td>");
		count_cell(p, lane->cycles_done);
		count_cell(p, lane->cycles_failed);
		put(p, "<td>");
		for (d = 0; d < lane->ndevices; d++) {
			put(p, "%s%s ", d ? "<br>" : "", bdf_text(lane->devices[d].bdf, bdf));
			text(p, lane->devices[d].name);
		}
		put(p, "</td>");
		element(p, "td", lane->reason);
		put(p, "</tr>\n");
	}
	put(p, "</tbody></table></div>\n");
	for (i = 0; i < run->nlanes; i++)
		if (p->series.lanes[i].n > 1) {
			element(p, "h3", run->lanes[i].name);
			chart(p, &p->series.lanes[i], (int32_t)i, NULL);
		}
}

static void step_row(struct page *p, const struct lane_row *lane, const struct step_row *s,
	const struct series *series)
{
	put(p, "<tr>");
	element(p, "td", lane->name);
	put(p, "<th scope=\"row\">%s %" PRIu32 ": ", phase_name(s->phase), s->index + 1);
	text(p, s->name);
	put(p, "</th>");
	device_cell(p, s->device);
	count_cell(p, s->count);
	count_cell(p, s->failed);
	count_cell(p, s->broken);
	count_cell(p, s->skipped);
	ms_cell(p, s->p50_ms);
	ms_cell(p, s->p95_ms);
	ms_cell(p, s->max_ms);
	put(p, "<td>");
	histogram(p, series);
	put(p, "</td></tr>\n");
}

static void step_charts(struct page *p)
{
	const struct series *series = p->series.rows;
	size_t i, k;

	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++, series++) {
			const struct step_row *s = &p->run->lanes[i].steps[k];

			if (s->phase != PHASE_CYCLE || series->n < 2)
				continue;
			put(p, "<h3>");
			text(p, p->run->lanes[i].name);
			put(p, ": step %" PRIu32 ", ", s->index + 1);
			text(p, s->name);
			put(p, " %s</h3>\n", s->device ? s->device : "");
			chart(p, series, (int32_t)i, s);
		}
}

static void steps(struct page *p)
{
	const struct series *series = p->series.rows;
	size_t i, k;

	section(p, "steps", "Steps");
	put(p,
		"<div class=\"scroll\" tabindex=\"0\"><table><caption>Each step on each device, "
		"and how long it "
		"took</caption><thead><tr><th scope=\"col\">lane</th><th scope=\"col\">step</th>"
		"<th scope=\"col\">device</th><th scope=\"col\" class=\"n\">ended</th>"
		"<th scope=\"col\" class=\"n\">failed</th><th scope=\"col\" class=\"n\">broken</th>"
		"<th scope=\"col\" class=\"n\">skipped</th><th scope=\"col\" class=\"n\">p50</th>"
		"<th scope=\"col\" class=\"n\">p95</th><th scope=\"col\" class=\"n\">max</th>"
		"<th scope=\"col\">distribution</th></tr></thead><tbody>\n");
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++)
			step_row(p, &p->run->lanes[i], &p->run->lanes[i].steps[k], series++);
	put(p, "</tbody></table></div>\n");
	step_charts(p);
}

static void reset_row(struct page *p, const struct lane_row *lane, const struct step_row *s)
{
	uint64_t bad = s->failed + s->broken, tried = s->count - s->skipped;

	put(p, "<tr><th scope=\"row\">");
	text(p, s->arg ? s->arg : s->name);
	put(p, "</th>");
	device_cell(p, s->device);
	element(p, "td", lane->name);
	count_cell(p, tried);
	count_cell(p, tried > bad ? tried - bad : 0);
	count_cell(p, s->skipped);
	ms_cell(p, s->p50_ms);
	ms_cell(p, s->p95_ms);
	ms_cell(p, s->max_ms);
	put(p, "</tr>\n");
}

static void resets(struct page *p)
{
	size_t i, k, n = 0;

	section(p, "resets", "Resets");
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++) {
			const struct step_row *s = &p->run->lanes[i].steps[k];

			if (!str_eq(s->word, "reset"))
				continue;
			if (n++ == 0)
				put(p,
					"<div class=\"scroll\" tabindex=\"0\"><table><caption>Each "
					"method on each "
					"device</caption><thead><tr><th "
					"scope=\"col\">method</th><th "
					"scope=\"col\">device</th><th scope=\"col\">lane</th><th "
					"scope=\"col\" class=\"n\">tried</th><th scope=\"col\" "
					"class=\"n\">worked</th><th scope=\"col\" "
					"class=\"n\">skipped</th>"
					"<th scope=\"col\" class=\"n\">p50</th><th scope=\"col\" "
					"class=\"n\">p95</th><th scope=\"col\" "
					"class=\"n\">max</th></tr>"
					"</thead><tbody>\n");
			reset_row(p, &p->run->lanes[i], s);
		}
	put(p,
		n > 0 ? "</tbody></table></div>\n"
		      : "<p>No step of this run resets a device.</p>\n");
}

/* ---- what went wrong ---- */

static void filter(struct page *p, const char *rows, bool severities)
{
	put(p,
		"<form class=\"filter\" data-rows=\"%s\" hidden><label>words <input "
		"type=\"search\" "
		"name=\"words\"></label>",
		rows);
	if (severities)
		put(p,
			"<label>at least <select name=\"least\"><option value=\"0\">info</option>"
			"<option value=\"1\">warning</option><option value=\"2\">error</option>"
			"<option value=\"3\">fatal</option></select></label>");
	put(p, "<output aria-live=\"polite\"></output></form>\n");
}

static void failure(struct page *p, const struct failure_row *f)
{
	put(p, "<details class=\"failure\"><summary><span class=\"%s-word\">%s</span> ",
		outcome_name(f->outcome), outcome_name(f->outcome));
	text(p, f->reason);
	put(p, ": ");
	place(p, f->lane, f->cycle, f->step);
	if (f->device != NULL) {
		put(p, " ");
		text(p, f->device);
	}
	put(p, "</summary><dl class=\"facts\">\n");
	fact(p, "seen", f->detail);
	fact(p, "do", f->advice);
	put(p, "</dl></details>\n");
}

static void failures(struct page *p)
{
	const struct run_view *run = p->run;
	size_t i;

	section(p, "failures", "Failures");
	if (run->nfailures == 0)
		put(p, "<p>No step failed.</p>\n");
	else
		filter(p, "details.failure", false);
	for (i = 0; i < run->nfailures; i++)
		failure(p, &run->failures[i]);
	if (run->failures_total > run->nfailures)
		put(p, "<p>%" PRIu64 " more are not listed.</p>\n",
			run->failures_total - run->nfailures);
}

static void kernel_lines(struct page *p, const struct incident *inc)
{
	size_t i, bytes = 0;

	for (i = 0; i < inc->nfirst; i++)
		bytes += strlen(inc->first[i].text) + 1;
	for (i = 0; i < inc->nlast; i++)
		bytes += strlen(inc->last[i].text) + 1;
	if (bytes == 0)
		return;
	if (p->lines + bytes > LINES_MAX) {
		put(p,
			"<p>Its kernel lines are not in this page, which has too many: the json "
			"report "
			"has them.</p>\n");
		return;
	}
	p->lines += bytes;
	put(p, "<pre tabindex=\"0\">");
	for (i = 0; i < inc->nfirst; i++) {
		text(p, inc->first[i].text);
		put(p, "\n");
	}
	if (inc->lines_omitted > 0)
		put(p, "... %" PRIu64 " lines ...\n", inc->lines_omitted);
	for (i = 0; i < inc->nlast; i++) {
		text(p, inc->last[i].text);
		put(p, "\n");
	}
	put(p, "</pre>\n");
}

static void incident_fields(struct page *p, const struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++) {
		if (inc->fields[i].kind == VALUE_NULL)
			continue;
		put(p, "<dt>");
		text(p, inc->fields[i].name);
		put(p, "</dt><dd>");
		text(p, inc->fields[i].text);
		put(p, "</dd>\n");
	}
}

static void incident(struct page *p, const struct incident *inc)
{
	char first[40], bdf[BDF_LEN];

	put(p,
		"<details class=\"incident\" data-severity=\"%d\"%s><summary><span "
		"class=\"%s\">%s</span> ",
		inc->severity, inc->over_budget ? " open" : "", severity_name(inc->severity),
		severity_name(inc->severity));
	text(p, inc->id);
	if (inc->has_bdf)
		put(p, " of %s", bdf_text(inc->bdf, bdf));
	put(p, ", %s%" PRIu64 " time%s%s", inc->count_is_lower_bound ? "at least " : "", inc->count,
		inc->count == 1 ? "" : "s",
		inc->over_budget         ? ", counts"
			: inc->tolerated ? ", tolerated"
					 : ", does not count");
	put(p, "</summary><dl class=\"facts\">\n<dt>where</dt><dd>");
	if (inc->place.lane >= 0)
		place(p, inc->place.lane, inc->place.cycle, inc->place.step);
	else
		put(p, "no single lane");
	put(p, "%s</dd>\n<dt>first</dt><dd>%s</dd>\n",
		inc->place.late ? ", just after the step's end" : "",
		clock_rfc3339(inc->first_wall_ns, first, sizeof(first)));
	fact(p, "told by", inc->has_reporter ? bdf_text(inc->reporter, bdf) : NULL);
	fact(p, "budget", inc->budget);
	fact(p, "witnesses", inc->seen_by);
	fact(p, "means", inc->meaning);
	fact(p, "do", inc->advice);
	incident_fields(p, inc);
	put(p, "</dl>\n");
	kernel_lines(p, inc);
	put(p, "</details>\n");
}

static void incidents(struct page *p)
{
	const struct run_view *run = p->run;
	const uint64_t *n = run->totals.severity;
	size_t i;

	section(p, "incidents", "Incidents");
	put(p,
		"<p>%" PRIu64 " fatal, %" PRIu64 " error, %" PRIu64 " warning, %" PRIu64
		" info; %" PRIu64 " count, %" PRIu64 " tolerated, %" PRIu64
		" expected. The kernel log: %" PRIu64 " records read, %" PRIu64 " lost.</p>\n",
		n[SEV_FATAL], n[SEV_ERROR], n[SEV_WARNING], n[SEV_INFO] + run->info_events,
		run->totals.over_budget, run->totals.tolerated, run->expected_events,
		run->klog_records, run->klog_lost);
	if (run->nincidents > 0)
		filter(p, "details.incident", true);
	for (i = 0; i < run->nincidents; i++)
		incident(p, &run->incidents[i]);
	if (run->totals.all > run->nincidents)
		put(p, "<p>%" PRIu64 " more are not listed.</p>\n",
			run->totals.all - run->nincidents);
}

/* ---- what the devices looked like ---- */

static void difference(struct page *p, const struct event *ev)
{
	char when[40];

	put(p, "<tr class=\"difference\"><td class=\"id\">%s</td><td>",
		clock_rfc3339(ev->wall_ns, when, sizeof(when)));
	place(p, (int32_t)ev->lane, ev->phase == PHASE_AFTER ? -1 : (int32_t)ev->cycle, NULL);
	put(p, "</td>");
	device_cell(p, ev->subject);
	element(p, "td", ev->text);
	put(p, "</tr>\n");
}

/* What a look at a device found changed, whether a step failed of it or not. */
static int differences(struct page *p, struct err *err)
{
	struct run_rows *rows = run_events(p->run);
	uint64_t n = 0;
	struct event ev;
	int rc;

	section(p, "devices", "Devices that changed");
	while ((rc = run_events_next(rows, &ev, err)) == 1) {
		if (ev.kind != EV_DEVICE_STATE || !str_eq(ev.reason, "differs"))
			continue;
		if (n == 0)
			put(p,
				"<div class=\"scroll\" tabindex=\"0\"><table><caption>Config "
				"space, link, "
				"power, driver and so on, against what was there before</caption>"
				"<thead><tr><th scope=\"col\">time</th><th scope=\"col\">where</th>"
				"<th scope=\"col\">device</th><th "
				"scope=\"col\">what</th></tr></thead>"
				"<tbody>\n");
		if (n++ < DIFFERENCES_MAX)
			difference(p, &ev);
	}
	run_rows_free(rows);
	put(p,
		n > 0 ? "</tbody></table></div>\n"
		      : "<p>No look at a device found anything changed.</p>\n");
	if (n > DIFFERENCES_MAX)
		put(p, "<p>%" PRIu64 " more are not listed.</p>\n", n - DIFFERENCES_MAX);
	return rc;
}

/* ---- what else there is ---- */

static void sentences(struct page *p, const char *title, const struct strings_row *rows)
{
	size_t i;

	if (rows->n == 0)
		return;
	put(p, "<h3>%s</h3>\n<ul>\n", title);
	for (i = 0; i < rows->n; i++) {
		element(p, "li", rows->v[i]);
		put(p, "\n");
	}
	put(p, "</ul>\n");
}

static void unseen(struct page *p)
{
	const struct run_view *run = p->run;

	section(p, "unseen", "Not seen, and notes");
	if (run->blind_spots.n + run->notes.n + run->undo_left.n == 0)
		put(p, "<p>There is nothing to say.</p>\n");
	sentences(p, "Blind spots", &run->blind_spots);
	sentences(p, "Notes", &run->notes);
	sentences(p, "Not put back yet (vfio-stress undo)", &run->undo_left);
}

static void host(struct page *p)
{
	const struct run_view *run = p->run;
	const struct host_facts *h = &run->host;
	char seed[24];

	section(p, "host", "Host");
	put(p, "<dl class=\"facts\">\n");
	fact(p, "host", h->name);
	fact(p, "kernel", h->kernel);
	fact(p, "command line", h->cmdline);
	fact(p, "BIOS", h->bios);
	fact(p, "board", h->board);
	fact(p, "CPU", h->cpu);
	fact(p, "microcode", h->microcode);
	fact(p, "QEMU", h->qemu);
	fact(p, "libvirt", h->libvirt);
	fact(p, "boot", run->boot_id);
	fact(p, "vfio-stress", run->tool_version);
	snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
	fact(p, "seed", seed);
	fact(p, "boots", run->boots_proved ? "each was proved" : "not proved");
	put(p, "</dl>\n");
	section(p, "scenario", "Scenario");
	put(p, "<pre tabindex=\"0\">");
	text(p, run->scenario_text);
	put(p, "</pre>\n");
}

static void head(struct page *p)
{
	put(p,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src "
		"'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action "
		"'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s: ",
		verdict_name(p->run->verdict));
	text(p, p->run->scenario);
	put(p, " (");
	text(p, p->run->id);
	put(p, ")</title>\n<style>\n");
	html_styles(p->out);
	put(p, "</style>\n</head>\n<body>\n");
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	struct page p = {.out = out, .run = run};
	int rc;

	(void)opts;
	if (run_series_init(run, &p.series, err) != 0)
		return -1;
	head(&p);
	top(&p);
	lanes(&p);
	steps(&p);
	resets(&p);
	failures(&p);
	incidents(&p);
	rc = differences(&p, err);
	unseen(&p);
	host(&p);
	put(&p, "</main>\n<script>\n");
	html_scripts(out);
	put(&p, "</script>\n</body>\n</html>\n");
	run_series_finish(&p.series);
	return rc;
}

const struct reporter reporter_html = {
	.word = {.name = "html",
		.summary = "one page for people, with charts: no network, fit for a mail",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.write = write_report,
};

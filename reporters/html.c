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
#include "reporters/html_charts.h"
#include "reporters/html_page.h"
#include "reporters/html_preflight.h"
#include "reporters/html_resets.h"

#include <inttypes.h>
#include <string.h>

/* Of kernel lines in the page, with their markup; the json report has all that are kept. */
#define LINES_MAX       (1500u << 10)
#define DIFFERENCES_MAX 300 /* of devices */

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
		fprintf(p->out, "<dt>culprit</dt><dd><strong>%s</strong> ", c->device);
		html_text(p->out, c->pci ? c->pci->name : "(not a device of this run's lanes)");
		fprintf(p->out, "</dd>\n");
	}
	if (c->lane != NULL) {
		fprintf(p->out, "<dt>where</dt><dd>");
		html_place(p, (int32_t)(c->lane - p->run->lanes), c->cycle,
			c->step ? c->step->name : c->word);
		fprintf(p->out, "</dd>\n");
	}
	if (inc != NULL) {
		html_fact(p->out, "what", inc->id);
		html_fact(p->out, "kernel", incident_line(inc));
		html_fact(p->out, "means", inc->meaning);
	}
	if (f != NULL) {
		html_fact(p->out, inc ? "and" : "what", f->reason);
		html_fact(p->out, "seen", f->detail);
	}
	html_fact(p->out, "do",
		inc && inc->advice && *inc->advice ? inc->advice
			: f                        ? f->advice
						   : NULL);
}

static void top(struct page *p)
{
	const struct run_view *run = p->run;
	struct culprit c;
	bool guilty = culprit_find(run, &c);
	char start[40], end[40];

	fprintf(p->out, "<main>\n<h1>");
	html_text(p->out, run->scenario);
	fprintf(p->out, "</h1>\n<p>run ");
	html_text(p->out, run->id);
	fprintf(p->out, " on ");
	html_text(p->out, *run->host.name ? run->host.name : "an unknown host");
	fprintf(p->out, ", %s to %s</p>\n", clock_rfc3339(run->started_ns, start, sizeof(start)),
		clock_rfc3339(run->ended_ns, end, sizeof(end)));
	fprintf(p->out, "<div class=\"verdict %s\">\n<strong>", verdict_name(run->verdict));
	html_verdict(p->out, run->verdict);
	fprintf(p->out, "</strong>: %s%s%s\n<dl>\n", verdict_sentences[run->verdict],
		run->running         ? " (still running: not final)"
			: run->ended ? ""
				     : " (the run died)",
		run->simulated ? " (parts of the host were simulated)" : "");
	html_fact(p->out, "why", run->verdict_reason);
	if (guilty)
		culprit_facts(p, &c);
	if (run->blind)
		html_fact(p->out, "blind", run->blind_reason);
	fprintf(p->out,
		"</dl>\n</div>\n"
		"<nav aria-label=\"Sections\"><a href=\"#lanes\">Lanes</a> <a "
		"href=\"#steps\">Steps</a> "
		"<a href=\"#resets\">Resets</a> <a href=\"#failures\">Failures</a> "
		"<a href=\"#incidents\">Incidents</a> <a href=\"#devices\">Devices</a> <a "
		"href=\"#unseen\">Not seen</a> "
		"<a href=\"#preflight\">Preflight</a> "
		"<a href=\"#host\">Host</a> <a href=\"#scenario\">Scenario</a></nav>\n");
}

/* ---- lanes and steps ---- */

static const char *const lane_columns[] = {
	"lane", "verdict", "#cycles", "#failed", "devices", "reason", NULL};

static void lanes(struct page *p)
{
	const struct run_view *run = p->run;
	size_t i, d;

	html_section(p->out, "lanes", "Lanes");
	html_table(p->out, "What ran side by side", lane_columns);
	for (i = 0; i < run->nlanes; i++) {
		const struct lane_row *lane = &run->lanes[i];
		char bdf[BDF_LEN];

		fprintf(p->out, "<tr><th scope=\"row\">");
		html_text(p->out, lane->name);
		fprintf(p->out, "</th><td>");
		html_verdict(p->out, lane->verdict);
		fprintf(p->out, "</td>");
		html_count_cell(p->out, lane->cycles_done);
		html_count_cell(p->out, lane->cycles_failed);
		fprintf(p->out, "<td>");
		for (d = 0; d < lane->ndevices; d++) {
			fprintf(p->out, "%s%s ", d ? "<br>" : "",
				bdf_text(lane->devices[d].bdf, bdf));
			html_text(p->out, lane->devices[d].name);
		}
		fprintf(p->out, "</td>");
		html_element(p->out, "td", lane->reason);
		fprintf(p->out, "</tr>\n");
	}
	html_table_end(p->out);
	for (i = 0; i < run->nlanes; i++)
		if (p->series.lanes[i].n > 1) {
			html_element(p->out, "h3", run->lanes[i].name);
			html_chart(p, &p->series.lanes[i], (int32_t)i, NULL);
		}
}

static void step_row(struct page *p, const struct lane_row *lane, const struct step_row *s,
	const struct series *series)
{
	fprintf(p->out, "<tr>");
	html_element(p->out, "td", lane->name);
	fprintf(p->out, "<th scope=\"row\">%s %" PRIu32 ": ", phase_name(s->phase), s->index + 1);
	html_text(p->out, s->name);
	fprintf(p->out, "</th>");
	html_device_cell(p->out, s->device);
	html_count_cell(p->out, s->count);
	html_count_cell(p->out, s->failed);
	html_count_cell(p->out, s->broken);
	html_count_cell(p->out, s->skipped);
	html_ms_cell(p->out, s->p50_ms);
	html_ms_cell(p->out, s->p95_ms);
	html_ms_cell(p->out, s->max_ms);
	fprintf(p->out, "<td>");
	html_histogram(p->out, series);
	fprintf(p->out, "</td></tr>\n");
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
			fprintf(p->out, "<h3>");
			html_text(p->out, p->run->lanes[i].name);
			fprintf(p->out, ": step %" PRIu32 ", ", s->index + 1);
			html_text(p->out, s->name);
			fprintf(p->out, " %s</h3>\n", s->device ? s->device : "");
			html_chart(p, series, (int32_t)i, s);
		}
}

static const char *const step_columns[] = {"lane", "step", "device", "#ended", "#failed", "#broken",
	"#skipped", "#p50", "#p95", "#max", "distribution", NULL};

static void steps(struct page *p)
{
	const struct series *series = p->series.rows;
	size_t i, k;

	html_section(p->out, "steps", "Steps");
	html_table(p->out, "Each step on each device, and how long it took", step_columns);
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++)
			step_row(p, &p->run->lanes[i], &p->run->lanes[i].steps[k], series++);
	html_table_end(p->out);
	step_charts(p);
}

/* ---- what went wrong ---- */

static void failure(struct page *p, const struct failure_row *f)
{
	fprintf(p->out, "<details class=\"failure\"><summary><span class=\"%s-word\">%s</span> ",
		outcome_name(f->outcome), outcome_name(f->outcome));
	html_text(p->out, f->reason);
	fprintf(p->out, ": ");
	html_place(p, f->lane, f->cycle, f->step);
	if (f->device != NULL) {
		fprintf(p->out, " ");
		html_text(p->out, f->device);
	}
	fprintf(p->out, "</summary><dl class=\"facts\">\n");
	html_fact(p->out, "seen", f->detail);
	html_fact(p->out, "do", f->advice);
	fprintf(p->out, "</dl></details>\n");
}

static void failures(struct page *p)
{
	const struct run_view *run = p->run;
	size_t i;

	html_section(p->out, "failures", "Failures");
	if (run->nfailures == 0)
		fprintf(p->out, "<p>No step failed.</p>\n");
	else
		html_filter(p->out, "details.failure", false);
	for (i = 0; i < run->nfailures; i++)
		failure(p, &run->failures[i]);
	if (run->failures_total > run->nfailures)
		fprintf(p->out, "<p>%" PRIu64 " more are not listed.</p>\n",
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
		fprintf(p->out,
			"<p>Its kernel lines are not in this page, which has too many: the json "
			"report "
			"has them.</p>\n");
		return;
	}
	p->lines += bytes;
	fprintf(p->out, "<pre tabindex=\"0\">");
	for (i = 0; i < inc->nfirst; i++) {
		html_text(p->out, inc->first[i].text);
		fprintf(p->out, "\n");
	}
	if (inc->lines_omitted > 0)
		fprintf(p->out, "... %" PRIu64 " lines ...\n", inc->lines_omitted);
	for (i = 0; i < inc->nlast; i++) {
		html_text(p->out, inc->last[i].text);
		fprintf(p->out, "\n");
	}
	fprintf(p->out, "</pre>\n");
}

static void incident_fields(struct page *p, const struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++) {
		if (inc->fields[i].kind == VALUE_NULL)
			continue;
		fprintf(p->out, "<dt>");
		html_text(p->out, inc->fields[i].name);
		fprintf(p->out, "</dt><dd>");
		html_text(p->out, inc->fields[i].text);
		fprintf(p->out, "</dd>\n");
	}
}

static void incident(struct page *p, const struct incident *inc)
{
	char first[40], bdf[BDF_LEN];

	fprintf(p->out,
		"<details class=\"incident\" data-severity=\"%d\"%s><summary><span "
		"class=\"%s\">%s</span> ",
		inc->severity, inc->over_budget ? " open" : "", severity_name(inc->severity),
		severity_name(inc->severity));
	html_text(p->out, inc->id);
	if (inc->has_bdf)
		fprintf(p->out, " of %s", bdf_text(inc->bdf, bdf));
	fprintf(p->out, ", %s%" PRIu64 " time%s%s", inc->count_is_lower_bound ? "at least " : "",
		inc->count, inc->count == 1 ? "" : "s",
		inc->over_budget         ? ", counts"
			: inc->tolerated ? ", tolerated"
					 : ", does not count");
	fprintf(p->out, "</summary><dl class=\"facts\">\n<dt>where</dt><dd>");
	if (inc->place.lane >= 0)
		html_place(p, inc->place.lane, inc->place.cycle, inc->place.step);
	else
		fprintf(p->out, "no single lane");
	fprintf(p->out, "%s</dd>\n<dt>first</dt><dd>%s</dd>\n",
		inc->place.late ? ", just after the step's end" : "",
		clock_rfc3339(inc->first_wall_ns, first, sizeof(first)));
	html_fact(p->out, "told by", inc->has_reporter ? bdf_text(inc->reporter, bdf) : NULL);
	html_fact(p->out, "budget", inc->budget);
	html_fact(p->out, "witnesses", inc->seen_by);
	html_fact(p->out, "means", inc->meaning);
	html_fact(p->out, "do", inc->advice);
	incident_fields(p, inc);
	fprintf(p->out, "</dl>\n");
	kernel_lines(p, inc);
	fprintf(p->out, "</details>\n");
}

static void incidents(struct page *p)
{
	const struct run_view *run = p->run;
	const uint64_t *n = run->totals.severity;
	size_t i;

	html_section(p->out, "incidents", "Incidents");
	fprintf(p->out,
		"<p>%" PRIu64 " fatal, %" PRIu64 " error, %" PRIu64 " warning, %" PRIu64
		" info; %" PRIu64 " count, %" PRIu64 " tolerated, %" PRIu64
		" expected. The kernel log: %" PRIu64 " records read, %" PRIu64 " lost.</p>\n",
		n[SEV_FATAL], n[SEV_ERROR], n[SEV_WARNING], n[SEV_INFO] + run->info_events,
		run->totals.over_budget, run->totals.tolerated, run->expected_events,
		run->klog_records, run->klog_lost);
	if (run->nincidents > 0)
		html_filter(p->out, "details.incident", true);
	for (i = 0; i < run->nincidents; i++)
		incident(p, &run->incidents[i]);
	if (run->totals.all > run->nincidents)
		fprintf(p->out, "<p>%" PRIu64 " more are not listed.</p>\n",
			run->totals.all - run->nincidents);
}

/* ---- what the devices looked like ---- */

static void difference(struct page *p, const struct event *ev)
{
	char when[40];

	fprintf(p->out, "<tr class=\"difference\"><td class=\"id\">%s</td><td>",
		clock_rfc3339(ev->wall_ns, when, sizeof(when)));
	html_place(p, (int32_t)ev->lane, ev->phase == PHASE_AFTER ? -1 : (int32_t)ev->cycle, NULL);
	fprintf(p->out, "</td>");
	html_device_cell(p->out, ev->subject);
	html_element(p->out, "td", ev->text);
	fprintf(p->out, "</tr>\n");
}

static const char *const difference_columns[] = {"time", "where", "device", "what", NULL};

/* What a look at a device found changed, whether a step failed of it or not. */
static int differences(struct page *p, struct err *err)
{
	struct run_rows *rows = run_events(p->run);
	uint64_t n = 0;
	struct event ev;
	int rc;

	html_section(p->out, "devices", "Devices that changed");
	while ((rc = run_events_next(rows, &ev, err)) == 1) {
		if (ev.kind != EV_DEVICE_STATE || !str_eq(ev.reason, "differs"))
			continue;
		if (n == 0)
			html_table(p->out,
				"Config space, link, power, driver and so on, against what was "
				"there before",
				difference_columns);
		if (n++ < DIFFERENCES_MAX)
			difference(p, &ev);
	}
	run_rows_free(rows);
	if (n > 0)
		html_table_end(p->out);
	else
		fprintf(p->out, "<p>No look at a device found anything changed.</p>\n");
	if (n > DIFFERENCES_MAX)
		fprintf(p->out, "<p>%" PRIu64 " more are not listed.</p>\n", n - DIFFERENCES_MAX);
	return rc;
}

/* ---- what else there is ---- */

static void sentences(struct page *p, const char *title, const struct strings_row *rows)
{
	size_t i;

	if (rows->n == 0)
		return;
	fprintf(p->out, "<h3>%s</h3>\n<ul>\n", title);
	for (i = 0; i < rows->n; i++) {
		html_element(p->out, "li", rows->v[i]);
		fprintf(p->out, "\n");
	}
	fprintf(p->out, "</ul>\n");
}

static void unseen(struct page *p)
{
	const struct run_view *run = p->run;

	html_section(p->out, "unseen", "Not seen, and notes");
	if (run->blind_spots.n + run->notes.n + run->undo_left.n == 0)
		fprintf(p->out, "<p>There is nothing to say.</p>\n");
	sentences(p, "Blind spots", &run->blind_spots);
	sentences(p, "Notes", &run->notes);
	sentences(p, "Not put back yet (vfio-stress undo)", &run->undo_left);
}

static void host(struct page *p)
{
	const struct run_view *run = p->run;
	const struct host_facts *h = &run->host;
	char seed[24];

	html_section(p->out, "host", "Host");
	fprintf(p->out, "<dl class=\"facts\">\n");
	html_fact(p->out, "host", h->name);
	html_fact(p->out, "kernel", h->kernel);
	html_fact(p->out, "command line", h->cmdline);
	html_fact(p->out, "BIOS", h->bios);
	html_fact(p->out, "board", h->board);
	html_fact(p->out, "CPU", h->cpu);
	html_fact(p->out, "microcode", h->microcode);
	html_fact(p->out, "QEMU", h->qemu);
	html_fact(p->out, "libvirt", h->libvirt);
	html_fact(p->out, "boot", run->boot_id);
	html_fact(p->out, "vfio-stress", run->tool_version);
	snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
	html_fact(p->out, "seed", seed);
	html_fact(p->out, "boots", run->boots_proved ? "each was proved" : "not proved");
	fprintf(p->out, "</dl>\n");
	html_section(p->out, "scenario", "Scenario");
	fprintf(p->out, "<pre tabindex=\"0\">");
	html_text(p->out, run->scenario_text);
	fprintf(p->out, "</pre>\n");
}

static void head(struct page *p)
{
	fprintf(p->out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src "
		"'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action "
		"'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s: ",
		verdict_name(p->run->verdict));
	html_text(p->out, p->run->scenario);
	fprintf(p->out, " (");
	html_text(p->out, p->run->id);
	fprintf(p->out, ")</title>\n<style>\n");
	html_styles(p->out);
	fprintf(p->out, "</style>\n</head>\n<body>\n");
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
	html_resets(&p);
	failures(&p);
	incidents(&p);
	rc = differences(&p, err);
	unseen(&p);
	html_preflight(&p);
	host(&p);
	fprintf(out, "</main>\n<script>\n");
	html_scripts(out);
	fprintf(out, "</script>\n</body>\n</html>\n");
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

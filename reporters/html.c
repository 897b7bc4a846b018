/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/baseline.h"
#include "model/culprit.h"
#include "model/event.h"
#include "model/run_view.h"
#include "reporters/html_assets.h"
#include "reporters/html_baseline.h"
#include "reporters/html_charts.h"
#include "reporters/html_distribution.h"
#include "reporters/html_page.h"
#include "reporters/html_preflight.h"
#include "reporters/html_resets.h"
#include "reporters/html_topology.h"
#include "reporters/options.h"

#include <inttypes.h>
#include <string.h>

/* Of kernel lines in the page, with their markup; the json report has all that are kept. */
#define LINES_MAX (1500u << 10)

/* ---- the top: what happened, who did it, what to do ---- */

static const char *const verdict_sentences[] = {
	[VERDICT_PASS] = "nothing that counts went wrong",
	[VERDICT_FAIL] = "a device, a VM or the host failed",
	[VERDICT_BROKEN] = "the tool or its environment failed, no device is blamed",
	[VERDICT_SKIPPED] = "no step ran, nothing is proved",
	[VERDICT_ABORTED] = "ended early, what did not run is not proved",
};

/* What a reader of one line has to know. */
static void culprit_line(struct page *p, const struct culprit *c)
{
	fprintf(p->out, "<p class=\"culprit\">");
	if (c->device[0] != '\0') {
		fprintf(p->out, "<strong class=\"id\">");
		html_text(p->out, c->device);
		fprintf(p->out, "</strong> ");
		html_text(p->out, c->pci ? c->pci->name : "(not a device of this run's lanes)");
		fprintf(p->out, "<br>");
	}
	fprintf(p->out, "<strong>");
	html_text(p->out, c->incident ? c->incident->id : c->failure->reason);
	fprintf(p->out, "</strong>");
	if (c->lane != NULL) {
		fprintf(p->out, " in ");
		html_place(p, (int32_t)(c->lane - p->run->lanes), c->cycle,
			c->step ? c->step->name : c->word);
	}
	fprintf(p->out, "</p>\n");
}

static void culprit_facts(struct page *p, const struct culprit *c)
{
	const struct incident *inc = c->incident;
	const struct failure_row *f = c->failure;

	if (inc != NULL) {
		html_fact(p->out, "kernel", incident_line(inc));
		html_fact(p->out, "means", inc->meaning);
	}
	if (f != NULL) {
		if (inc != NULL)
			html_fact(p->out, "and", f->reason);
		html_fact(p->out, "seen", f->detail);
	}
}

static void what_to_do(struct page *p, const struct culprit *c)
{
	const struct incident *inc = c->incident;
	const char *advice = inc && inc->advice && *inc->advice ? inc->advice
		: c->failure                                    ? c->failure->advice
								: NULL;

	if (advice == NULL || *advice == '\0')
		return;
	fprintf(p->out, "<p class=\"first\"><strong>Do first:</strong> ");
	html_text(p->out, advice);
	fprintf(p->out, "</p>\n");
}

/* Nothing has failed yet, and not all is done: "aborted" is what it would be if it ended here. */
static bool is_open(const struct run_view *run)
{
	return run->running && run->verdict == VERDICT_ABORTED;
}

static void verdict_word(struct page *p, bool open, enum verdict v)
{
	if (open)
		fprintf(p->out, "<span>running</span>");
	else
		html_verdict(p->out, v);
}

static void heading(struct page *p)
{
	const struct run_view *run = p->run;
	char start[40], end[40], took[32];

	fprintf(p->out, "<main>\n<h1>");
	html_text(p->out, run->scenario);
	fprintf(p->out, "</h1>\n<p>run ");
	html_text(p->out, run->id);
	fprintf(p->out, " on ");
	html_text(p->out, *run->host.name ? run->host.name : "an unknown host");
	fprintf(p->out, ", %s to %s (%s)</p>\n",
		clock_rfc3339(run->started_ns, start, sizeof(start)),
		clock_rfc3339(run->ended_ns, end, sizeof(end)),
		duration_text((run->ended_ns - run->started_ns) / NS_PER_MS, took, sizeof(took)));
}

static void verdict(struct page *p)
{
	const struct run_view *run = p->run;
	struct culprit c;
	bool guilty = culprit_find(run, &c);

	fprintf(p->out, "<div class=\"verdict %s\">\n<p class=\"word\">",
		verdict_name(run->verdict));
	verdict_word(p, is_open(run), run->verdict);
	fprintf(p->out, " %s%s%s</p>\n",
		is_open(run) ? "nothing that counts has gone wrong so far"
			     : verdict_sentences[run->verdict],
		run->running         ? " (the run goes on: this page is not its last)"
			: run->ended ? ""
				     : " (the run died)",
		run->simulated ? " (parts of the host were simulated)" : "");
	if (guilty)
		culprit_line(p, &c);
	fprintf(p->out, "<dl>\n");
	if (!is_open(run))
		html_fact(p->out, "why", run->verdict_reason);
	if (guilty)
		culprit_facts(p, &c);
	if (run->blind)
		html_fact(p->out, "blind", run->blind_reason);
	if (run->baseline != NULL) {
		auto_free char *s = xasprintf("%s (%s): %s", run->baseline->result,
			run->baseline->run, run->baseline->text);

		html_fact(p->out, "baseline", s);
	}
	fprintf(p->out, "</dl>\n");
	if (guilty)
		what_to_do(p, &c);
	fprintf(p->out, "</div>\n");
}

/* `words`: what there are n of, and what the bad ones are; of one, and of many. */
static void tile(struct page *p, uint64_t n, uint64_t bad, const char *const words[2][2])
{
	fprintf(p->out, "<li><strong>%" PRIu64 "</strong> %s", n, words[0][n != 1]);
	if (bad > 0)
		fprintf(p->out, "<br><span class=\"fail-word\">%" PRIu64 " %s</span>", bad,
			words[1][bad != 1]);
	fprintf(p->out, "</li>\n");
}

/* The run in five numbers. */
static void tiles(struct page *p)
{
	static const char *const words[][2][2] = {
		{{"cycle ended", "cycles ended"}, {"failed", "failed"}},
		{{"reset tried", "resets tried"}, {"did not work", "did not work"}},
		{{"incident listed", "incidents listed"}, {"against the run", "against the run"}},
		{{"kernel record read", "kernel records read"}, {"lost", "lost"}},
		{{"blind spot", "blind spots"}, {"change not put back", "changes not put back"}},
	};
	const struct run_view *run = p->run;
	uint64_t done = 0, failed = 0, tried = 0, worked = 0;
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		done += run->lanes[i].cycles_done;
		failed += run->lanes[i].cycles_failed;
	}
	for (i = 0; i < run->nresets; i++) {
		tried += run->resets[i].tried;
		worked += run->resets[i].worked;
	}
	fprintf(p->out, "<ul class=\"tiles\">\n");
	tile(p, done, failed, words[0]);
	tile(p, tried, tried - worked, words[1]);
	tile(p, run->totals.all, run->totals.over_budget, words[2]);
	tile(p, run->klog_records, run->klog_lost, words[3]);
	tile(p, run->blind_spots.n, run->undo_left.n, words[4]);
	fprintf(p->out, "</ul>\n");
}

/* Sections in the order of the page. */
static void contents(struct page *p)
{
	static const struct {
		const char *id, *name;
	} links[] = {
		{"lanes", "Lanes"},
		{"topology", "Topology"},
		{"failures", "Failures"},
		{"incidents", "Incidents"},
		{"devices", "Devices"},
		{"steps", "Steps"},
		{"baseline", "Baseline"},
		{"resets", "Resets"},
		{"unseen", "Not proved"},
		{"preflight", "Preflight"},
		{"host", "Host"},
		{"scenario", "Scenario"},
	};
	size_t i;

	fprintf(p->out, "<nav aria-label=\"Sections\">");
	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (!str_eq(links[i].id, "baseline") || html_has_baseline(p->run))
			fprintf(p->out, "<a href=\"#%s\">%s</a>\n", links[i].id, links[i].name);
	fprintf(p->out, "</nav>\n");
}

/* ---- lanes and steps ---- */

static bool has_chart(const struct series *series, size_t n)
{
	while (n > 0)
		if (series[--n].n > 1)
			return true;
	return false;
}

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
		verdict_word(p, is_open(p->run) && !lane->ended, lane->verdict);
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
	if (has_chart(p->series.lanes, run->nlanes))
		html_charts_key(
			p, "How long each cycle took, over time; vertical lines are incidents.");
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
	html_count_cell(p->out, s->aborted);
	html_ms_cell(p->out, s->p50_ms);
	html_ms_cell(p->out, s->p95_ms);
	html_ms_cell(p->out, s->max_ms);
	fprintf(p->out, "<td>");
	html_distribution(p->out, &series->bins);
	fprintf(p->out, "</td></tr>\n");
}

static void step_charts(struct page *p)
{
	const struct series *series = p->series.rows;
	size_t i, k;

	if (has_chart(series, p->series.nrows))
		html_charts_key(p,
			"How long each step took, over the cycles; vertical lines are failures "
			"and incidents.");
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++, series++) {
			const struct step_row *s = &p->run->lanes[i].steps[k];

			if (s->phase != PHASE_CYCLE || series->n < 2)
				continue;
			fprintf(p->out, "<h3>");
			html_text(p->out, p->run->lanes[i].name);
			fprintf(p->out, ": step %" PRIu32 ", ", s->index + 1);
			html_text(p->out, s->name);
			fprintf(p->out, " ");
			html_text(p->out, s->device ? s->device : "");
			fprintf(p->out, "</h3>\n");
			html_chart(p, series, (int32_t)i, s);
		}
}

static const char *const step_columns[] = {"lane", "step", "device", "#ended", "#failed", "#broken",
	"#skipped", "#cut off", "#p50", "#p95", "#max", "distribution", NULL};

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

static void tolerated(struct page *p)
{
	char bdf[BDF_LEN];
	size_t i;

	if (p->run->totals.tolerated == 0)
		return;
	fprintf(p->out, "<h3>Tolerated</h3>\n<ul>\n");
	for (i = 0; i < p->run->nincidents; i++) {
		const struct incident *inc = &p->run->incidents[i];

		if (!inc->tolerated)
			continue;
		fprintf(p->out, "<li>");
		html_text(p->out, inc->id);
		fprintf(p->out, "%s%s, %s%" PRIu64 " time%s: ", inc->has_bdf ? " of " : "",
			inc->has_bdf ? bdf_text(inc->bdf, bdf) : "",
			inc->count_is_lower_bound ? "at least " : "", inc->count,
			inc->count == 1 ? "" : "s");
		html_text(p->out, *inc->budget ? inc->budget : "within its budget");
		fprintf(p->out, "</li>\n");
	}
	fprintf(p->out, "</ul>\n");
}

static bool has_domain(const struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		if (run->lanes[i].domain != NULL)
			return true;
	return false;
}

static void unseen(struct page *p)
{
	const struct run_view *run = p->run;
	bool boots = run->boots_proved || !has_domain(run), skipped;

	html_section(p->out, "unseen", "Not proved, and notes");
	if (run->klog_lost > 0)
		fprintf(p->out, "<p>%" PRIu64 " records of the kernel log were lost.</p>\n",
			run->klog_lost);
	if (!boots)
		fprintf(p->out, "<p>That guests booted is not proved.</p>\n");
	skipped = html_skipped(p);
	tolerated(p);
	sentences(p, "Blind spots", &run->blind_spots);
	sentences(p, "Notes", &run->notes);
	sentences(p, "Not put back yet (vfio-stress undo)", &run->undo_left);
	if (boots && !skipped &&
		run->klog_lost + run->totals.tolerated + run->blind_spots.n + run->notes.n +
				run->undo_left.n ==
			0)
		fprintf(p->out, "<p>There is nothing to say.</p>\n");
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
	const struct run_view *run = p->run;
	auto_free char *title = xasprintf("%s: %s (%s)",
		is_open(run) ? "running" : verdict_name(run->verdict), run->scenario, run->id);

	html_head(p->out, title);
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	struct page p = {.out = out, .run = run};

	(void)opts;
	if (run_series_init(run, &p.tally, &p.series, err) != 0) {
		html_tally_finish(&p.tally);
		return -1;
	}
	head(&p);
	heading(&p);
	verdict(&p);
	tiles(&p);
	contents(&p);
	lanes(&p);
	html_topology(&p);
	failures(&p);
	incidents(&p);
	html_differences(&p);
	steps(&p);
	if (html_has_baseline(run))
		html_baseline(&p);
	html_resets(&p);
	unseen(&p);
	html_preflight(&p);
	host(&p);
	fprintf(out, "</main>\n<script>\n");
	html_scripts(out);
	fprintf(out, "</script>\n</body>\n</html>\n");
	run_series_finish(&p.series);
	html_tally_finish(&p.tally);
	return 0;
}

static const char *const endings[] = {".html", ".htm", NULL};

const struct reporter reporter_html = {
	.word = {.name = "html",
		.summary = "one page for people, with charts: no network, fit for a mail",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
};

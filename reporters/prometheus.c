/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "reporters/options.h"

#include <inttypes.h>
#include <string.h>

/*
 * What a metric is, and the samples of it. All are of the last run, so they are gauges: a counter
 * must not fall, and the next run begins at 0. Every sample has the label `scenario`, because
 * node_exporter refuses two files that say the same sample.
 */
struct metric {
	const char *name, *type, *help;
	void (*samples)(FILE *out, const struct metric *m, const struct run_view *run);
};

struct label {
	const char *name, *value;
};

/* The text of a label in the exposition format 0.0.4; control bytes and what is not UTF-8 as \xNN. */
static void escape(FILE *out, const char *value)
{
	size_t n = strlen(value), room = 4 * n + 8;
	auto_free char *text = str_printable(xmalloc(room), room, value, n);
	const char *s;

	for (s = text; *s != '\0'; s++) {
		if (*s == '\\' || *s == '"')
			putc('\\', out);
		putc(*s, out);
	}
}

/* The sample's name and labels; a label without a value is left out. The value follows. */
static void sample(FILE *out, const char *name, const char *suffix, const struct run_view *run,
	const struct label *labels, size_t n)
{
	size_t i;

	fprintf(out, "vfio_stress_%s%s{scenario=\"", name, suffix);
	escape(out, run->scenario);
	putc('"', out);
	for (i = 0; i < n; i++) {
		if (labels[i].value == NULL || *labels[i].value == '\0')
			continue;
		fprintf(out, ",%s=\"", labels[i].name);
		escape(out, labels[i].value);
		putc('"', out);
	}
	fputs("} ", out);
}

static void count(FILE *out, const struct metric *m, const struct run_view *run, uint64_t value)
{
	sample(out, m->name, "", run, NULL, 0);
	fprintf(out, "%" PRIu64 "\n", value);
}

/* Milliseconds as seconds. */
static void seconds(FILE *out, int64_t ms)
{
	fprintf(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

static void info(FILE *out, const struct metric *m, const struct run_view *run)
{
	const struct label labels[] = {
		{"run", run->id},
		{"version", run->tool_version},
		{"kernel", run->host.kernel},
		{"bios", run->host.bios},
		{"qemu", run->host.qemu},
		{"libvirt", run->host.libvirt},
	};

	sample(out, m->name, "", run, labels, ARRAY_SIZE(labels));
	fputs("1\n", out);
}

static void verdict(FILE *out, const struct metric *m, const struct run_view *run)
{
	enum verdict v;

	for (v = VERDICT_PASS; v <= VERDICT_ABORTED; v++) {
		const struct label label = {"verdict", verdict_name(v)};

		sample(out, m->name, "", run, &label, 1);
		fprintf(out, "%d\n", run->verdict == v);
	}
}

static void start_time(FILE *out, const struct metric *m, const struct run_view *run)
{
	sample(out, m->name, "", run, NULL, 0);
	seconds(out, run->started_ns / NS_PER_MS);
}

static void end_time(FILE *out, const struct metric *m, const struct run_view *run)
{
	sample(out, m->name, "", run, NULL, 0);
	seconds(out, run->ended_ns / NS_PER_MS);
}

static void running(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->running);
}

static void simulated(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->simulated);
}

static void boots_proved(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->boots_proved);
}

static void cycles_done(FILE *out, const struct metric *m, const struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		const struct label label = {"lane", run->lanes[i].name};

		sample(out, m->name, "", run, &label, 1);
		fprintf(out, "%" PRIu64 "\n", run->lanes[i].cycles_done);
	}
}

static void cycles_failed(FILE *out, const struct metric *m, const struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		const struct label label = {"lane", run->lanes[i].name};

		sample(out, m->name, "", run, &label, 1);
		fprintf(out, "%" PRIu64 "\n", run->lanes[i].cycles_failed);
	}
}

#define STEP_LABELS 7 /* with one of the metric's own */

/* What tells a row from all others. */
static void step_labels(const struct lane_row *lane, const struct step_row *s, char index[16],
	struct label out[STEP_LABELS])
{
	snprintf(index, 16, "%" PRIu32, s->index + 1);
	out[0] = (struct label){"lane", lane->name};
	out[1] = (struct label){"phase", phase_name(s->phase)};
	out[2] = (struct label){"step", index};
	out[3] = (struct label){"name", s->name};
	out[4] = (struct label){"word", s->word};
	out[5] = (struct label){"device", s->device};
	out[6] = (struct label){"", NULL};
}

static void step_outcomes(FILE *out, const struct run_view *run, const struct lane_row *lane,
	const struct step_row *s)
{
	const struct {
		enum outcome outcome;
		uint64_t n;
	} rows[] = {{OUTCOME_PASS, step_row_passed(s)}, {OUTCOME_FAIL, s->failed},
		{OUTCOME_BROKEN, s->broken}, {OUTCOME_SKIPPED, s->skipped},
		{OUTCOME_ABORTED, s->aborted}};
	struct label labels[STEP_LABELS];
	char index[16];
	size_t i;

	step_labels(lane, s, index, labels);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		labels[6] = (struct label){"outcome", outcome_name(rows[i].outcome)};
		sample(out, "step_executions", "", run, labels, STEP_LABELS);
		fprintf(out, "%" PRIu64 "\n", rows[i].n);
	}
}

static void step_times(FILE *out, const struct run_view *run, const struct lane_row *lane,
	const struct step_row *s)
{
	const struct {
		const char *quantile;
		int64_t ms;
	} rows[] = {{"0.5", s->p50_ms}, {"0.95", s->p95_ms}, {"1", s->max_ms}};
	struct label labels[STEP_LABELS];
	char index[16];
	size_t i;

	if (s->max_ms < 0)
		return;
	step_labels(lane, s, index, labels);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		labels[6] = (struct label){"quantile", rows[i].quantile};
		sample(out, "step_duration_seconds", "", run, labels, STEP_LABELS);
		seconds(out, rows[i].ms);
	}
	sample(out, "step_duration_seconds", "_sum", run, labels, STEP_LABELS - 1);
	seconds(out, s->total_ms);
	sample(out, "step_duration_seconds", "_count", run, labels, STEP_LABELS - 1);
	fprintf(out, "%" PRIu64 "\n", s->count - s->skipped);
}

static void each_step(FILE *out, const struct run_view *run,
	void (*put)(FILE *out, const struct run_view *run, const struct lane_row *lane,
		const struct step_row *s))
{
	size_t i, k;

	for (i = 0; i < run->nlanes; i++)
		for (k = 0; k < run->lanes[i].nsteps; k++)
			put(out, run, &run->lanes[i], &run->lanes[i].steps[k]);
}

static void executions(FILE *out, const struct metric *m, const struct run_view *run)
{
	(void)m;
	each_step(out, run, step_outcomes);
}

static void durations(FILE *out, const struct metric *m, const struct run_view *run)
{
	(void)m;
	each_step(out, run, step_times);
}

static void incidents(FILE *out, const struct metric *m, const struct run_view *run)
{
	enum severity s;

	for (s = SEV_INFO; s <= SEV_FATAL; s++) {
		const struct label label = {"severity", severity_name(s)};

		sample(out, m->name, "", run, &label, 1);
		fprintf(out, "%" PRIu64 "\n",
			run->totals.severity[s] + (s == SEV_INFO ? run->info_events : 0));
	}
}

static void over_budget(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->totals.over_budget);
}

static void tolerated(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->totals.tolerated);
}

static void log_records(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->klog_records);
}

static void log_lost(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->klog_lost);
}

static void blind(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->blind);
}

static void left_over(FILE *out, const struct metric *m, const struct run_view *run)
{
	count(out, m, run, run->undo_left.n);
}

static const struct metric metrics[] = {
	{"run_info", "gauge", "The last run of the scenario, and what it ran on.", info},
	{"run_verdict", "gauge", "1 for the verdict of the run, 0 for the others.", verdict},
	{"run_start_time_seconds", "gauge", "When the run began, Unix time.", start_time},
	{"run_end_time_seconds", "gauge",
		"When the run ended, or gave its last sign of life, Unix time.", end_time},
	{"run_running", "gauge", "1 while the run goes on: its verdict is not final.", running},
	{"run_simulated", "gauge", "1 when parts of the host were simulated.", simulated},
	{"run_boots_proved", "gauge", "1 when every boot of a guest was proved.", boots_proved},
	{"cycles_done", "gauge", "Cycles of the run that ended, by lane.", cycles_done},
	{"cycles_failed", "gauge", "Cycles of the run that failed, by lane.", cycles_failed},
	{"step_executions", "gauge", "Executions of each step in the run, by outcome.", executions},
	{"step_duration_seconds", "summary", "How long each step took in the run.", durations},
	{"incidents", "gauge", "What the kernel log and its witnesses told, by severity.",
		incidents},
	{"incidents_over_budget", "gauge", "Incidents that count against the run.", over_budget},
	{"incidents_tolerated", "gauge", "Incidents that a budget of the scenario covers.",
		tolerated},
	{"kernel_log_records", "gauge", "Kernel log records read in the run.", log_records},
	{"kernel_log_lost_records", "gauge", "Kernel log records lost in the run.", log_lost},
	{"run_blind", "gauge", "1 when not all that the kernel said was seen.", blind},
	{"undo_left", "gauge", "Changes of the host that are not put back yet.", left_over},
};

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	size_t i;

	(void)opts;
	(void)err;
	for (i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];

		fprintf(out, "# HELP vfio_stress_%s %s\n# TYPE vfio_stress_%s %s\n", m->name,
			m->help, m->name, m->type);
		m->samples(out, m, run);
	}
	return 0;
}

static const char *const endings[] = {".prom", NULL};

const struct reporter reporter_prometheus = {
	.word = {.name = "prometheus",
		.summary = "metrics for node_exporter's textfile collector (a file in its folder, "
			   ".prom)",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.open_to_all = true,
	.write = write_report,
};

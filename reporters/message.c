/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/message.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/culprit.h"
#include "model/run_view.h"
#include "reporters/life.h"

#include <inttypes.h>
#include <stddef.h>

#define KEY_MAX    255 /* PagerDuty's dedup_key */
#define EXPIRES_NS (7 * 24 * 3600 * NS_PER_S) /* an alert that no later run resolves */

/* ---- rows ---- */

struct lane_line {
	const char *name, *domain, *verdict, *reason, *step;
	int64_t done, failed, cycle;
	bool over;
};

struct failure_line {
	const char *lane, *step, *device, *outcome, *reason, *detail, *advice;
	int64_t cycle;
};

struct text_line {
	const char *text;
};

struct incident_entry {
	const char *id, *severity, *device, *reporter, *lane, *step, *first, *last, *line, *meaning,
		*advice, *seen_by;
	int64_t cycle, count;
	bool tolerated, counts, at_least;
	struct message_rows lines;
};

static const char *const event_words[] = {"started", "alive", "failing", "resumed", "ended", NULL};
static const char *const verdict_words[] = {"pass", "fail", "broken", "skipped", "aborted", NULL};
static const char *const severity_words[] = {"info", "warning", "error", "fatal", NULL};
static const char *const urgency_words[] = {"info", "warning", "error", "critical", NULL};

#define F(type, member, key, as, text, ...)                                                        \
	{                                                                                          \
		.name = key, .kind = as, .offset = offsetof(type, member), .help = text,           \
		__VA_ARGS__                                                                        \
	}
#define ROWS(type, entry, many, each, of, text)                                                    \
	F(type, many, #many, MESSAGE_LIST, text, .row = each, .row_size = sizeof(entry),           \
		.fields = of)

static const struct message_field text_fields[] = {
	F(struct text_line, text, "", MESSAGE_LONG, "its text"), {0}};

#define LANE(member, key, as, ...) F(struct lane_line, member, key, as, __VA_ARGS__)
static const struct message_field lane_fields[] = {
	LANE(name, "name", MESSAGE_TEXT, "its name"),
	LANE(domain, "domain", MESSAGE_TEXT, "its VM"),
	LANE(verdict, "verdict", MESSAGE_TEXT, "when the run has ended", .words = verdict_words),
	LANE(reason, "reason", MESSAGE_LONG, "why"),
	LANE(done, "cycles.done", MESSAGE_INT, "cycles that have ended"),
	LANE(failed, "cycles.failed", MESSAGE_INT, "of these, failed"),
	LANE(cycle, "cycle", MESSAGE_INT, "while it runs: the cycle it is at"),
	LANE(step, "step", MESSAGE_TEXT, "while it runs: the step it is at"),
	LANE(over, "over", MESSAGE_BOOL, "it is over"),
	{0},
};

#define FAILURE(member, as, ...) F(struct failure_line, member, #member, as, __VA_ARGS__)
static const struct message_field failure_fields[] = {
	FAILURE(lane, MESSAGE_TEXT, "where"),
	FAILURE(cycle, MESSAGE_INT, "in which cycle; 0 in `before`"),
	FAILURE(step, MESSAGE_TEXT, "its word"),
	FAILURE(device, MESSAGE_TEXT, "its address"),
	FAILURE(outcome, MESSAGE_TEXT, "how it ended", .words = verdict_words),
	FAILURE(reason, MESSAGE_TEXT, "a stable id"),
	FAILURE(detail, MESSAGE_LONG, "what was seen"),
	FAILURE(advice, MESSAGE_LONG, "what to do"),
	{0},
};

#define INCIDENT(member, as, ...) F(struct incident_entry, member, #member, as, __VA_ARGS__)
static const struct message_field incident_fields[] = {
	INCIDENT(id, MESSAGE_TEXT, "of the rule"),
	INCIDENT(severity, MESSAGE_TEXT, "how bad", .words = severity_words),
	INCIDENT(counts, MESSAGE_BOOL, "it is over its budget"),
	INCIDENT(tolerated, MESSAGE_BOOL, "a budget covers it"),
	INCIDENT(device, MESSAGE_TEXT, "whose it is: an address"),
	INCIDENT(reporter, MESSAGE_TEXT, "who reported it, when another"),
	INCIDENT(lane, MESSAGE_TEXT, "where"),
	INCIDENT(cycle, MESSAGE_INT, "in which cycle; 0 in `before`"),
	INCIDENT(step, MESSAGE_TEXT, "at which step"),
	INCIDENT(count, MESSAGE_INT, "how often"),
	INCIDENT(at_least, MESSAGE_BOOL, "and not all of them were seen"),
	INCIDENT(first, MESSAGE_TEXT, "when first"),
	INCIDENT(last, MESSAGE_TEXT, "when last"),
	INCIDENT(line, MESSAGE_LONG, "the kernel's line that says it best"),
	INCIDENT(meaning, MESSAGE_LONG, "what it means"),
	INCIDENT(advice, MESSAGE_LONG, "what to do"),
	INCIDENT(seen_by, MESSAGE_TEXT, "its witnesses"),
	ROWS(struct incident_entry, struct text_line, lines, "line", text_fields,
		"the kernel's first lines"),
	{0},
};

#define TOP(member, as, ...)                  F(struct message, member, #member, as, __VA_ARGS__)
#define TOP_ROWS(entry, many, each, of, text) ROWS(struct message, entry, many, each, of, text)
const struct message_field message_fields[] = {
	TOP(event, MESSAGE_TEXT, "what is told", .words = event_words),
	TOP(title, MESSAGE_TEXT, "verdict or event, scenario and host in a few words"),
	TOP(summary, MESSAGE_LONG, "the same with the reason"),
	TOP(verdict, MESSAGE_TEXT, "of a run that has ended", .words = verdict_words),
	TOP(previous, MESSAGE_TEXT, "verdict of the run before, of this scenario on this host",
		.words = verdict_words),
	TOP(changed, MESSAGE_BOOL, "these two differ, or there was none before"),
	TOP(severity, MESSAGE_TEXT, "how urgent", .words = urgency_words),
	TOP(why, MESSAGE_LONG, "the verdict's reason, or the first failure"),
	TOP(key, MESSAGE_TEXT, "the same for every run of this scenario on this host"),
	TOP(sample, MESSAGE_BOOL, "`webhook test` made it up"),
	TOP(now, MESSAGE_TEXT, "when it happened: when the run ended"),
	TOP(expires, MESSAGE_TEXT, "seven days later"),
	TOP(elapsed, MESSAGE_TEXT, "how long the run has taken: 8h12m"),
	TOP(elapsed_s, MESSAGE_INT, "the same in seconds"),
	TOP(number, MESSAGE_INT, "which of its kind: the 7th heartbeat"),
	TOP(next_within_s, MESSAGE_INT, "seconds until the next heartbeat"),
	TOP(exit_code, MESSAGE_INT, "of a run that has ended"),
	TOP(simulated, MESSAGE_BOOL, "a test seam was used"),
	TOP(boots_proved, MESSAGE_BOOL, "each boot was"),
	TOP(run.id, MESSAGE_TEXT, "the run"),
	TOP(run.scenario, MESSAGE_TEXT, "its scenario"),
	TOP(run.tool_version, MESSAGE_TEXT, "of vfio-stress"),
	TOP(run.started, MESSAGE_TEXT, "RFC 3339"),
	TOP(run.ended, MESSAGE_TEXT, "RFC 3339"),
	TOP(host.name, MESSAGE_TEXT, "the host"),
	TOP(host.kernel, MESSAGE_TEXT, "its release"),
	TOP(host.bios, MESSAGE_TEXT, "its version"),
	TOP(host.board, MESSAGE_TEXT, "its board"),
	TOP(host.cpu, MESSAGE_TEXT, "its processor"),
	TOP(host.qemu, MESSAGE_TEXT, "its version"),
	TOP(host.libvirt, MESSAGE_TEXT, "its version"),
	TOP(culprit.device, MESSAGE_TEXT, "the address that is blamed first"),
	TOP(culprit.name, MESSAGE_TEXT, "what that is"),
	TOP(culprit.where, MESSAGE_TEXT, "lane, cycle and step"),
	TOP(culprit.line, MESSAGE_LONG, "what the kernel said of it"),
	TOP(culprit.meaning, MESSAGE_LONG, "what it means"),
	TOP(culprit.advice, MESSAGE_LONG, "what to do"),
	TOP(cycles.done, MESSAGE_INT, "of all lanes"),
	TOP(cycles.failed, MESSAGE_INT, "of all lanes"),
	TOP(count.failures, MESSAGE_INT, "steps that failed"),
	TOP(count.incidents, MESSAGE_INT, "that are listed"),
	TOP(count.fatal, MESSAGE_INT, "of these, fatal"),
	TOP(count.error, MESSAGE_INT, "of these, errors"),
	TOP(count.warning, MESSAGE_INT, "of these, warnings"),
	TOP(count.tolerated, MESSAGE_INT, "of these, tolerated"),
	F(struct message, klog_lost, "klog.lost", MESSAGE_INT, "records of the kernel log"),
	F(struct message, blind, "klog.blind", MESSAGE_BOOL, "the kernel log was not seen"),
	TOP_ROWS(struct lane_line, lanes, "lane", lane_fields, "the lanes"),
	TOP_ROWS(struct failure_line, failures, "failure", failure_fields,
		"steps that failed, in order"),
	TOP_ROWS(struct incident_entry, incidents, "incident", incident_fields,
		"what the kernel and the witnesses said, the worst first"),
	TOP_ROWS(struct text_line, blind_spots, "blind_spot", text_fields,
		"what the run could not see"),
	TOP_ROWS(struct text_line, notes, "note", text_fields, "what else is worth knowing"),
	F(struct message, left, "undo.left", MESSAGE_LIST, "changes of the host that are left",
		.row = "left", .row_size = sizeof(struct text_line), .fields = text_fields),
	{0},
};

char *message_name(const struct message_field *f, const char *row, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", row ? row : "", row && *f->name ? "." : "", f->name);
	return buf;
}

/* ---- of a run ---- */

static const char *when(struct message *m, int64_t wall_ns)
{
	char text[40];

	if (wall_ns == 0)
		return "";
	return arena_strdup(&m->arena, clock_rfc3339(wall_ns, text, sizeof(text)));
}

static const char *address(struct message *m, bool known, struct bdf bdf)
{
	char text[BDF_LEN];

	return known ? arena_strdup(&m->arena, bdf_text(bdf, text)) : "";
}

static const char *lane_name(const struct run_view *run, int32_t lane)
{
	return lane >= 0 && (size_t)lane < run->nlanes ? run->lanes[lane].name : "";
}

static int64_t cycle_or_none(int64_t cycle)
{
	return cycle < 0 ? NO_NUMBER : cycle;
}

static struct message_rows texts(struct message *m, const struct strings_row *from)
{
	struct text_line *v = arena_alloc(&m->arena, (from->n + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < from->n; i++)
		v[i].text = from->v[i];
	return (struct message_rows){v, from->n, from->n};
}

static void add_lanes(struct message *m, const struct run_view *run)
{
	struct lane_line *v = arena_alloc(&m->arena, (run->nlanes + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		const struct lane_row *lane = &run->lanes[i];

		v[i] = (struct lane_line){.name = lane->name,
			.domain = lane->domain,
			.verdict = verdict_name(lane->verdict),
			.reason = lane->reason,
			.done = (int64_t)lane->cycles_done,
			.failed = (int64_t)lane->cycles_failed,
			.cycle = NO_NUMBER,
			.over = true};
		m->cycles.done += v[i].done;
		m->cycles.failed += v[i].failed;
	}
	m->lanes = (struct message_rows){v, run->nlanes, run->nlanes};
}

static void add_failures(struct message *m, const struct run_view *run)
{
	struct failure_line *v = arena_alloc(&m->arena, (run->nfailures + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < run->nfailures; i++) {
		const struct failure_row *f = &run->failures[i];

		v[i] = (struct failure_line){.lane = lane_name(run, f->lane),
			.step = f->step,
			.device = f->device,
			.outcome = outcome_name(f->outcome),
			.reason = f->reason,
			.detail = f->detail,
			.advice = f->advice,
			.cycle = cycle_or_none(f->cycle)};
	}
	m->failures = (struct message_rows){v, run->nfailures, run->failures_total};
	m->count.failures = (int64_t)run->failures_total;
}

static struct message_rows kernel_lines(struct message *m, const struct incident *inc)
{
	struct text_line *v = arena_alloc(&m->arena, (inc->nfirst + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < inc->nfirst; i++)
		v[i].text = inc->first[i].text;
	return (struct message_rows){v, inc->nfirst, inc->nfirst + inc->nlast + inc->lines_omitted};
}

static void add_incidents(struct message *m, const struct run_view *run)
{
	struct incident_entry *v = arena_alloc(&m->arena, (run->nincidents + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < run->nincidents; i++) {
		const struct incident *inc = &run->incidents[i];

		v[i] = (struct incident_entry){.id = inc->id,
			.severity = severity_name(inc->severity),
			.device = address(m, inc->has_bdf, inc->bdf),
			.reporter = address(m, inc->has_reporter, inc->reporter),
			.lane = lane_name(run, inc->place.lane),
			.step = inc->place.step,
			.first = when(m, inc->first_wall_ns),
			.last = when(m, inc->last_wall_ns),
			.line = incident_line(inc),
			.meaning = inc->meaning,
			.advice = inc->advice,
			.seen_by = inc->seen_by,
			.cycle = cycle_or_none(inc->place.cycle),
			.count = (int64_t)inc->count,
			.tolerated = inc->tolerated,
			.at_least = inc->count_is_lower_bound,
			.counts = inc->over_budget,
			.lines = kernel_lines(m, inc)};
	}
	m->incidents = (struct message_rows){v, run->nincidents, run->totals.all};
	m->count.incidents = (int64_t)run->totals.all;
	m->count.fatal = (int64_t)run->totals.severity[SEV_FATAL];
	m->count.error = (int64_t)run->totals.severity[SEV_ERROR];
	m->count.warning = (int64_t)run->totals.severity[SEV_WARNING];
	m->count.tolerated = (int64_t)run->totals.tolerated;
}

static const char *place_of(struct message *m, const struct culprit *c)
{
	struct str s = {0};
	const char *text;

	if (c->lane != NULL)
		str_addf(&s, "lane %s", c->lane->name);
	if (c->cycle > 0)
		str_addf(&s, "%scycle %" PRId32, s.len ? ", " : "", c->cycle);
	if (*c->word != '\0')
		str_addf(&s, "%sstep %s", s.len ? ", " : "", c->word);
	text = arena_strdup(&m->arena, s.s ? s.s : "");
	str_finish(&s);
	return text;
}

static void add_culprit(struct message *m, const struct run_view *run)
{
	struct culprit c;

	if (!culprit_find(run, &c))
		return;
	m->culprit.device = arena_strdup(&m->arena, c.device);
	m->culprit.name = c.pci ? arena_strdup(&m->arena, c.pci->name) : "";
	m->culprit.where = place_of(m, &c);
	if (c.incident != NULL) {
		m->culprit.line = incident_line(c.incident);
		m->culprit.meaning = c.incident->meaning;
		m->culprit.advice = c.incident->advice;
	}
	if (c.failure != NULL && (m->culprit.advice == NULL || *m->culprit.advice == '\0'))
		m->culprit.advice = c.failure->advice;
}

/* What a device does is worse than what the tool cannot. */
static const char *urgency(const struct run_view *run)
{
	static const char *const words[] = {
		[VERDICT_PASS] = "info",
		[VERDICT_FAIL] = "error",
		[VERDICT_BROKEN] = "error",
		[VERDICT_SKIPPED] = "warning",
		[VERDICT_ABORTED] = "warning",
	};
	bool fatal = run->totals.severity[SEV_FATAL] > 0 && run->verdict == VERDICT_FAIL;

	return fatal ? "critical" : words[run->verdict];
}

static const char *key_of(struct message *m)
{
	char key[KEY_MAX + 1];

	snprintf(key, sizeof(key), "vfio-stress/%.64s/%.64s%s", m->host.name, m->run.scenario,
		m->sample ? "/sample" : "");
	return arena_strdup(&m->arena, key);
}

/* What all kinds have, once their parts are known. */
static void set_heading(struct message *m, const char *word)
{
	m->title = arena_printf(&m->arena, "%s%s: %s on %s", m->sample ? "SAMPLE, not real: " : "",
		word, m->run.scenario, m->host.name);
	m->summary = m->why != NULL && *m->why != '\0'
		? arena_printf(&m->arena, "%s: %s", m->title, m->why)
		: m->title;
	m->key = key_of(m);
}

static void set_times(struct message *m, int64_t started_ns, int64_t until_ns, int64_t now_ns)
{
	char text[32];

	m->run.started = when(m, started_ns);
	m->now = when(m, now_ns);
	m->expires = when(m, now_ns + EXPIRES_NS);
	m->elapsed_s = until_ns > started_ns ? (until_ns - started_ns) / NS_PER_S : 0;
	m->elapsed =
		arena_strdup(&m->arena, duration_text(m->elapsed_s * 1000, text, sizeof(text)));
}

static const char *or_unknown(const char *text)
{
	return text != NULL && *text != '\0' ? text : "unknown";
}

static void set_host(struct message *m, const struct host_facts *h)
{
	m->host.name = or_unknown(h->name);
	m->host.kernel = h->kernel;
	m->host.bios = h->bios;
	m->host.board = h->board;
	m->host.cpu = h->cpu;
	m->host.qemu = h->qemu;
	m->host.libvirt = h->libvirt;
}

void message_of_run(struct message *m, const struct run_view *run, bool sample)
{
	static const char *const words[] = {
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
		[VERDICT_BROKEN] = "BROKEN",
		[VERDICT_SKIPPED] = "SKIPPED",
		[VERDICT_ABORTED] = "ABORTED",
	};

	*m = (struct message){.event = "ended",
		.verdict = verdict_name(run->verdict),
		.previous = run->has_previous ? verdict_name(run->previous) : "",
		.changed = !run->has_previous || run->previous != run->verdict,
		.severity = urgency(run),
		.why = run->verdict_reason,
		.exit_code = run->exit_code,
		.number = NO_NUMBER,
		.next_within_s = NO_NUMBER,
		.klog_lost = (int64_t)run->klog_lost,
		.sample = sample,
		.simulated = run->simulated,
		.boots_proved = run->boots_proved,
		.blind = run->blind};
	m->run.id = run->id;
	m->run.scenario = run->scenario;
	m->run.tool_version = run->tool_version;
	m->run.ended = when(m, run->ended_ns);
	set_host(m, &run->host);
	set_times(m, run->started_ns, run->ended_ns, run->ended_ns);
	add_lanes(m, run);
	add_failures(m, run);
	add_incidents(m, run);
	add_culprit(m, run);
	m->blind_spots = texts(m, &run->blind_spots);
	m->notes = texts(m, &run->notes);
	m->left = texts(m, &run->undo_left);
	set_heading(m, words[run->verdict]);
}

/* ---- of a run that lives ---- */

static void add_living_lanes(struct message *m, const struct life *life)
{
	struct lane_line *v = arena_alloc(&m->arena, (life->nlanes + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < life->nlanes; i++) {
		const struct life_lane *lane = &life->lanes[i];

		v[i] = (struct lane_line){.name = lane->name,
			.step = lane->step,
			.done = (int64_t)lane->done,
			.failed = (int64_t)lane->failed,
			.cycle = (int64_t)lane->cycle,
			.over = lane->over};
		m->cycles.done += v[i].done;
		m->cycles.failed += v[i].failed;
	}
	m->lanes = (struct message_rows){v, life->nlanes, life->nlanes};
}

void message_of_life(struct message *m, const struct life *life, bool sample)
{
	static const struct {
		const char *heading, *severity;
	} looks[] = {
		[LIFE_STARTED] = {"started", "info"},
		[LIFE_ALIVE] = {"running", "info"},
		[LIFE_FAILING] = {"FAILING", "error"},
		[LIFE_RESUMED] = {"HOST CRASHED, the run goes on", "critical"},
	};

	*m = (struct message){.event = life_word(life->kind),
		.severity = looks[life->kind].severity,
		.why = life->why,
		.exit_code = NO_NUMBER,
		.number = (int64_t)life->number,
		.next_within_s = life->next_ms > 0 ? (life->next_ms + 999) / 1000 : NO_NUMBER,
		.sample = sample};
	m->run.id = life->run;
	m->run.scenario = life->scenario;
	m->host.name = or_unknown(life->host);
	m->count.failures = (int64_t)life->failures;
	set_times(m, life->started_ns, life->now_ns, life->now_ns);
	add_living_lanes(m, life);
	set_heading(m, looks[life->kind].heading);
}

void message_finish(struct message *m)
{
	arena_finish(&m->arena);
}

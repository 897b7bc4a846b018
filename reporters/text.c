/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "model/baseline.h"
#include "model/culprit.h"
#include "model/run_view.h"
#include "reporters/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One screen of 24x80: the prompt wants the last line, some terminals wrap at the last column. */
#define ROWS       23
#define COLUMNS    79
#define GUTTER     12 /* where the text begins, after its label */
#define LANE_WIDTH 24 /* of a lane's name, at most */

/* Where lines can be saved. */
enum room {
	ROOM_HEAD,
	ROOM_WHY,
	ROOM_WHERE,
	ROOM_WHAT,
	ROOM_KERNEL,
	ROOM_WITNESSES,
	ROOM_SEEN,
	ROOM_MEANS,
	ROOM_DO,
	ROOM_LANES, /* how many of them */
	ROOM_LANE_LINES, /* lines of each of these */
	ROOM_OTHERS, /* how many incidents that do not count */
	ROOM_AIR, /* blank lines */
	ROOM_LOG,
	ROOM_LIST, /* how many blind spots, changes left */
	ROOM_LIST_LINES, /* lines of each of these, and of an incident that does not count */
	ROOM_NOTES, /* how many of them */
	ROOM_NOTE_LINES, /* lines of each of these */
	ROOM_REPORT,
	ROOM_RESETS,
	ROOM_USABLE,
	ROOM_BASELINE,
	ROOM_COUNT,
};

struct grant {
	enum room room;
	unsigned lines;
};

/* With this every run fits. */
static const unsigned least_room[ROOM_COUNT] = {
	[ROOM_HEAD] = 1,
	[ROOM_WHY] = 1,
	[ROOM_WHERE] = 1,
	[ROOM_WHAT] = 1,
	[ROOM_KERNEL] = 1,
	[ROOM_SEEN] = 1,
	[ROOM_MEANS] = 1,
	[ROOM_DO] = 1,
	[ROOM_LANES] = 1,
	[ROOM_LANE_LINES] = 1,
	[ROOM_LOG] = 1,
	[ROOM_LIST] = 1,
	[ROOM_LIST_LINES] = 1,
	[ROOM_NOTES] = 1,
	[ROOM_NOTE_LINES] = 1,
	[ROOM_REPORT] = 1,
	[ROOM_BASELINE] = 1,
};

/* What is left of the screen is given away in this order; what does not fit is not given. */
static const struct grant grants[] = {
	{ROOM_LANES, 2},
	{ROOM_HEAD, 2},
	{ROOM_REPORT, 3},
	{ROOM_WHAT, 2},
	{ROOM_DO, 2},
	{ROOM_WHERE, 2},
	{ROOM_MEANS, 2},
	{ROOM_DO, 3},
	{ROOM_BASELINE, 2},
	{ROOM_SEEN, 2},
	{ROOM_KERNEL, 2},
	{ROOM_LOG, 2},
	{ROOM_LIST, 2},
	{ROOM_OTHERS, 1},
	{ROOM_MEANS, 3},
	{ROOM_LANES, 4},
	{ROOM_DO, 4},
	{ROOM_AIR, 1},
	{ROOM_WHY, 2},
	{ROOM_LIST, 4},
	{ROOM_LIST, 8},
	{ROOM_LIST_LINES, 2},
	{ROOM_NOTE_LINES, 2},
	{ROOM_RESETS, 1},
	{ROOM_USABLE, 1},
	{ROOM_BASELINE, 3},
	{ROOM_WITNESSES, 1},
	{ROOM_SEEN, 3},
	{ROOM_OTHERS, 4},
	{ROOM_LANES, 8},
	{ROOM_NOTES, 2},
	{ROOM_SEEN, 8},
	{ROOM_MEANS, 8},
	{ROOM_DO, 5},
	{ROOM_DO, 6},
	{ROOM_DO, 7},
	{ROOM_DO, 8},
	{ROOM_DO, 12},
	{ROOM_NOTES, 4},
	{ROOM_RESETS, 2},
	{ROOM_LIST_LINES, 4},
	{ROOM_NOTE_LINES, 4},
	{ROOM_NOTES, 8},
	{ROOM_OTHERS, 8},
	{ROOM_LOG, 4},
	{ROOM_WHY, 4},
	{ROOM_LANE_LINES, 4},
	{ROOM_WHAT, 4},
	{ROOM_KERNEL, 4},
	{ROOM_LIST_LINES, 3},
	{ROOM_LIST_LINES, 5},
};

struct page {
	FILE *out;
	unsigned lines;
	bool colour;
	const unsigned *room;
};

static const struct {
	const char *word, *colour;
} verdict_looks[] = {
	[VERDICT_PASS] = {"PASS", "\x1b[1;32m"},
	[VERDICT_FAIL] = {"FAIL", "\x1b[1;31m"},
	[VERDICT_BROKEN] = {"BROKEN", "\x1b[1;33m"},
	[VERDICT_SKIPPED] = {"SKIPPED", "\x1b[1;33m"},
	[VERDICT_ABORTED] = {"ABORTED", "\x1b[1;33m"},
};

/* Foreign text, harmless and on one line. The caller frees it. */
static char *clean(const char *text)
{
	size_t len = strlen(text), size = 4 * len + 8, i;
	auto_free char *flat = xstrdup(text);

	for (i = 0; i < len; i++)
		if (flat[i] == '\n' || flat[i] == '\t')
			flat[i] = ' ';
	while (len > 0 && flat[len - 1] == ' ')
		len--;
	return str_printable(xmalloc(size), size, flat, len);
}

/* Bytes of s for one line: up to the last space that fits, or a hard cut in a long word. */
static size_t line_len(const char *s, size_t columns)
{
	size_t fits = utf8_fit(s, columns), at = fits;

	if (s[fits] == '\0')
		return fits;
	while (at > 0 && s[at] != ' ')
		at--;
	return at > fits / 2 ? at : fits;
}

/* Prints cleaned text from column `indent` on; what does not fit into max lines ends in "...". */
static void wrap(struct page *p, const char *s, size_t indent, unsigned max)
{
	size_t columns = COLUMNS - indent;
	unsigned n = 0;

	while (n == 0 || *s != '\0') {
		bool cut = ++n == max && s[utf8_fit(s, columns)] != '\0';
		size_t len = line_len(s, cut ? columns - 3 : columns);

		if (n > 1)
			fprintf(p->out, "%*s", (int)indent, "");
		fprintf(p->out, "%.*s%s\n", (int)len, s, cut ? "..." : "");
		p->lines++;
		if (cut)
			return;
		s += len;
		s += strspn(s, " ");
	}
}

/* One labelled piece of text; the label is ours, everything else may be foreign. */
static void __attribute__((format(printf, 4, 5)))
say(struct page *p, const char *label, unsigned max, const char *fmt, ...)
{
	auto_free char *raw = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	auto_free char *text = clean(raw);

	fprintf(p->out, "%-*s", GUTTER, label);
	wrap(p, text, GUTTER, max);
}

static void blank(struct page *p)
{
	if (!p->room[ROOM_AIR])
		return;
	putc('\n', p->out);
	p->lines++;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static uint64_t cycles_done(const struct run_view *run)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		n += run->lanes[i].cycles_done;
	return n;
}

/* Verdicts that name nobody. */
static const char *const general_words[] = {
	[VERDICT_PASS] = "every step passed (there were no cycles)",
	[VERDICT_FAIL] = "something that counts went wrong",
	[VERDICT_BROKEN] = "the tool or its environment failed, no device is blamed",
	[VERDICT_SKIPPED] = "no step ran, nothing is proved",
	[VERDICT_ABORTED] = "ended early, what did not run is not proved",
};

static const char *device_name(const struct culprit *c, char buf[16])
{
	if (c->pci == NULL)
		return "(not a device of this run's lanes)";
	if (c->pci->name[0] != '\0')
		return c->pci->name;
	snprintf(buf, 16, "%04x:%04x", c->pci->vendor, c->pci->device);
	return buf;
}

/* Who or what the first line is about. A run that died has a suspect: the step that was open. */
static void head_text(const struct run_view *run, const struct culprit *c, struct str *s)
{
	bool names = run->verdict == VERDICT_FAIL || (!run->ended && !run->running);
	uint64_t done = cycles_done(run);
	char ids[16];

	if (run->verdict == VERDICT_PASS && done > 0)
		str_addf(s, "%" PRIu64 " cycle%s on %zu lane%s, nothing that counts went wrong",
			done, plural(done), run->nlanes, plural(run->nlanes));
	else if (run->running && run->verdict == VERDICT_ABORTED)
		str_addf(s, "%" PRIu64 " cycle%s done, nothing has failed so far", done,
			plural(done));
	else if (run->verdict == VERDICT_BROKEN && run->blind)
		str_add(s, "blind: what the kernel said was not all seen, so nothing is proved");
	else if (names && c != NULL && c->device[0] != '\0')
		str_addf(s, "%s%s %s", run->verdict == VERDICT_FAIL ? "" : "suspect ", c->device,
			device_name(c, ids));
	else if (names && c != NULL && c->lane != NULL && c->lane->domain != NULL)
		str_addf(s, "%sVM %s", run->verdict == VERDICT_FAIL ? "" : "suspect ",
			c->lane->domain);
	else
		str_add(s, general_words[run->verdict]);
}

static void head(struct page *p, const struct run_view *run, const struct culprit *c)
{
	bool open = run->running && run->verdict == VERDICT_ABORTED;
	const char *word = open ? "STILL RUNNING" : verdict_looks[run->verdict].word;
	struct str s = {0};

	head_text(run, c, &s);
	auto_free char *text = clean(s.s ? s.s : "");

	str_finish(&s);
	fprintf(p->out, "%s%s%s: ", p->colour && !open ? verdict_looks[run->verdict].colour : "",
		word, p->colour && !open ? "\x1b[0m" : "");
	wrap(p, text, strlen(word) + 2, p->room[ROOM_HEAD]);
}

/* Steps are counted from 1 for people; steps_of = how long their list is. */
static uint32_t steps_of(const struct lane_row *lane, enum phase phase)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < lane->nsteps; i++)
		if (lane->steps[i].phase == phase && lane->steps[i].index >= n)
			n = lane->steps[i].index + 1;
	return n;
}

static void where(struct page *p, const struct culprit *c)
{
	const struct incident *inc = c->incident;
	struct str s = {0};

	if (c->lane == NULL) {
		say(p, "where", 1, "no single lane is to blame");
		return;
	}
	str_addf(&s, "lane %s", c->lane->name);
	if (c->cycle > 0)
		str_addf(&s, ", cycle %" PRId32, c->cycle);
	else
		str_add(&s, c->cycle == 0 ? ", before the first cycle" : ", after the last cycle");
	if (c->step != NULL)
		str_addf(&s, ", step %" PRIu32 " of %" PRIu32 " (%s)", c->step->index + 1,
			steps_of(c->lane, c->step->phase), c->step->name);
	else if (str_eq(c->word, "between"))
		str_add(&s, ", between steps");
	else if (*c->word != '\0')
		str_addf(&s, ", step %s", c->word);
	if (inc != NULL && inc->place.late)
		str_add(&s, ", just after its end");
	say(p, "where", p->room[ROOM_WHERE], "%s", s.s);
	str_finish(&s);
}

static void what(struct page *p, const struct culprit *c)
{
	static const char *const ended_as[] = {
		[OUTCOME_PASS] = "passed",
		[OUTCOME_FAIL] = "failed",
		[OUTCOME_BROKEN] = "could not be done",
		[OUTCOME_SKIPPED] = "was skipped",
		[OUTCOME_ABORTED] = "was cut off",
	};
	const struct incident *inc = c->incident;
	const struct failure_row *f = c->failure;
	struct str s = {0};

	if (inc != NULL)
		str_addf(&s, "%s, %s, %s%" PRIu64 " time%s", inc->id, severity_name(inc->severity),
			inc->count_is_lower_bound ? "at least " : "", inc->count,
			plural(inc->count));
	if (inc != NULL && *inc->budget != '\0')
		str_addf(&s, ", over its budget (%s)", inc->budget);
	if (f != NULL)
		str_addf(&s, "%sstep %s %s%s%s", inc ? "; " : "", f->step, ended_as[f->outcome],
			*f->reason ? ": " : "", f->reason);
	say(p, "what", p->room[ROOM_WHAT], "%s", s.s);
	str_finish(&s);
}

static void also(struct page *p, const struct run_view *run, const struct culprit *c)
{
	uint64_t failures = run->failures_total - (c->failure != NULL);
	uint64_t incidents = run->totals.over_budget - (c->incident != NULL);
	struct str s = {0};

	if (failures > 0)
		str_addf(&s, "%" PRIu64 " more failed step%s", failures, plural(failures));
	if (incidents > 0)
		str_addf(&s, "%s%" PRIu64 " more incident%s that count%s", s.len ? ", " : "",
			incidents, plural(incidents), incidents == 1 ? "s" : "");
	if (s.len > 0)
		say(p, "also", 1, "%s", s.s);
	str_finish(&s);
}

static const char *text_or(const char *text, const char *other)
{
	return text != NULL && *text != '\0' ? text : other;
}

/* Of "log,counters,tracepoint". */
static void witnesses(struct page *p, const struct incident *inc)
{
	struct str s = {0};
	const char *c = inc->seen_by;

	if (p->room[ROOM_WITNESSES] == 0 || *c == '\0')
		return;
	str_addn(&s, c, strcspn(c, ","));
	while (*(c += strcspn(c, ",")) != '\0') {
		str_add(&s, ", ");
		c++;
		str_addn(&s, c, strcspn(c, ","));
	}
	say(p, "witnesses", 1, "%s", s.s);
	str_finish(&s);
}

static void culprit(struct page *p, const struct run_view *run, const struct culprit *c)
{
	const struct incident *inc = c->incident;
	const char *seen = c->failure ? text_or(c->failure->detail, NULL) : NULL;
	const char *advice = inc ? text_or(inc->advice, NULL) : NULL;

	where(p, c);
	what(p, c);
	if (inc != NULL && *incident_line(inc) != '\0')
		say(p, "kernel", p->room[ROOM_KERNEL], "%s", incident_line(inc));
	if (inc != NULL)
		witnesses(p, inc);
	if (seen != NULL)
		say(p, "seen", p->room[ROOM_SEEN], "%s", seen);
	if (inc != NULL && text_or(inc->meaning, NULL) != NULL)
		say(p, "means", p->room[ROOM_MEANS], "%s", inc->meaning);
	if (advice == NULL && c->failure != NULL)
		advice = text_or(c->failure->advice, NULL);
	if (advice != NULL)
		say(p, "do", p->room[ROOM_DO], "%s", advice);
	also(p, run, c);
}

/* What names need, so that reasons have the rest. */
static size_t lane_width(const struct run_view *run)
{
	size_t width = strlen("lane"), i;

	for (i = 0; i < run->nlanes; i++) {
		auto_free char *name = clean(run->lanes[i].name);
		size_t columns = utf8_columns(name);

		if (columns > width)
			width = columns;
	}
	return width < LANE_WIDTH ? width : LANE_WIDTH;
}

static void lane_line(struct page *p, const struct lane_row *lane, size_t width, bool running)
{
	auto_free char *name = clean(lane->name), *reason = clean(lane->reason);
	const char *dots = "";
	char counts[64];

	if (utf8_columns(name) > width) {
		name[utf8_fit(name, width - 3)] = '\0';
		dots = "...";
	}
	fprintf(p->out, "%s%s%*s", name, dots, (int)(width - utf8_columns(name) - strlen(dots)),
		"");
	snprintf(counts, sizeof(counts), "  %-7s %9" PRIu64 " %7" PRIu64,
		running && !lane->ended ? "running" : verdict_name(lane->verdict),
		lane->cycles_done, lane->cycles_failed);
	fprintf(p->out, "%s%s", counts, *reason ? "  " : "");
	wrap(p, reason, width + strlen(counts) + 2, p->room[ROOM_LANE_LINES]);
}

/* Those that did not pass first; what does not fit is counted by verdict. */
static void lanes(struct page *p, const struct run_view *run)
{
	size_t rest[VERDICT_ABORTED + 1] = {0}, shown = 0, left = 0, i, v;
	const size_t width = lane_width(run);
	struct str s = {0};
	int pass;

	if (run->nlanes == 0)
		return;
	blank(p);
	fprintf(p->out, "%-*s  %-7s %9s %7s\n", (int)width, "lane", "verdict", "cycles", "failed");
	p->lines++;
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < run->nlanes; i++) {
			if ((run->lanes[i].verdict == VERDICT_PASS) != pass)
				continue;
			if (shown++ < p->room[ROOM_LANES])
				lane_line(p, &run->lanes[i], width, run->running);
			else
				rest[run->lanes[i].verdict]++, left++;
		}
	for (v = 0; v < ARRAY_SIZE(rest); v++)
		if (rest[v] > 0)
			str_addf(&s, "%s%zu %s", s.len ? ", " : "", rest[v],
				verdict_name((enum verdict)v));
	if (left > 0) {
		fprintf(p->out, "... and %zu more: %s\n", left, s.s);
		p->lines++;
	}
	str_finish(&s);
}

static void incidents(struct page *p, const struct run_view *run)
{
	const uint64_t *n = run->totals.severity;

	say(p, "incidents", 1,
		"%" PRIu64 " fatal, %" PRIu64 " error, %" PRIu64 " warning, %" PRIu64
		" info; %" PRIu64 " tolerated, %" PRIu64 " expected",
		n[SEV_FATAL], n[SEV_ERROR], n[SEV_WARNING], n[SEV_INFO] + run->info_events,
		run->totals.tolerated, run->expected_events);
}

/* "gpu-vm cycle 7 reset" */
static void add_place(struct str *s, const struct run_view *run, const struct place *place)
{
	if (place->lane < 0 || (size_t)place->lane >= run->nlanes)
		return;
	str_addf(s, "; %s", run->lanes[place->lane].name);
	if (place->cycle > 0)
		str_addf(s, " cycle %" PRId32, place->cycle);
	if (place->step[0] != '\0')
		str_addf(s, " %s", place->step);
}

static bool is_bystander(const struct incident *inc)
{
	return inc->has_bdf && inc->place.lane < 0 && inc->place.candidates == 0;
}

/* What was seen and does not count: warnings, what a budget allows, errors of other devices. */
static void others(struct page *p, const struct run_view *run)
{
	unsigned shown = 0;
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < run->nincidents && shown < p->room[ROOM_OTHERS]; i++) {
		const struct incident *inc = &run->incidents[i];
		struct str s = {0};

		if (inc->over_budget || (inc->severity < SEV_WARNING && !inc->tolerated))
			continue;
		if (is_bystander(inc))
			str_addf(&s, "%s ", severity_name(inc->severity));
		str_addf(&s, "%s%s%s, %s%" PRIu64 " time%s", inc->id, inc->has_bdf ? " of " : "",
			inc->has_bdf ? bdf_text(inc->bdf, bdf) : "",
			inc->count_is_lower_bound ? "at least " : "", inc->count,
			plural(inc->count));
		if (*inc->budget != '\0')
			str_addf(&s, " (%s)", inc->budget);
		add_place(&s, run, &inc->place);
		say(p,
			inc->tolerated              ? "tolerated"
				: is_bystander(inc) ? "bystander"
						    : severity_name(inc->severity),
			p->room[ROOM_LIST_LINES], "%s", s.s);
		str_finish(&s);
		shown++;
	}
}

/* Not blind on the kernel's own log: the markers of the beginning and of the end came back. */
static const char *proof_of_sight(const struct run_view *run)
{
	return run->ended && !run->simulated && run->klog_records > 0
		? "; our own markers were read back"
		: "";
}

static void kernel_log(struct page *p, const struct run_view *run)
{
	char lost[64] = "none lost";

	if (run->klog_lost > 0)
		snprintf(lost, sizeof(lost), "%" PRIu64 " lost", run->klog_lost);
	if (run->blind)
		say(p, "kernel log", p->room[ROOM_LOG], "%" PRIu64 " records read, %s; BLIND: %s",
			run->klog_records, lost, text_or(run->blind_reason, "reason unknown"));
	else
		say(p, "kernel log", 1, "%" PRIu64 " records read, %s%s", run->klog_records, lost,
			proof_of_sight(run));
}

/* `lead` stands before the first of them; `room`: how many, and behind it of how many lines each. */
static void several(struct page *p, const char *label, const struct strings_row *rows,
	const char *lead, enum room room)
{
	size_t i, shown = rows->n < p->room[room] ? rows->n : p->room[room];

	for (i = 0; i < shown; i++) {
		bool last = i + 1 == shown && shown < rows->n;

		if (last)
			say(p, i ? "" : label, 1, "(%zu of %zu) %s%s", shown, rows->n,
				i ? "" : lead, rows->v[i]);
		else
			say(p, i ? "" : label, p->room[room + 1], "%s%s", i ? "" : lead,
				rows->v[i]);
	}
}

/* A scenario full of resets that were all skipped must not look like a proof. */
static bool resets_all_skipped(const struct run_view *run)
{
	bool any = false;
	size_t i, k;

	for (i = 0; i < run->nlanes; i++)
		for (k = 0; k < run->lanes[i].nsteps; k++) {
			const struct step_row *row = &run->lanes[i].steps[k];

			if (!str_eq(row->word, "reset"))
				continue;
			if (row->max_ms >= 0)
				return false;
			any |= row->skipped > 0;
		}
	return any;
}

static bool has_vm(const struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		if (run->lanes[i].domain != NULL)
			return true;
	return false;
}

static void caveats(struct page *p, const struct run_view *run)
{
	if (run->simulated)
		say(p, "simulated", 1, "a test seam was used: this says nothing about a real host");
	if (!run->boots_proved && has_vm(run))
		say(p, "not proved", 1, "no boot was proved by a sign of life of its guest");
	several(p, "blind spot", &run->blind_spots, "", ROOM_LIST);
	several(p, "note", &run->notes, "", ROOM_NOTES);
	several(p, "left over", &run->undo_left, "'vfio-stress undo' puts back: ", ROOM_LIST);
}

/* "2026-11-21 04:00:00" */
static const char *utc(int64_t wall_ns, char buf[40])
{
	char stamp[40];

	clock_rfc3339(wall_ns, stamp, sizeof(stamp));
	snprintf(buf, 40, "%.10s %.8s", stamp, stamp + 11);
	return buf;
}

static void about(struct page *p, const struct run_view *run)
{
	char start[40], end[40], took[32];

	/* whole seconds: milliseconds of a whole run mean nothing */
	if (run->ended_ns - run->started_ns >= NS_PER_S)
		duration_text(
			(run->ended_ns - run->started_ns) / NS_PER_S * 1000, took, sizeof(took));
	else
		str_set(took, "less than 1s");
	say(p, "run", 1, "%s, %s on %s", run->id, run->scenario,
		text_or(run->host.name, "an unknown host"));
	say(p, "", 1, "%s to %s UTC (%s)%s", utc(run->started_ns, start), utc(run->ended_ns, end),
		took, run->ended || run->running ? "" : ", then died");
}

/* Where the culprit is named the reason would only say it again. */
static bool needs_reason(const struct run_view *run, bool guilty)
{
	if (run->running || *text_or(run->verdict_reason, "") == '\0')
		return false;
	if (run->verdict == VERDICT_FAIL || run->verdict == VERDICT_BROKEN)
		return !guilty && !run->blind;
	return run->verdict == VERDICT_ABORTED;
}

/* The slowest of the devices that came back from a reset. */
static const struct step_row *slowest(const struct run_view *run)
{
	const struct step_row *found = NULL;
	size_t i, k;

	for (i = 0; i < run->nlanes; i++)
		for (k = 0; k < run->lanes[i].nsteps; k++) {
			const struct step_row *row = &run->lanes[i].steps[k];

			if (row->usable.count > 0 &&
				(found == NULL || row->usable.max_ms > found->usable.max_ms))
				found = row;
		}
	return found;
}

static bool is_same_reset(const struct reset_row *a, const struct reset_row *b)
{
	return a->use == b->use && str_eq(a->method, b->method);
}

/* "flr 142 of 143 worked (vm-running), bus 300 of 300 (vfio)": of all devices. */
static void resets(struct page *p, const struct run_view *run)
{
	struct str s = {0};
	size_t i, k;

	for (i = 0; i < run->nresets; i++) {
		const struct reset_row *r = &run->resets[i];
		uint64_t tried = 0, worked = 0;

		for (k = 0; k < i && !is_same_reset(r, &run->resets[k]); k++)
			;
		if (k < i)
			continue;
		for (; k < run->nresets; k++)
			if (is_same_reset(r, &run->resets[k])) {
				tried += run->resets[k].tried;
				worked += run->resets[k].worked;
			}
		str_addf(&s, "%s%s %" PRIu64 " of %" PRIu64 "%s", s.len ? ", " : "", r->method,
			worked, tried, s.len ? "" : " worked");
		if (r->use != USE_UNKNOWN)
			str_addf(&s, " (%s)", device_use_name(r->use));
	}
	if (s.len > 0 && p->room[ROOM_RESETS] > 0)
		say(p, "resets", p->room[ROOM_RESETS], "%s", s.s);
	str_finish(&s);
}

static void usable(struct page *p, const struct run_view *run)
{
	const struct step_row *row = slowest(run);

	if (row != NULL && p->room[ROOM_USABLE] > 0)
		say(p, "usable", 1, "%.2f s at most: %s after %s (median %.2f s)",
			(double)row->usable.max_ms / 1e3, row->device,
			row->arg ? row->arg : row->word, (double)row->usable.p50_ms / 1e3);
}

/* "worse than baseline RUN: start (step 1) takes 6.16 s, was 4.11 s" */
static void baseline(struct page *p, const struct baseline_result *r)
{
	say(p, "baseline", p->room[ROOM_BASELINE], "%s %s %s: %s", r->result,
		str_eq(r->result, "cannot tell")    ? "from baseline"
			: str_eq(r->result, "same") ? "as baseline"
						    : "than baseline",
		r->run, r->text);
}

static void render(struct page *p, const struct run_view *run, const struct text_opts *opts)
{
	struct culprit c;
	bool guilty = culprit_find(run, &c);

	head(p, run, guilty ? &c : NULL);
	if (resets_all_skipped(run))
		say(p, "no reset", 1, "no device was reset: every reset step was skipped");
	if (needs_reason(run, guilty))
		say(p, "why", p->room[ROOM_WHY], "%s", run->verdict_reason);
	if (guilty)
		culprit(p, run, &c);
	lanes(p, run);
	blank(p);
	incidents(p, run);
	others(p, run);
	kernel_log(p, run);
	resets(p, run);
	usable(p, run);
	if (run->baseline != NULL)
		baseline(p, run->baseline);
	caveats(p, run);
	about(p, run);
	if (opts != NULL && opts->files != NULL)
		say(p, "report", 1, "%s", opts->files);
	else
		say(p, "report", p->room[ROOM_REPORT], "vfio-stress report %s --format json%s%s",
			run->id, opts && opts->db ? " --db " : "",
			opts && opts->db ? opts->db : "");
}

static int render_to(char **screen, size_t *len, unsigned *lines, const unsigned *room,
	const struct run_view *run, const struct text_opts *opts)
{
	struct page p = {.room = room, .colour = opts != NULL && opts->colour};

	p.out = open_memstream(screen, len);
	if (p.out == NULL)
		return -1;
	render(&p, run, opts);
	*lines = p.lines;
	return fclose(p.out);
}

/* The least page, and then every grant that still fits: a page costs microseconds. */
static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	unsigned room[ROOM_COUNT], lines;
	size_t i, len = 0;

	memcpy(room, least_room, sizeof(room));
	for (i = 0; i <= ARRAY_SIZE(grants); i++) {
		auto_free char *screen = NULL;
		unsigned before;

		if (i < ARRAY_SIZE(grants)) {
			before = room[grants[i].room];
			room[grants[i].room] = grants[i].lines;
		}
		if (render_to(&screen, &len, &lines, room, run, opts) != 0)
			return err_set(err, ERR_IO, errno, "text report");
		if (i == ARRAY_SIZE(grants))
			fwrite(screen, 1, len, out);
		else if (lines > ROWS)
			room[grants[i].room] = before;
	}
	return 0;
}

static const struct field fields[] = {
	{.name = "path",
		.help = "file to write; - is standard output",
		.kind = FIELD_STRING,
		.offset = offsetof(struct text_opts, file.path),
		.required = true},
	{0},
};

static const char *const endings[] = {".txt", ".log", NULL};

const struct reporter reporter_text = {
	.word = {.name = "text",
		.summary = "one screen for people: verdict, culprit, what to do",
		.main_arg = "path",
		.fields = fields,
		.args_size = sizeof(struct text_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
};

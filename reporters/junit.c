/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "reporters/options.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* "Failed" is the device's, "error" the tool's or its environment's. */
enum mark { MARK_GOOD, MARK_FAILURE, MARK_ERROR, MARK_SKIPPED, MARK_COUNT };

static const char *const mark_elements[] = {
	[MARK_FAILURE] = "failure", [MARK_ERROR] = "error", [MARK_SKIPPED] = "skipped"};

struct tally {
	unsigned cases, marks[MARK_COUNT];
};

/*
 * Suites are gone through twice, because an element's counts stand in front of what they count:
 * first with w == NULL, which only counts.
 */
struct page {
	const struct run_view *run;
	xmlTextWriter *w;
	struct tally *tally;
	const char *suite; /* of the case */
};

/* One of them; texts are foreign. */
struct testcase {
	enum mark mark;
	int64_t ms;
	const char *type; /* of a failure or error: a stable id */
	struct str name, message, text;
};

/* ---- the one way for text into the document ---- */

#define TEXT_MAX (64u << 10) /* of a piece of text; libxml2 takes an int */

/*
 * XML 1.0 has no way to write most control bytes: they and what is not UTF-8 become a visible \xNN,
 * and U+FFFE and U+FFFF, which it does not have either, U+FFFD. Lines stay lines. Markup is escaped by
 * libxml2.
 */
static char *clean(const char *text)
{
	size_t n = strnlen(text, TEXT_MAX), room = 4 * n + 8;
	bool cut = text[n] != '\0';
	char *out = xmalloc(room), *s = out;

	for (;;) {
		const char *newline = memchr(text, '\n', n);
		size_t line = newline ? (size_t)(newline - text) : n;

		str_printable(s, room - (size_t)(s - out), text, line);
		s += strlen(s);
		if (newline == NULL)
			break;
		*s++ = '\n';
		text += line + 1;
		n -= line + 1;
	}
	if (cut)
		memcpy(s, "...", 4);
	for (s = out; (s = strstr(s, "\xef\xbf")) != NULL; s += 3)
		if ((unsigned char)s[2] >= 0xbe)
			s[2] = (char)0xbd;
	return out;
}

static void attribute(struct page *p, const char *name, const char *value)
{
	auto_free char *text = clean(value);

	xmlTextWriterWriteAttribute(p->w, BAD_CAST name, BAD_CAST text);
}

static void number(struct page *p, const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	attribute(p, name, text);
}

static void seconds(struct page *p, const char *name, int64_t ms)
{
	char text[32];

	ms = ms > 0 ? ms : 0;
	snprintf(text, sizeof(text), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
	attribute(p, name, text);
}

static void begin(struct page *p, const char *element)
{
	xmlTextWriterStartElement(p->w, BAD_CAST element);
}

static void end(struct page *p)
{
	xmlTextWriterEndElement(p->w);
}

static void content(struct page *p, const char *value)
{
	auto_free char *text = clean(value);

	xmlTextWriterWriteString(p->w, BAD_CAST text);
}

/* ---- cases ---- */

static void write_case(struct page *p, const struct testcase *c)
{
	auto_free char *class = xasprintf("%s.%s", p->run->scenario, p->suite);

	begin(p, "testcase");
	attribute(p, "name", c->name.s);
	attribute(p, "classname", class);
	seconds(p, "time", c->ms);
	if (c->mark != MARK_GOOD) {
		begin(p, mark_elements[c->mark]);
		/* the schema of Jenkins has no attributes there */
		if (c->mark != MARK_SKIPPED) {
			attribute(p, "type", c->type);
			attribute(p, "message", c->message.len ? c->message.s : c->type);
		} else if (c->message.len > 0) {
			content(p, c->message.s);
		}
		if (c->text.len > 0)
			content(p, c->text.s);
		end(p);
	}
	end(p);
}

/* Takes the case's strings. */
static void put_case(struct page *p, struct testcase *c)
{
	p->tally->cases++;
	p->tally->marks[c->mark]++;
	if (p->w != NULL)
		write_case(p, c);
	str_finish(&c->name);
	str_finish(&c->message);
	str_finish(&c->text);
}

static void add_line(struct str *s, const char *label, const char *text)
{
	if (text != NULL && *text != '\0')
		str_addf(s, "%s%s\n", label, text);
}

static void row_case(struct page *p, const struct step_row *s)
{
	struct testcase c = {.ms = s->total_ms, .type = "step"};
	uint64_t bad = s->failed + s->broken;
	bool cut_off = s->aborted > 0 && step_row_passed(s) == 0;

	str_addf(&c.name, "%s step %" PRIu32 ": %s%s%s", phase_name(s->phase), s->index + 1,
		s->name, s->device ? " " : "", s->device ? s->device : "");
	if (s->failed > 0)
		c.mark = MARK_FAILURE;
	else if (s->broken > 0 || cut_off)
		c.mark = MARK_ERROR;
	else if (s->count == s->skipped)
		c.mark = MARK_SKIPPED;
	if (bad > 0)
		str_addf(&c.message,
			"%" PRIu64 " of %" PRIu64 " went wrong: %" PRIu64 " failed, %" PRIu64
			" could not be done",
			bad, s->count, s->failed, s->broken);
	else if (cut_off)
		str_addf(&c.message, "%" PRIu64 " of %" PRIu64 " cut off, none passed", s->aborted,
			s->count);
	else if (c.mark == MARK_SKIPPED)
		str_add(&c.message, s->count == 0 ? "it never came to it" : "skipped each time");
	put_case(p, &c);
}

static void add_cycle(struct str *s, int32_t cycle)
{
	if (cycle > 0)
		str_addf(s, "cycle %" PRId32, cycle);
	else
		str_add(s, phase_name(cycle == 0 ? PHASE_BEFORE : PHASE_AFTER));
}

static enum mark mark_of(enum outcome outcome)
{
	if (outcome == OUTCOME_SKIPPED)
		return MARK_SKIPPED;
	return outcome == OUTCOME_FAIL ? MARK_FAILURE : MARK_ERROR;
}

static void failure_case(struct page *p, const struct failure_row *f)
{
	struct testcase c = {.mark = mark_of(f->outcome),
		.type = *f->reason ? f->reason : outcome_name(f->outcome)};

	add_cycle(&c.name, f->cycle);
	str_addf(&c.name, ", step %" PRId32 ": %s%s%s", f->step_index + 1, f->step,
		f->device ? " " : "", f->device ? f->device : "");
	str_add(&c.message, *f->detail ? f->detail : c.type);
	add_line(&c.text, "do: ", f->advice);
	put_case(p, &c);
}

static void add_kernel_lines(struct str *s, const struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfirst; i++)
		add_line(s, "kernel: ", inc->first[i].text);
	if (inc->lines_omitted > 0)
		str_addf(s, "(%" PRIu64 " lines are not shown)\n", inc->lines_omitted);
	for (i = 0; i < inc->nlast; i++)
		add_line(s, "kernel: ", inc->last[i].text);
}

static void incident_case(struct page *p, const struct incident *inc)
{
	struct testcase c = {.mark = MARK_FAILURE, .type = inc->id};
	char bdf[BDF_LEN];

	str_addf(&c.name, "incident %" PRIu32 " %s", inc->no, inc->id);
	if (inc->has_bdf)
		str_addf(&c.name, " %s", bdf_text(inc->bdf, bdf));
	if (inc->place.cycle > 0) {
		str_add(&c.name, ", ");
		add_cycle(&c.name, inc->place.cycle);
	}
	str_addf(&c.message, "%s, %s%" PRIu64 " time%s%s%s", severity_name(inc->severity),
		inc->count_is_lower_bound ? "at least " : "", inc->count,
		inc->count == 1 ? "" : "s", *inc->budget ? ", over its budget: " : "", inc->budget);
	add_line(&c.text, "means: ", inc->meaning);
	add_line(&c.text, "do: ", inc->advice);
	add_kernel_lines(&c.text, inc);
	put_case(p, &c);
}

/* Those of a lane that count; lane -1: of none. */
static void incident_cases(struct page *p, int32_t lane)
{
	size_t i;

	for (i = 0; i < p->run->nincidents; i++)
		if (p->run->incidents[i].over_budget && p->run->incidents[i].place.lane == lane)
			incident_case(p, &p->run->incidents[i]);
}

static void lane_cases(struct page *p, const struct lane_row *lane)
{
	int32_t number_of = (int32_t)(lane - p->run->lanes);
	size_t i;

	for (i = 0; i < lane->nsteps; i++)
		row_case(p, &lane->steps[i]);
	for (i = 0; i < p->run->nfailures; i++)
		if (p->run->failures[i].lane == number_of)
			failure_case(p, &p->run->failures[i]);
	incident_cases(p, number_of);
}

/* A run that did not pass is not green, whatever else there is. */
static void verdict_case(struct page *p)
{
	static const enum mark marks[] = {
		[VERDICT_PASS] = MARK_GOOD,
		[VERDICT_FAIL] = MARK_FAILURE,
		[VERDICT_BROKEN] = MARK_ERROR,
		[VERDICT_SKIPPED] = MARK_SKIPPED,
		[VERDICT_ABORTED] = MARK_ERROR,
	};
	const struct run_view *run = p->run;
	struct testcase c = {.mark = marks[run->verdict],
		.type = verdict_name(run->verdict),
		.ms = (run->ended_ns - run->started_ns) / NS_PER_MS};

	str_add(&c.name, "verdict");
	str_add(&c.message,
		run->running                   ? "still running, this is not final"
			: *run->verdict_reason ? run->verdict_reason
					       : c.type);
	put_case(p, &c);
}

static void hidden_cases(struct page *p)
{
	uint64_t hidden = p->run->failures_total - p->run->nfailures;
	struct testcase c = {.mark = MARK_FAILURE, .type = "not-listed"};

	if (hidden == 0)
		return;
	str_add(&c.name, "further failures");
	str_addf(&c.message, "%" PRIu64 " more failures are not listed one by one", hidden);
	put_case(p, &c);
}

static void run_cases(struct page *p)
{
	verdict_case(p);
	incident_cases(p, -1);
	hidden_cases(p);
}

/* ---- suites ---- */

static void property(struct page *p, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	begin(p, "property");
	attribute(p, "name", name);
	attribute(p, "value", value);
	end(p);
}

static void run_properties(struct page *p)
{
	const struct run_view *run = p->run;
	char seed[24];

	snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
	begin(p, "properties");
	property(p, "run", run->id);
	property(p, "scenario", run->scenario);
	property(p, "verdict", verdict_name(run->verdict));
	property(p, "tool-version", run->tool_version);
	property(p, "seed", seed);
	property(p, "simulated", run->simulated ? "true" : "false");
	property(p, "boots-proved", run->boots_proved ? "true" : "false");
	property(p, "kernel", run->host.kernel);
	property(p, "cmdline", run->host.cmdline);
	property(p, "bios", run->host.bios);
	property(p, "board", run->host.board);
	property(p, "cpu", run->host.cpu);
	property(p, "microcode", run->host.microcode);
	property(p, "qemu", run->host.qemu);
	property(p, "libvirt", run->host.libvirt);
	end(p);
}

static void lane_properties(struct page *p, const struct lane_row *lane)
{
	char counts[48], bdf[BDF_LEN];
	size_t i;

	begin(p, "properties");
	property(p, "verdict", verdict_name(lane->verdict));
	property(p, "reason", lane->reason);
	property(p, "domain", lane->domain);
	snprintf(counts, sizeof(counts), "%" PRIu64, lane->cycles_done);
	property(p, "cycles-done", counts);
	snprintf(counts, sizeof(counts), "%" PRIu64, lane->cycles_failed);
	property(p, "cycles-failed", counts);
	for (i = 0; i < lane->ndevices; i++) {
		const struct pcidev *d = &lane->devices[i];
		/* Jenkins keeps one property of a name */
		auto_free char *name = xasprintf("device %s", bdf_text(d->bdf, bdf));
		auto_free char *what = xasprintf(
			"%04x:%04x%s%s", d->vendor, d->device, *d->name ? " " : "", d->name);

		property(p, name, what);
	}
	end(p);
}

static void sentences(struct str *s, const char *label, const struct strings_row *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		add_line(s, label, rows->v[i]);
}

static void run_output(struct page *p)
{
	struct str s = {0};

	sentences(&s, "blind spot: ", &p->run->blind_spots);
	sentences(&s, "note: ", &p->run->notes);
	sentences(&s, "left over: ", &p->run->undo_left);
	if (s.len > 0) {
		begin(p, "system-out");
		content(p, s.s);
		end(p);
	}
	str_finish(&s);
}

/* Lane NULL: what belongs to none. */
static void put_cases(struct page *p, const struct lane_row *lane)
{
	if (lane == NULL)
		run_cases(p);
	else
		lane_cases(p, lane);
}

static void write_suite(struct page *p, const struct lane_row *lane, const struct tally *tally)
{
	const struct run_view *run = p->run;
	struct tally again = {0};
	int64_t ms = 0;
	char time[40];
	size_t i;

	for (i = 0; lane != NULL && i < lane->nsteps; i++)
		ms += lane->steps[i].total_ms;
	clock_rfc3339(run->started_ns, time, sizeof(time));
	time[strlen("2026-11-21T04:00:00")] = '\0'; /* no zone by Ant's schema; it is UTC */
	begin(p, "testsuite");
	attribute(p, "name", p->suite);
	number(p, "tests", tally->cases);
	number(p, "failures", tally->marks[MARK_FAILURE]);
	number(p, "errors", tally->marks[MARK_ERROR]);
	number(p, "skipped", tally->marks[MARK_SKIPPED]);
	seconds(p, "time", lane ? ms : (run->ended_ns - run->started_ns) / NS_PER_MS);
	attribute(p, "timestamp", time);
	attribute(p, "hostname", *run->host.name ? run->host.name : "localhost");
	number(p, "id", lane ? (unsigned)(lane - run->lanes) + 1 : 0);
	attribute(p, "package", run->scenario);
	if (lane != NULL)
		lane_properties(p, lane);
	else
		run_properties(p);
	p->tally = &again;
	put_cases(p, lane);
	if (lane == NULL)
		run_output(p);
	end(p);
}

static struct tally count_suite(const struct run_view *run, const struct lane_row *lane)
{
	struct tally tally = {0};
	struct page p = {.run = run, .tally = &tally};

	put_cases(&p, lane);
	return tally;
}

static void write_suites(struct page *p)
{
	const struct run_view *run = p->run;
	VEC(struct tally) tallies = {0};
	struct tally all = {0};
	size_t i, r;

	for (i = 0; i <= run->nlanes; i++) {
		struct tally *t = vec_push(&tallies);

		*t = count_suite(run, i > 0 ? &run->lanes[i - 1] : NULL);
		all.cases += t->cases;
		for (r = 0; r < MARK_COUNT; r++)
			all.marks[r] += t->marks[r];
	}
	begin(p, "testsuites");
	attribute(p, "name", "vfio-stress");
	number(p, "tests", all.cases);
	number(p, "failures", all.marks[MARK_FAILURE]);
	number(p, "errors", all.marks[MARK_ERROR]);
	seconds(p, "time", (run->ended_ns - run->started_ns) / NS_PER_MS);
	for (i = 0; i <= run->nlanes; i++) {
		p->suite = i > 0 ? run->lanes[i - 1].name : "run";
		write_suite(p, i > 0 ? &run->lanes[i - 1] : NULL, &tallies.v[i]);
	}
	end(p);
	vec_finish(&tallies);
}

/* libxml2 would close a file that it was given a name of; this one stays open. */
static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	xmlOutputBuffer *buffer = xmlOutputBufferCreateFile(out, NULL);
	struct page p = {.run = run, .w = buffer ? xmlNewTextWriter(buffer) : NULL};

	(void)opts;
	if (p.w == NULL) {
		xmlOutputBufferClose(buffer);
		return err_set(err, ERR_IO, ENOMEM, "junit report");
	}
	xmlTextWriterSetIndent(p.w, 1);
	xmlTextWriterStartDocument(p.w, NULL, "UTF-8", NULL);
	write_suites(&p);
	xmlTextWriterEndDocument(p.w);
	xmlFreeTextWriter(p.w);
	return 0;
}

static const char *const endings[] = {".xml", NULL};

const struct reporter reporter_junit = {
	.word = {.name = "junit",
		.summary =
			"JUnit XML for Jenkins, GitLab and their like: a case per step and failure",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_text.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/machine.h"
#include "cli/paragraph.h"
#include "cli/scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS     80
#define INDENT      11 /* where text begins behind its label */
#define LINES_SHOWN 8 /* of an incident */

struct page {
	FILE *out;
	bool colour;
};

/* Wrapped at blanks, its label in front. */
static void say(const struct page *p, const char *label, const char *text)
{
	paragraph_write(p->out, &(struct paragraph){4, INDENT, COLUMNS}, label, text);
}

/* ---- the order: the device with the worst first, and there the worst first ---- */

static int by_device(const void *a, const void *b)
{
	const struct found *f = a, *g = b;

	if (f->inc.has_bdf != g->inc.has_bdf)
		return f->inc.has_bdf ? -1 : 1;
	return f->inc.has_bdf ? bdf_cmp(f->inc.bdf, g->inc.bdf) : 0;
}

static int by_severity(const void *a, const void *b)
{
	const struct found *f = a, *g = b;

	if (f->inc.severity != g->inc.severity)
		return f->inc.severity > g->inc.severity ? -1 : 1;
	if (f->file_no != g->file_no)
		return f->file_no < g->file_no ? -1 : 1;
	return f->inc.first_seq < g->inc.first_seq ? -1 : f->inc.first_seq > g->inc.first_seq;
}

static int by_device_and_severity(const void *a, const void *b)
{
	int order = by_device(a, b);

	return order != 0 ? order : by_severity(a, b);
}

/* Incidents of one device, the first of them the worst. */
struct group {
	const struct found *v;
	size_t n;
};

/* As bad as each other: what names a device first, then what came first. */
static int by_worst(const void *a, const void *b)
{
	const struct group *g = a, *h = b;
	bool named = g->v->inc.has_bdf;

	if (g->v->inc.severity == h->v->inc.severity && named != h->v->inc.has_bdf)
		return named ? -1 : 1;
	return by_severity(g->v, h->v);
}

/* ---- one incident ---- */

static const char *colour_of(const struct page *p, enum severity severity)
{
	static const char *const colours[] = {[SEV_INFO] = "",
		[SEV_WARNING] = "\x1b[33m",
		[SEV_ERROR] = "\x1b[31m",
		[SEV_FATAL] = "\x1b[1;31m"};

	return p->colour ? colours[severity] : "";
}

static void say_head(const struct page *p, const struct found *f, const char *bdf)
{
	const struct incident *inc = &f->inc;
	const char *colour = colour_of(p, inc->severity);

	fprintf(p->out, "  %s%-8s%s %s%s%s", colour, severity_name(inc->severity),
		*colour ? "\x1b[0m" : "", inc->id, *bdf ? " " : "", bdf);
	if (inc->count > 1 || inc->count_is_lower_bound)
		fprintf(p->out, ", %s%" PRIu64 " times",
			inc->count_is_lower_bound ? "at least " : "", inc->count);
	putc('\n', p->out);
}

/* "lines 3-5", "lines 3-5 of FILE", "line 3 of FILE to line 5 of FILE" */
static void say_where(const struct page *p, const struct found *f)
{
	struct str s = {0};

	if (f->first_line == 0)
		return;
	str_addf(&s, "line%s %" PRIu64,
		f->last_file == NULL && f->last_line != f->first_line ? "s" : "", f->first_line);
	if (f->last_file == NULL && f->last_line != f->first_line)
		str_addf(&s, "-%" PRIu64, f->last_line);
	if (f->file != NULL)
		str_addf(&s, " of %s", f->file);
	if (f->last_file != NULL)
		str_addf(&s, " to line %" PRIu64 " of %s", f->last_line, f->last_file);
	say(p, "where", s.s);
	str_finish(&s);
}

/* In our time zone. */
static void wall_text(int64_t ns, char *buf, size_t size)
{
	time_t s = (time_t)(ns / NS_PER_S);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		buf[0] = '\0';
}

static void say_when(const struct page *p, const struct incident *inc)
{
	char first[32], last[32], text[80];

	if (inc->first_wall_ns != 0) {
		wall_text(inc->first_wall_ns, first, sizeof(first));
		wall_text(inc->last_wall_ns, last, sizeof(last));
	} else if (inc->first_usec != 0) {
		snprintf(first, sizeof(first), "%.6f", (double)inc->first_usec / 1e6);
		snprintf(last, sizeof(last), "%.6f", (double)inc->last_usec / 1e6);
	} else {
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s%s", first, str_eq(first, last) ? "" : " to ",
		str_eq(first, last) ? "" : last,
		inc->first_wall_ns != 0 ? "" : " s after the boot");
	say(p, "when", text);
}

static void say_lines(const struct page *p, const struct incident *inc)
{
	size_t shown = inc->nfirst < LINES_SHOWN ? inc->nfirst : LINES_SHOWN, i;
	uint64_t more = inc->nfirst - shown + inc->nlast + inc->lines_omitted;
	char text[48];

	for (i = 0; i < shown; i++)
		say(p, i ? "" : "log", inc->first[i].text);
	if (more > 0) {
		snprintf(text, sizeof(text), "(%" PRIu64 " more line%s)", more,
			more == 1 ? "" : "s");
		say(p, "", text);
	}
}

static void say_parts(const struct page *p, const struct incident *inc)
{
	struct str s = {0};
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (inc->fields[i].kind != VALUE_NULL && inc->fields[i].text[0] != '\0')
			str_addf(&s, "%s%s %s", s.len ? "; " : "", inc->fields[i].name,
				inc->fields[i].text);
	if (s.len > 0)
		say(p, "parts", s.s);
	str_finish(&s);
}

static void say_incident(const struct page *p, const struct found *f, bool explain)
{
	char bdf[BDF_LEN];

	say_where(p, f);
	say_when(p, &f->inc);
	if (f->inc.has_reporter)
		say(p, "by", bdf_text(f->inc.reporter, bdf));
	say_lines(p, &f->inc);
	say_parts(p, &f->inc);
	if (explain && f->inc.meaning != NULL)
		say(p, "means", f->inc.meaning);
	if (explain && f->inc.advice != NULL)
		say(p, "do", f->inc.advice);
}

/* ---- all of them ---- */

/* Said once a device. */
static bool is_new(const struct group *g, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (str_eq(g->v[j].inc.id, g->v[i].inc.id))
			return false;
	return true;
}

/* Which device that is, where the machine is known. */
static void say_device(const struct page *p, const struct topology *machine, struct bdf bdf)
{
	struct str text = {0};

	machine_describe(machine, bdf, &text);
	if (text.len > 0)
		say(p, "is", text.s);
	str_finish(&text);
}

static void say_group(const struct page *p, const struct group *g, const struct topology *machine)
{
	const char *bold = p->colour ? "\x1b[1m" : "", *normal = p->colour ? "\x1b[0m" : "";
	char bdf[BDF_LEN];
	size_t i;

	fprintf(p->out, "\n%s%s%s\n", bold,
		g->v->inc.has_bdf ? bdf_text(g->v->inc.bdf, bdf) : "no device", normal);
	if (machine != NULL && g->v->inc.has_bdf)
		say_device(p, machine, g->v->inc.bdf);
	for (i = 0; i < g->n; i++) {
		say_head(p, &g->v[i], "");
		say_incident(p, &g->v[i], is_new(g, i));
	}
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say_left_out(FILE *out, const struct scan_result *r)
{
	if (r->hidden > 0)
		fprintf(out, "%" PRIu64 " less severe not shown\n", r->hidden);
	if (r->omitted > 0)
		fprintf(out, "%" PRIu64 " not shown: too many\n", r->omitted);
	if (r->unwrapped > 0)
		fprintf(out,
			"%" PRIu64 " line%s had been wrapped, as by a mail program, and "
			"%s joined again\n",
			r->unwrapped, plural(r->unwrapped), r->unwrapped == 1 ? "was" : "were");
	if (r->copies > 0)
		fprintf(out, "%" PRIu64 " record%s told by another log of the bundle too\n",
			r->copies, plural(r->copies));
}

/* Which logs a bundle held, so that nobody takes what was not there for clean. */
static void say_files(FILE *out, const struct scan_result *r)
{
	size_t i;

	if (r->nfiles == 0)
		return;
	fprintf(out, "%zu log%s read:\n", r->nfiles, plural(r->nfiles));
	for (i = 0; i < r->nfiles; i++) {
		auto_free char *name = paragraph_clean(r->files[i]);

		fprintf(out, "  %s\n", name);
	}
}

static void say_summary(FILE *out, const struct scan_result *r, const struct found *first)
{
	char bdf[BDF_LEN];

	if (r->lines == 0)
		fprintf(out, "nothing was read%s, which proves nothing\n",
			r->whole ? ": the log is empty" : "");
	else if (r->told == 0)
		fprintf(out, "no incidents in %" PRIu64 " line%s\n", r->lines, plural(r->lines));
	else
		fprintf(out,
			"%" PRIu64 " incident%s in %" PRIu64 " line%s, the worst is %s%s%s%s\n",
			r->told, plural(r->told), r->lines, plural(r->lines),
			severity_name(r->worst), first ? ": look at " : "",
			first ? bdf_text(first->inc.bdf, bdf) : "", first ? " first" : "");
}

void scan_write_text(struct scan_result *r, bool colour, FILE *out)
{
	const struct page p = {out, colour};
	VEC(struct group) groups = {0};
	const struct found *first = NULL;
	size_t i;

	if (r->found.n > 0)
		qsort(r->found.v, r->found.n, sizeof(r->found.v[0]), by_device_and_severity);
	for (i = 0; i < r->found.n; i++) {
		if (i == 0 || by_device(&r->found.v[i - 1], &r->found.v[i]) != 0)
			vec_push(&groups)->v = &r->found.v[i];
		groups.v[groups.n - 1].n++;
	}
	if (groups.n > 0) {
		qsort(groups.v, groups.n, sizeof(groups.v[0]), by_worst);
		first = groups.v[0].v;
	}
	if (first != NULL && (!first->inc.has_bdf || first->inc.severity < SEV_WARNING))
		first = NULL;
	say_summary(out, r, first);
	say_left_out(out, r);
	say_files(out, r);
	vec_foreach (g, &groups)
		say_group(&p, g, r->machine);
	vec_finish(&groups);
}

void scan_write_live_text(const struct found *f, enum scan_news news, bool colour, FILE *out)
{
	const struct page p = {out, colour};
	char bdf[BDF_LEN];

	say_head(&p, f, f->inc.has_bdf ? bdf_text(f->inc.bdf, bdf) : "");
	if (news == NEWS_MORE)
		say_when(&p, &f->inc);
	else
		say_incident(&p, f, news == NEWS_NEW);
}

void scan_write_live_end(const struct scan_result *r, FILE *out)
{
	say_summary(out, r, NULL);
	say_left_out(out, r);
}

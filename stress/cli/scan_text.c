/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_text.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/paragraph.h"
#include "cli/scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS     100
#define INDENT      11 /* where text begins behind its label */
#define LINES_SHOWN 8 /* of an incident */

/* Wrapped at blanks, its label in front. */
static void say(FILE *out, const char *label, const char *text)
{
	paragraph_write(out, &(struct paragraph){4, INDENT, COLUMNS}, label, text);
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

static void say_head(FILE *out, const struct found *f)
{
	const struct incident *inc = &f->inc;
	char bdf[BDF_LEN];

	fprintf(out, "  %-8s %s", severity_name(inc->severity), inc->id);
	if (inc->count > 1 || inc->count_is_lower_bound)
		fprintf(out, ", %s%" PRIu64 " times", inc->count_is_lower_bound ? "at least " : "",
			inc->count);
	if (f->first_line != 0 && f->first_line != f->last_line)
		fprintf(out, ", lines %" PRIu64 "-%" PRIu64, f->first_line, f->last_line);
	else if (f->first_line != 0)
		fprintf(out, ", line %" PRIu64, f->first_line);
	if (f->file != NULL) {
		auto_free char *file = paragraph_clean(f->file);

		fprintf(out, " of %s", file);
	}
	if (inc->has_reporter)
		fprintf(out, ", reported by %s", bdf_text(inc->reporter, bdf));
	putc('\n', out);
}

static void say_lines(FILE *out, const struct incident *inc)
{
	size_t shown = inc->nfirst < LINES_SHOWN ? inc->nfirst : LINES_SHOWN, i;
	uint64_t more = inc->nfirst - shown + inc->nlast + inc->lines_omitted;
	char text[48];

	for (i = 0; i < shown; i++)
		say(out, i ? "" : "log", inc->first[i].text);
	if (more > 0) {
		snprintf(text, sizeof(text), "(%" PRIu64 " more line%s)", more,
			more == 1 ? "" : "s");
		say(out, "", text);
	}
}

static void say_parts(FILE *out, const struct incident *inc)
{
	struct str s = {0};
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (inc->fields[i].kind != VALUE_NULL && inc->fields[i].text[0] != '\0')
			str_addf(&s, "%s%s %s", s.len ? "; " : "", inc->fields[i].name,
				inc->fields[i].text);
	if (s.len > 0)
		say(out, "parts", s.s);
	str_finish(&s);
}

static void say_incident(FILE *out, const struct found *f, bool explain)
{
	say_head(out, f);
	say_lines(out, &f->inc);
	say_parts(out, &f->inc);
	if (explain && f->inc.meaning != NULL)
		say(out, "means", f->inc.meaning);
	if (explain && f->inc.advice != NULL)
		say(out, "do", f->inc.advice);
}

/* Said once a device. */
static bool is_new(const struct group *g, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (str_eq(g->v[j].inc.id, g->v[i].inc.id))
			return false;
	return true;
}

static void say_group(FILE *out, const struct group *g)
{
	char bdf[BDF_LEN];
	size_t i;

	fprintf(out, "\n%s\n", g->v->inc.has_bdf ? bdf_text(g->v->inc.bdf, bdf) : "no device");
	for (i = 0; i < g->n; i++)
		say_incident(out, &g->v[i], is_new(g, i));
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say_summary(FILE *out, const struct scan_result *r, const struct group *first)
{
	uint64_t n = r->found.n + r->hidden + r->omitted;
	char bdf[BDF_LEN];

	if (r->lines == 0) {
		fputs("nothing was read: the log is empty, which proves nothing\n", out);
		return;
	}
	if (!r->any) {
		fprintf(out, "no incidents in %" PRIu64 " line%s\n", r->lines, plural(r->lines));
		return;
	}
	fprintf(out, "%" PRIu64 " incident%s in %" PRIu64 " line%s, the worst is %s", n, plural(n),
		r->lines, plural(r->lines), severity_name(r->worst));
	if (first != NULL && first->v->inc.has_bdf && first->v->inc.severity >= SEV_WARNING)
		fprintf(out, ": look at %s first", bdf_text(first->v->inc.bdf, bdf));
	putc('\n', out);
	if (r->hidden > 0)
		fprintf(out, "%" PRIu64 " less severe not shown\n", r->hidden);
	if (r->omitted > 0)
		fprintf(out, "%" PRIu64 " not shown: too many\n", r->omitted);
	if (r->copies > 0)
		fprintf(out, "%" PRIu64 " record%s told by another log of the bundle too\n",
			r->copies, plural(r->copies));
}

void scan_write_text(struct scan_result *r, FILE *out)
{
	VEC(struct group) groups = {0};
	size_t i;

	if (r->found.n > 0)
		qsort(r->found.v, r->found.n, sizeof(r->found.v[0]), by_device_and_severity);
	for (i = 0; i < r->found.n; i++) {
		if (i == 0 || by_device(&r->found.v[i - 1], &r->found.v[i]) != 0)
			vec_push(&groups)->v = &r->found.v[i];
		groups.v[groups.n - 1].n++;
	}
	if (groups.n > 0)
		qsort(groups.v, groups.n, sizeof(groups.v[0]), by_worst);
	say_summary(out, r, groups.v);
	vec_foreach (g, &groups)
		say_group(out, g);
	vec_finish(&groups);
}

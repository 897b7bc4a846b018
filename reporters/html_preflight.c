/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_preflight.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "reporters/html_page.h"

#define NAMES_MAX 16 /* of devices with the same answer */

/* How an answer looks, and how many there are. The first ones are what somebody has to read. */
static const struct {
	const char *result, *class, *one, *several;
	bool good;
} looks[] = {
	{"fail", "fail-word", "failed", "failed", false},
	{"warn", "warning", "warning", "warnings", false},
	{"unknown", "unknown-word", "unknown", "unknown", false},
	{"ok", "pass-word", "in order", "in order", true},
};

static bool is_same(const struct check_row *a, const struct check_row *b)
{
	return str_eq(a->id, b->id) && str_eq(a->result, b->result) && str_eq(a->item, b->item) &&
		str_eq(a->seen, b->seen) && str_eq(a->meaning, b->meaning) &&
		str_eq(a->advice, b->advice);
}

/* How many of the rows from `v` on are one answer, each about another device or domain. */
static size_t alike(const struct check_row *v, size_t n)
{
	size_t i = 1;

	while (i < n && is_same(&v[0], &v[i]))
		i++;
	return i;
}

/* "iommu.groups of 0000:41:00.0, 0000:42:00.0: what was seen" */
static void answer(FILE *out, const struct check_row *v, size_t n)
{
	size_t i;

	html_text(out, v->id);
	for (i = 0; i < n && i < NAMES_MAX; i++) {
		const char *who = v[i].device ? v[i].device : v[i].domain;

		if (who == NULL)
			continue;
		fprintf(out, i ? ", " : " of ");
		html_text(out, who);
	}
	if (n > NAMES_MAX)
		fprintf(out, " and %zu more", n - NAMES_MAX);
	fprintf(out, ": ");
	html_text(out, v->seen);
}

static void finding(FILE *out, size_t look, const struct check_row *v, size_t n)
{
	fprintf(out, "<details class=\"check\"%s><summary><span class=\"%s\">%s</span> ",
		look == 0 ? " open" : "", looks[look].class, looks[look].result);
	answer(out, v, n);
	fprintf(out, "</summary><dl class=\"facts\">\n");
	html_fact(out, "asked", v->asks);
	html_fact(out, "means", v->meaning);
	html_fact(out, "do", v->advice);
	fprintf(out, "</dl></details>\n");
}

static void findings(struct page *p, size_t look)
{
	size_t i, n;

	for (i = 0; i < p->run->nchecks; i += n) {
		const struct check_row *v = &p->run->checks[i];

		n = alike(v, p->run->nchecks - i);
		if (str_eq(v->result, looks[look].result))
			finding(p->out, look, v, n);
	}
}

/* Folded: there are many of them. */
static void good(struct page *p, size_t look)
{
	size_t i, n;

	fprintf(p->out, "<details class=\"check\"><summary><span class=\"%s\">%s</span> ",
		looks[look].class, looks[look].result);
	fprintf(p->out, "what is in order</summary><ul>\n");
	for (i = 0; i < p->run->nchecks; i += n) {
		const struct check_row *v = &p->run->checks[i];

		n = alike(v, p->run->nchecks - i);
		if (!str_eq(v->result, looks[look].result))
			continue;
		fprintf(p->out, "<li>");
		answer(p->out, v, n);
		fprintf(p->out, "</li>\n");
	}
	fprintf(p->out, "</ul></details>\n");
}

void html_preflight(struct page *p)
{
	size_t n[ARRAY_SIZE(looks)] = {0}, i, k;

	html_section(p->out, "preflight", "Preflight");
	if (p->run->nchecks == 0) {
		fprintf(p->out, "<p>Its answers were not kept with this run.</p>\n");
		return;
	}
	for (i = 0; i < p->run->nchecks; i++)
		for (k = 0; k < ARRAY_SIZE(looks); k++)
			n[k] += str_eq(p->run->checks[i].result, looks[k].result);
	fprintf(p->out, "<p>When the run began: ");
	for (k = 0; k < ARRAY_SIZE(looks); k++)
		fprintf(p->out, "%s%zu %s", k ? ", " : "", n[k],
			n[k] == 1 ? looks[k].one : looks[k].several);
	fprintf(p->out, ".</p>\n");
	for (k = 0; k < ARRAY_SIZE(looks); k++)
		if (n[k] > 0 && looks[k].good)
			good(p, k);
		else if (n[k] > 0)
			findings(p, k);
}

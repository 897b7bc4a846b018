/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_page.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "reporters/html_assets.h"

#include <inttypes.h>
#include <string.h>

/* ---- text ---- */

void html_text(FILE *out, const char *s)
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
				fputs(entities[(unsigned char)*c], out);
			else
				putc(*c, out);
		s += n;
		if (*s == '\n')
			putc(*s++, out);
	}
}

void html_element(FILE *out, const char *name, const char *s)
{
	fprintf(out, "<%s>", name);
	html_text(out, s);
	fprintf(out, "</%s>", name);
}

void html_fact(FILE *out, const char *label, const char *s)
{
	if (s == NULL || *s == '\0')
		return;
	fprintf(out, "<dt>%s</dt><dd>", label);
	html_text(out, s);
	fprintf(out, "</dd>\n");
}

void html_section(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

void html_head(FILE *out, const char *title)
{
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src "
		"'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action "
		"'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	html_text(out, title);
	fprintf(out, "</title>\n<style>\n");
	html_styles(out);
	fprintf(out, "</style>\n</head>\n<body>\n");
}

/* ---- tables ---- */

static void begin_table(
	FILE *out, const char *class, const char *caption, const char *const *columns)
{
	fprintf(out,
		"<div class=\"scroll\" tabindex=\"0\"><table%s><caption><span>%s</span></caption>"
		"<thead><tr>",
		class, caption);
	for (; *columns != NULL; columns++)
		if (**columns == '#')
			fprintf(out, "<th scope=\"col\" class=\"n\">%s</th>", *columns + 1);
		else
			fprintf(out, "<th scope=\"col\">%s</th>", *columns);
	fprintf(out, "</tr></thead><tbody>\n");
}

void html_table(FILE *out, const char *caption, const char *const *columns)
{
	begin_table(out, "", caption, columns);
}

void html_cards(FILE *out, const char *caption, const char *const *columns)
{
	begin_table(out, " class=\"cards\"", caption, columns);
}

void html_table_end(FILE *out)
{
	fprintf(out, "</tbody></table></div>\n");
}

void html_count_cell(FILE *out, uint64_t n)
{
	fprintf(out, "<td class=\"n\">%" PRIu64 "</td>", n);
}

/* Up to where seconds have no minutes, the same number of figures each. */
const char *html_ms(int64_t ms, char buf[HTML_MS_LEN])
{
	if (ms < 0)
		buf[0] = '\0';
	else if (ms < 1000)
		snprintf(buf, HTML_MS_LEN, "%" PRId64 " ms", ms);
	else if (ms < 100000)
		snprintf(buf, HTML_MS_LEN, "%.2f s", (double)ms / 1e3);
	else
		duration_text(ms / 1000 * 1000, buf, HTML_MS_LEN);
	return buf;
}

void html_ms_cell(FILE *out, int64_t ms)
{
	char buf[HTML_MS_LEN];

	fprintf(out, "<td class=\"n\">%s</td>", html_ms(ms, buf));
}

void html_device_cell(FILE *out, const char *bdf)
{
	fprintf(out, "<td class=\"id\">");
	html_text(out, bdf ? bdf : "");
	fprintf(out, "</td>");
}

void html_verdict(FILE *out, enum verdict v)
{
	fprintf(out, "<span class=\"%s-word\">%s</span>", verdict_name(v), verdict_name(v));
}

const char *html_result_class(const char *result)
{
	static const struct {
		const char *result, *class;
	} looks[] = {
		{"better", "pass-word"},
		{"cannot tell", "skipped-word"},
		{"worse", "fail-word"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(looks); i++)
		if (str_eq(looks[i].result, result))
			return looks[i].class;
	return "same-word";
}

/* ---- what a script works on ---- */

void html_filter(FILE *out, const char *rows, bool severities)
{
	fprintf(out,
		"<form class=\"filter\" data-rows=\"%s\" hidden><label>words <input "
		"type=\"search\" name=\"words\"></label>",
		rows);
	if (severities)
		fprintf(out,
			"<label>at least <select name=\"least\"><option value=\"0\">info</option>"
			"<option value=\"1\">warning</option><option value=\"2\">error</option>"
			"<option value=\"3\">fatal</option></select></label>");
	fprintf(out, "<output aria-live=\"polite\"></output></form>\n");
}

/* ---- of a report ---- */

static const char *lane_name(const struct run_view *run, int32_t lane)
{
	return lane >= 0 && (size_t)lane < run->nlanes ? run->lanes[lane].name : "";
}

void html_place(struct page *p, int32_t lane, int32_t cycle, const char *step)
{
	if (*lane_name(p->run, lane) != '\0') {
		fprintf(p->out, "lane ");
		html_text(p->out, lane_name(p->run, lane));
	}
	if (cycle > 0)
		fprintf(p->out, ", cycle %" PRId32, cycle);
	else if (lane >= 0)
		fprintf(p->out, cycle == 0 ? ", before the first cycle" : ", after the last cycle");
	if (step != NULL && *step != '\0') {
		fprintf(p->out, ", ");
		html_text(p->out, step);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_PAGE_H
#define VFIO_STRESS_REPORTERS_HTML_PAGE_H

#include "model/outcome.h"
#include "reporters/html_series.h"
#include "reporters/html_tally.h"

#include <stdbool.h>
#include <stdio.h>

struct run_view;

/* What HTML pages are made of. Errors of `out` are the caller's. */

/*
 * The one way for foreign text into a page: markup becomes letters, control bytes, bidirectional
 * controls and what is not UTF-8 a visible \xNN. Lines stay lines.
 */
void html_text(FILE *out, const char *s);
/* From the beginning to <body>; the title is foreign. A page loads nothing and sends nothing. */
void html_head(FILE *out, const char *title);
/* <name>s</name>, <dt>label</dt><dd>s</dd>: s may be foreign. No fact where there is no text. */
void html_element(FILE *out, const char *name, const char *s);
void html_fact(FILE *out, const char *label, const char *s);
void html_section(FILE *out, const char *id, const char *title);
/* Columns of a table, to NULL; '#' before a name: of numbers. Ends with html_table_end. */
void html_table(FILE *out, const char *caption, const char *const *columns);
/* One with sentences: on a phone each row is a block of its own. */
void html_cards(FILE *out, const char *caption, const char *const *columns);
void html_table_end(FILE *out);
/* Cells of a row. */
void html_count_cell(FILE *out, uint64_t n);
void html_ms_cell(FILE *out, int64_t ms); /* negative = unknown */
#define HTML_MS_LEN 32
const char *html_ms(int64_t ms, char buf[HTML_MS_LEN]); /* "104 ms", "4.12 s", "5m20s" */
void html_device_cell(FILE *out, const char *bdf); /* NULL = none */
void html_verdict(FILE *out, enum verdict v);
/* How "worse", "same", "better" or "cannot tell" looks. */
const char *html_result_class(const char *result);
/* The words of a search field and, with `severities`, of a least severity for what `rows` selects. */
void html_filter(FILE *out, const char *rows, bool severities);

/* A report's page, written from top to bottom: one function for a section each. */
struct page {
	FILE *out;
	const struct run_view *run;
	struct run_series series;
	struct html_tally tally;
	size_t lines; /* bytes of kernel lines so far */
	unsigned charts;
};

/* "lane gpu, cycle 7, reset" */
void html_place(struct page *p, int32_t lane, int32_t cycle, const char *step);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diags.h"

#include "base/str.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SHOWN 160 /* bytes of the user's line that are shown */

static bool same_place(const struct srcpos *a, const struct srcpos *b)
{
	return a->src == b->src && a->line == b->line && a->col == b->col;
}

/* Lists that lanes share and YAML aliases are checked more than once. */
static bool already_said(const struct diags *d, const struct diag *diag)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (same_place(&d->list[i].pos, &diag->pos) && str_eq(d->list[i].msg, diag->msg))
			return true;
	return false;
}

static printf_like(4, 0) void add(
	struct diags *d, enum diag_level level, struct srcpos pos, const char *fmt, va_list ap)
{
	struct diag diag = {.level = level, .pos = pos};

	vsnprintf(diag.msg, sizeof(diag.msg), fmt, ap);
	d->newest_kept = false;
	if (already_said(d, &diag))
		return;
	if (level == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
	if (d->n == DIAGS_MAX)
		return;
	d->list[d->n++] = diag;
	d->newest_kept = true;
}

int diag_error(struct diags *d, struct srcpos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, pos, fmt, ap);
	va_end(ap);
	return -1;
}

int diag_warning(struct diags *d, struct srcpos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, pos, fmt, ap);
	va_end(ap);
	return 0;
}

void diag_hint(struct diags *d, const char *fmt, ...)
{
	va_list ap;

	if (!d->newest_kept)
		return;
	va_start(ap, fmt);
	vsnprintf(d->list[d->n - 1].hint, sizeof(d->list[0].hint), fmt, ap);
	va_end(ap);
}

static const char *line_start(const struct source *src, unsigned line)
{
	const char *s = src->text, *end = src->text + src->len;

	while (--line > 0) {
		s = memchr(s, '\n', (size_t)(end - s));
		if (s == NULL)
			return NULL;
		s++;
	}
	return s;
}

/* Bytes of the first `count` characters; a byte that is none counts as one. */
static size_t bytes_of(const char *s, size_t n, unsigned count)
{
	size_t used = 0;

	while (used < n && count-- > 0) {
		size_t len = utf8_decode(s + used, n - used, NULL);

		used += len ? len : 1;
	}
	return used;
}

/* Columns that text takes on the screen, the way it is shown. */
static size_t columns_of(const char *s, size_t n)
{
	char shown[LINE_SHOWN * 4 + 4];

	return utf8_columns(str_printable(shown, sizeof(shown), s, n));
}

static void print_many(FILE *out, char c, size_t n)
{
	while (n-- > 0)
		putc(c, out);
}

static void print_line_with_caret(const struct srcpos *pos, FILE *out)
{
	const char *s = line_start(pos->src, pos->line), *end = pos->src->text + pos->src->len, *nl;
	char shown[LINE_SHOWN * 4 + 4];
	size_t n, before, marked;

	if (s == NULL)
		return;
	nl = memchr(s, '\n', (size_t)(end - s));
	n = (size_t)((nl ? nl : end) - s);
	if (n > 0 && s[n - 1] == '\r')
		n--;
	if (n > LINE_SHOWN)
		n = bytes_of(s, LINE_SHOWN, LINE_SHOWN);
	fprintf(out, "%5u | %s\n", pos->line, str_printable(shown, sizeof(shown), s, n));
	if (pos->col == 0)
		return;
	before = bytes_of(s, n, pos->col - 1);
	if (before == n && n >= LINE_SHOWN)
		return; /* past what is shown */
	marked = bytes_of(s + before, n - before, pos->len);
	fprintf(out, "      | ");
	print_many(out, ' ', columns_of(s, before));
	marked = columns_of(s + before, marked);
	putc('^', out);
	print_many(out, '~', marked > 1 ? marked - 1 : 0);
	putc('\n', out);
}

static int by_position(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.col != y->pos.col)
		return x->pos.col < y->pos.col ? -1 : 1;
	return x < y ? -1 : 1;
}

void diags_print(const struct diags *d, FILE *out)
{
	const struct diag *sorted[DIAGS_MAX];
	size_t i, total = d->errors + d->warnings;

	for (i = 0; i < d->n; i++)
		sorted[i] = &d->list[i];
	qsort(sorted, d->n, sizeof(sorted[0]), by_position);
	for (i = 0; i < d->n; i++) {
		const struct diag *g = sorted[i];

		if (g->pos.src != NULL && g->pos.line > 0)
			fprintf(out, "%s:%u:%u: ", g->pos.src->name, g->pos.line, g->pos.col);
		else if (g->pos.src != NULL)
			fprintf(out, "%s: ", g->pos.src->name);
		fprintf(out, "%s: %s\n", g->level == DIAG_ERROR ? "error" : "warning", g->msg);
		if (g->pos.src != NULL && g->pos.line > 0)
			print_line_with_caret(&g->pos, out);
		if (g->hint[0] != '\0')
			fprintf(out, "      hint: %s\n", g->hint);
	}
	if (total > d->n)
		fprintf(out, "... and %zu more\n", total - d->n);
}

#define WORD_MAX 40

/* Levenshtein distance; words longer than WORD_MAX are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b), i, j;

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *nearest_word(const char *word, const char *const *words)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) < 4 ? 2 : 3; /* nearer than this */

	for (; *words != NULL; words++) {
		size_t d = distance(word, *words);

		if (d < best_distance) {
			best_distance = d;
			best = *words;
		}
	}
	return best;
}

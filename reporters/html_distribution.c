/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_distribution.h"

#include "base/str.h"
#include "model/time_bins.h"
#include "reporters/html_page.h"

#include <stdbool.h>

#define COLUMNS_MAX 48 /* one can still be seen in a cell of a table */
#define COLUMNS_MIN 16 /* a peak is not to look like a plain */
#define HEIGHT      20.0
#define LEAST       2.0 /* one of thousands is to be seen as well */

/* Bins next to each other share a column. */
struct scale {
	unsigned first, per, n;
	double most; /* the largest share of a run's times in one column */
};

static void widen(const struct time_bins *b, unsigned *first, unsigned *last)
{
	unsigned i;

	for (i = 0; i < TIME_BINS; i++) {
		if (b->count[i] == 0)
			continue;
		*first = i < *first ? i : *first;
		*last = i > *last ? i : *last;
	}
}

static double share(const struct scale *s, const struct time_bins *b, unsigned column)
{
	unsigned i = s->first + column * s->per, end = i + s->per;
	uint64_t n = 0;

	for (; i < end && i < TIME_BINS; i++)
		n += b->count[i];
	return b->n > 0 ? (double)n / (double)b->n : 0;
}

static double height(const struct scale *s, const struct time_bins *b, unsigned column)
{
	double part = share(s, b, column);

	return part > 0 ? LEAST + (HEIGHT - LEAST) * part / s->most : 0;
}

static struct scale scale_of(const struct time_bins *a, const struct time_bins *b)
{
	unsigned first = TIME_BINS - 1, last = 0, span, i;
	struct scale s = {0};

	widen(a, &first, &last);
	widen(b, &first, &last);
	span = last - first + 1;
	s.per = (span + COLUMNS_MAX - 1) / COLUMNS_MAX;
	s.n = (span + s.per - 1) / s.per;
	if (s.n < COLUMNS_MIN) {
		unsigned before = (COLUMNS_MIN - s.n) / 2;

		first -= before < first ? before : first;
		s.n = COLUMNS_MIN;
	}
	s.first = first;
	for (i = 0; i < s.n; i++) {
		s.most = share(&s, a, i) > s.most ? share(&s, a, i) : s.most;
		s.most = share(&s, b, i) > s.most ? share(&s, b, i) : s.most;
	}
	return s;
}

static void bars(FILE *out, const struct scale *s, const struct time_bins *b)
{
	unsigned i;

	fprintf(out, "<path class=\"now\" d=\"");
	for (i = 0; i < s->n; i++) {
		double h = height(s, b, i);

		if (h > 0)
			fprintf(out, "M%u %.0fv-%.1fh.9v%.1fz", i, HEIGHT, h, h);
	}
	fprintf(out, "\"/>");
}

static void outline(FILE *out, const struct scale *s, const struct time_bins *b, const char *class)
{
	unsigned i;

	fprintf(out, "<path class=\"%s\" d=\"M0 %.0f", class, HEIGHT);
	for (i = 0; i < s->n; i++)
		fprintf(out, "V%.1fh1", HEIGHT - height(s, b, i));
	fprintf(out, "V%.0f\"/>", HEIGHT);
}

static void begin(FILE *out, const struct scale *s, const char *class, const char *label)
{
	fprintf(out,
		"<svg class=\"%s\" viewBox=\"0 0 %u %.0f\" preserveAspectRatio=\"none\" "
		"role=\"img\" aria-label=\"%s\">",
		class, s->n, HEIGHT, label);
}

void html_distribution(FILE *out, const struct time_bins *times)
{
	static const struct time_bins none;
	struct scale s;

	if (times->n < 2)
		return;
	s = scale_of(times, &none);
	begin(out, &s, "bars", "distribution, from the shortest to the longest");
	bars(out, &s, times);
	fprintf(out, "</svg>");
}

static void ends(FILE *out, const struct scale *s)
{
	char low[32], high[32];

	fprintf(out, "<span class=\"scale\"><span>%s</span><span>%s</span></span>",
		microseconds_text(time_bin_us(s->first), low, sizeof(low)),
		microseconds_text(time_bin_us(s->first + s->n * s->per), high, sizeof(high)));
}

void html_distributions(FILE *out, const char *before, const char *now)
{
	struct time_bins a, b;
	struct scale s;

	time_bins_read(before, &a);
	time_bins_read(now, &b);
	if (a.n + b.n == 0)
		return;
	s = scale_of(&a, &b);
	begin(out, &s, "bars pair", "distributions of both runs on one scale");
	outline(out, &s, &a, "before");
	bars(out, &s, &b);
	outline(out, &s, &a, "line");
	fprintf(out, "</svg>");
	ends(out, &s);
}

static void swatch(FILE *out, const char *shapes)
{
	fprintf(out,
		" <svg class=\"bars pair\" viewBox=\"0 0 4 20\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">%s</svg> ",
		shapes);
}

void html_distributions_key(FILE *out, const char *before, const char *now)
{
	fprintf(out, "<p class=\"key\">Times:");
	swatch(out, "<path class=\"now\" d=\"M0 20v-18h4v18z\"/>");
	fprintf(out, "%s,", now);
	swatch(out,
		"<path class=\"before\" d=\"M0 20v-18h4v18z\"/>"
		"<path class=\"line\" d=\"M0 20v-18h4v18\"/>");
	fprintf(out,
		"%s: from the shortest to the longest, on a logarithmic scale; the higher, the "
		"larger the share of a run's times.</p>\n",
		before);
}

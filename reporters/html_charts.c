/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_charts.h"

#include "base/clock.h"
#include "model/run_view.h"
#include "reporters/html_page.h"

#include <inttypes.h>

#define MARKS_MAX 500 /* in one chart */

static void numbers(struct page *p, const struct series *s, double (*of)(const struct point *pt))
{
	const char *comma = "";
	size_t i;

	fprintf(p->out, "[");
	for (i = 0; i < s->npoints; i++)
		if (s->points[i].n > 0) {
			fprintf(p->out, "%s%.13g", comma, of(&s->points[i]));
			comma = ",";
		}
	fprintf(p->out, "]");
}

static double point_x(const struct point *pt)
{
	return pt->x;
}

static double point_min(const struct point *pt)
{
	return (double)pt->min_us / 1e6;
}

static double point_mean(const struct point *pt)
{
	return (double)(pt->sum_us / (int64_t)pt->n) / 1e6;
}

static double point_max(const struct point *pt)
{
	return (double)pt->max_us / 1e6;
}

/* Incidents of the lane: at their time, or at their cycle where the step is named. */
static void put_marks(struct page *p, int32_t lane, const struct step_row *row)
{
	const char *comma = "";
	size_t i, n = 0;

	fprintf(p->out, "[");
	for (i = 0; i < p->run->nincidents && n < MARKS_MAX; i++) {
		const struct incident *inc = &p->run->incidents[i];
		double x = row ? inc->place.cycle : (double)(inc->first_wall_ns / NS_PER_MS) / 1e3;

		if (inc->place.lane != lane ||
			(row &&
				(inc->place.cycle <= 0 ||
					inc->place.step_index != (int32_t)row->index)))
			continue;
		fprintf(p->out, "%s[%.13g,%d]", comma, x, inc->severity);
		comma = ",";
		n++;
	}
	for (i = 0; row && i < p->run->nfailures && n < MARKS_MAX; i++) {
		const struct failure_row *f = &p->run->failures[i];

		if (f->lane != lane || f->cycle <= 0 || f->step_index != (int32_t)row->index)
			continue;
		fprintf(p->out, "%s[%" PRId32 ",%d]", comma, f->cycle, SEV_ERROR);
		comma = ",";
		n++;
	}
	fprintf(p->out, "]");
}

/* Of a lane over time, or of a row of it (not NULL) over cycles; it needs two points. */
void html_chart(struct page *p, const struct series *s, int32_t lane, const struct step_row *row)
{
	unsigned id = p->charts++;

	fprintf(p->out, "<figure data-chart><figcaption>");
	if (row == NULL)
		fprintf(p->out, "How long each cycle took, over time; lines are incidents. ");
	else
		fprintf(p->out,
			"How long it took, over the cycles; lines are failures and incidents. ");
	if (s->per_point > 1)
		fprintf(p->out,
			"Thinned: each point stands for %" PRIu64
			" cycles, by their least, mean and "
			"most, so that no extreme is lost. ",
			s->per_point);
	fprintf(p->out,
		"Drag to zoom, double-click to zoom out.</figcaption>"
		"<div class=\"chart\" role=\"img\" aria-label=\"chart; the table has its figures\" "
		"data-of=\"c%u\"></div><script type=\"application/json\" id=\"c%u\">{\"time\":%d,"
		"\"marks\":",
		id, id, row == NULL);
	put_marks(p, lane, row);
	fprintf(p->out, ",\"rows\":[");
	numbers(p, s, point_x);
	fprintf(p->out, ",");
	numbers(p, s, point_min);
	fprintf(p->out, ",");
	numbers(p, s, point_mean);
	fprintf(p->out, ",");
	numbers(p, s, point_max);
	fprintf(p->out, "]}</script></figure>\n");
}

/* From the shortest to the longest, four bars to an octave. */
void html_histogram(FILE *out, const struct series *s)
{
	unsigned first = 0, last = SERIES_BINS - 1, i;
	uint32_t most = 1;

	if (s->n < 2)
		return;
	while (s->bins[first] == 0)
		first++;
	while (s->bins[last] == 0)
		last--;
	for (i = first; i <= last; i++)
		most = s->bins[i] > most ? s->bins[i] : most;
	fprintf(out,
		"<svg class=\"bars\" viewBox=\"0 0 %u 20\" preserveAspectRatio=\"none\" "
		"role=\"img\" "
		"aria-label=\"distribution, from the shortest to the longest\">",
		last - first + 1);
	for (i = first; i <= last; i++) {
		/* one of thousands is to be seen as well */
		double h = s->bins[i] ? 2 + 18.0 * s->bins[i] / most : 0;

		if (h > 0)
			fprintf(out, "<rect x=\"%u\" y=\"%.1f\" width=\"0.9\" height=\"%.1f\"/>",
				i - first, 20 - h, h);
	}
	fprintf(out, "</svg>");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_charts.h"

#include "base/clock.h"
#include "model/baseline.h"
#include "model/run_view.h"
#include "reporters/html_baseline.h"
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

/* The baseline's middle and what nearly all of its times are below. */
static void put_baseline(struct page *p, int32_t lane, const struct step_row *row)
{
	const struct baseline_times *t =
		row ? html_baseline_times(p->run, (size_t)lane, row) : NULL;

	if (t != NULL)
		fprintf(p->out, "\"baseline\":[%.13g,%.13g],", (double)t->p50_us / 1e6,
			(double)t->p95_us / 1e6);
}

void html_charts_key(struct page *p, const char *what)
{
	fprintf(p->out,
		"<p>%s <span class=\"by-hand\">Drag to zoom, double-click to zoom "
		"out.</span></p>\n",
		what);
}

void html_chart(struct page *p, const struct series *s, int32_t lane, const struct step_row *row)
{
	unsigned id = p->charts++;

	fprintf(p->out, "<figure data-chart>");
	if (s->per_point > 1)
		fprintf(p->out,
			"<figcaption>Thinned: each point stands for %" PRIu64
			" cycles, by their least, mean and most, so that no extreme is "
			"lost.</figcaption>",
			s->per_point);
	fprintf(p->out,
		"<div class=\"chart\" role=\"img\" aria-label=\"chart; the table has its figures\" "
		"data-of=\"c%u\"></div><script type=\"application/json\" id=\"c%u\">{\"time\":%d,"
		"\"marks\":",
		id, id, row == NULL);
	put_marks(p, lane, row);
	fprintf(p->out, ",");
	put_baseline(p, lane, row);
	fprintf(p->out, "\"rows\":[");
	numbers(p, s, point_x);
	fprintf(p->out, ",");
	numbers(p, s, point_min);
	fprintf(p->out, ",");
	numbers(p, s, point_mean);
	fprintf(p->out, ",");
	numbers(p, s, point_max);
	fprintf(p->out, "]}</script></figure>\n");
}

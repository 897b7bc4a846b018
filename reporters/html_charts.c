/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_charts.h"

#include "base/clock.h"
#include "base/str.h"
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

/* What happened, on a chart of a lane over time, or of a row of it (not NULL) over cycles. */
struct marks {
	int32_t lane;
	const struct step_row *row;
	double from, to; /* x of all of them, and of the series */
	size_t n;
	struct mark {
		double x;
		enum severity severity;
	} v[MARKS_MAX];
};

static void add_mark(struct marks *m, double x, enum severity severity)
{
	if (m->n == MARKS_MAX)
		return;
	m->v[m->n++] = (struct mark){x, severity};
	if (x < m->from)
		m->from = x;
	if (x > m->to)
		m->to = x;
}

/* That of no single lane may be of any. */
static bool is_of_lane(const struct marks *m, const struct incident *inc)
{
	return inc->place.lane == m->lane || inc->place.lane < 0;
}

/* A row on a device has nothing of the step's others. What names none may be of any. */
static bool is_of_step(
	const struct step_row *row, int32_t cycle, int32_t step_index, const char *device)
{
	return cycle > 0 && step_index == (int32_t)row->index &&
		(row->device == NULL || device == NULL || str_eq(device, row->device));
}

/* At its time, or at its cycle where the step is named. */
static void mark_incident(struct marks *m, const struct incident *inc)
{
	char bdf[BDF_LEN];
	/* a bridge above is part of what becomes of each */
	const char *device = inc->has_bdf && inc->place.in_lane ? bdf_text(inc->bdf, bdf) : NULL;

	if (m->row == NULL)
		add_mark(m, (double)(inc->first_wall_ns / NS_PER_MS) / 1e3, inc->severity);
	else if (is_of_step(m->row, inc->place.cycle, inc->place.step_index, device))
		add_mark(m, inc->place.cycle, inc->severity);
}

static void find_marks(const struct run_view *run, struct marks *m)
{
	size_t i;

	for (i = 0; i < run->nincidents; i++)
		if (is_of_lane(m, &run->incidents[i]))
			mark_incident(m, &run->incidents[i]);
	for (i = 0; m->row != NULL && i < run->nfailures; i++) {
		const struct failure_row *f = &run->failures[i];

		if (f->lane == m->lane && is_of_step(m->row, f->cycle, f->step_index, f->device))
			add_mark(m, f->cycle, SEV_ERROR);
	}
}

static void put_marks(struct page *p, const struct marks *m)
{
	size_t i;

	fprintf(p->out, "\"range\":[%.13g,%.13g],\"marks\":[", m->from, m->to);
	for (i = 0; i < m->n; i++)
		fprintf(p->out, "%s[%.13g,%d]", i ? "," : "", m->v[i].x, m->v[i].severity);
	fprintf(p->out, "],");
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
	struct marks marks = {.lane = lane, .row = row, .from = s->from, .to = s->to};
	unsigned id = p->charts++;

	find_marks(p->run, &marks);
	fprintf(p->out, "<figure data-chart>");
	if (s->per_point > 1)
		fprintf(p->out,
			"<figcaption>Thinned: each point stands for %" PRIu64
			" cycles, by their least, mean and most, so that no extreme is "
			"lost.</figcaption>",
			s->per_point);
	fprintf(p->out,
		"<div class=\"chart\" role=\"img\" aria-label=\"chart; the table has its figures\" "
		"data-of=\"c%u\"></div><script type=\"application/json\" id=\"c%u\">{\"time\":%d,",
		id, id, row == NULL);
	put_marks(p, &marks);
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

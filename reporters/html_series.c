/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_series.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/event.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "reporters/html_tally.h"

#include <stdlib.h>

#define POINTS_ALL 60000 /* of all series: some 2 MB of the page */
#define POINTS_MAX 1000 /* of one: a screen has no more columns */
#define POINTS_MIN 10

struct filling {
	const struct run_view *run;
	struct run_series *out;
	struct html_tally *tally; /* NULL = nobody asks */
	int64_t *began_ns; /* of the cycle that each lane is in */
};

/* Cycles that did not end are counted nowhere, so the last point may hold a few more. */
static void series_init(struct series *s, uint64_t cycles, size_t most, double from, double to)
{
	s->from = from;
	s->to = to;
	s->per_point = (cycles + most - 1) / most;
	if (s->per_point == 0)
		s->per_point = 1;
	s->npoints = (size_t)(cycles / s->per_point) + 1;
	s->points = xcalloc(s->npoints, sizeof(*s->points));
}

static void series_reach(struct series *s, double x)
{
	if (x < s->from)
		s->from = x;
	if (x > s->to)
		s->to = x;
}

static void series_add(struct series *s, uint32_t cycle, double x, int64_t us)
{
	size_t i = cycle > 0 ? (size_t)((cycle - 1) / s->per_point) : 0;
	struct point *p = &s->points[i < s->npoints ? i : s->npoints - 1];

	if (p->n++ == 0) {
		/* a chart goes one way only, a wall clock may be set back */
		p->x = p > s->points && p[-1].x > x ? p[-1].x : x;
		p->min_us = p->max_us = us;
		series_reach(s, p->x);
	}
	p->sum_us += us;
	if (us < p->min_us)
		p->min_us = us;
	if (us > p->max_us)
		p->max_us = us;
	s->n++;
	time_bins_add(&s->bins, us);
}

static struct series *rows_of(struct filling *f, uint32_t lane)
{
	struct series *rows = f->out->rows;
	uint32_t i;

	for (i = 0; i < lane; i++)
		rows += f->run->lanes[i].nsteps;
	return rows;
}

/* One that never ends, or ends without a step that passed, is part of the run all the same. */
static void begin_cycle(struct filling *f, const struct event *ev)
{
	struct series *rows = rows_of(f, ev->lane);
	size_t i;

	f->began_ns[ev->lane] = ev->wall_ns;
	for (i = 0; i < f->run->lanes[ev->lane].nsteps; i++)
		series_reach(&rows[i], ev->cycle);
}

static void add_step(struct filling *f, const struct event *ev)
{
	const struct lane_row *lane = &f->run->lanes[ev->lane];
	struct series *rows = rows_of(f, ev->lane);
	size_t i;

	for (i = 0; i < lane->nsteps; i++) {
		const struct step_row *row = &lane->steps[i];

		if (row->phase == (enum phase)ev->phase && (int32_t)row->index == ev->step &&
			(row->device == NULL || str_eq(row->device, ev->subject))) {
			series_add(&rows[i], ev->cycle, ev->cycle, ev->dur_ns / 1000);
			return;
		}
	}
}

static void add_event(struct filling *f, const struct event *ev)
{
	if (ev->lane >= f->run->nlanes)
		return;
	if (ev->kind == EV_CYCLE_BEGIN)
		begin_cycle(f, ev);
	else if (ev->kind == EV_CYCLE_END && ev->outcome != OUTCOME_ABORTED &&
		f->began_ns[ev->lane] > 0)
		series_add(&f->out->lanes[ev->lane], ev->cycle,
			(double)ev->wall_ns / (double)NS_PER_S,
			(ev->wall_ns - f->began_ns[ev->lane]) / 1000);
	else if (ev->kind == EV_STEP_END && ev->outcome != OUTCOME_SKIPPED)
		add_step(f, ev);
}

static int fill(struct filling *f, struct err *err)
{
	struct run_rows *rows = run_events(f->run,
		EVENTS_OF(EV_CYCLE_BEGIN) | EVENTS_OF(EV_CYCLE_END) | EVENTS_OF(EV_STEP_END) |
			EVENTS_OF(EV_DEVICE_STATE));
	struct event ev;
	int rc;

	while ((rc = run_events_next(rows, &ev, err)) == 1) {
		add_event(f, &ev);
		if (f->tally != NULL)
			html_tally_add(f->tally, &ev);
	}
	run_rows_free(rows);
	return rc;
}

int run_series_init(const struct run_view *run, struct html_tally *tally, struct run_series *out,
	struct err *err)
{
	struct run_series s = {.nlanes = run->nlanes};
	struct filling f = {.run = run, .out = &s, .tally = tally};
	size_t i, k, row = 0, most;

	for (i = 0; i < run->nlanes; i++)
		s.nrows += run->lanes[i].nsteps;
	most = POINTS_ALL / (s.nrows + s.nlanes + 1);
	most = most > POINTS_MAX ? POINTS_MAX : most < POINTS_MIN ? POINTS_MIN : most;
	s.lanes = xcalloc(s.nlanes + 1, sizeof(*s.lanes));
	s.rows = xcalloc(s.nrows + 1, sizeof(*s.rows));
	for (i = 0; i < run->nlanes; i++) {
		series_init(&s.lanes[i], run->lanes[i].cycles_done, most,
			(double)run->started_ns / (double)NS_PER_S,
			(double)run->ended_ns / (double)NS_PER_S);
		for (k = 0; k < run->lanes[i].nsteps; k++)
			series_init(&s.rows[row++], run->lanes[i].cycles_done, most, 1, 1);
	}
	f.began_ns = xcalloc(run->nlanes + 1, sizeof(*f.began_ns));
	if (fill(&f, err) != 0) {
		free(f.began_ns);
		run_series_finish(&s);
		return -1;
	}
	free(f.began_ns);
	*out = s;
	return 0;
}

void run_series_finish(struct run_series *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		free(s->lanes[i].points);
	for (i = 0; i < s->nrows; i++)
		free(s->rows[i].points);
	free(s->lanes);
	free(s->rows);
	*s = (struct run_series){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/baseline.h"

#include "base/str.h"
#include "engine/compare.h"
#include "engine/verdict.h"
#include "model/baseline.h"
#include "model/run_view.h"
#include "model/store_baseline.h"

/* Of a step's times; what one run says of its cycle only is a row as well. */
static bool is_of_times(const struct compare_row *row)
{
	return row->later != NULL &&
		(row->what == COMPARE_TIME || row->what == COMPARE_SLOW ||
			row->what == COMPARE_USABLE || row->what == COMPARE_MATCH);
}

static size_t lane_of(const struct run_view *run, const struct step_row *step)
{
	size_t i = 0;

	while (step < run->lanes[i].steps || step >= run->lanes[i].steps + run->lanes[i].nsteps)
		i++;
	return i;
}

static struct baseline_times times_of(const struct compare_side *s, struct arena *arena)
{
	return (struct baseline_times){
		.n = s->share.n,
		.p50_us = s->p50_us,
		.p95_us = s->p95_us,
		.max_us = s->max_us,
		.bins = arena_strdup(arena, s->bins),
	};
}

static struct baseline_row row_of(struct run_view *run, const struct compare_row *row)
{
	struct arena *arena = &run->arena;

	return (struct baseline_row){
		.lane = (uint32_t)lane_of(run, row->later),
		.step = row->later->index,
		.device = row->later->device ? row->later->device : "",
		.what = compare_what_name(row->what),
		.result = compare_result_name(row->result),
		.text = arena_strdup(arena, row->reason),
		.before = times_of(&row->a, arena),
		.now = times_of(&row->b, arena),
	};
}

int baseline_against(const struct run_view *baseline, struct run_view *run, struct err *err)
{
	struct baseline_result *r = arena_alloc(&run->arena, sizeof(*r));
	struct comparison c;
	size_t i;

	if (compare_runs(baseline, run, &compare_margins_default, &c, err) != 0)
		return -1;
	r->run = arena_strdup(&run->arena, baseline->id);
	r->result = compare_result_name(c.result);
	r->text = arena_strdup(&run->arena, compare_sentence(&c));
	r->rows = arena_alloc(&run->arena, c.n * sizeof(*r->rows));
	for (i = 0; i < c.n; i++)
		if (is_of_times(&c.v[i]))
			r->rows[r->nrows++] = row_of(run, &c.v[i]);
	compare_finish(&c);
	run->baseline = r;
	return 0;
}

int baseline_compare(struct store *store, struct run_view *run, struct err *err)
{
	struct run_view *baseline;
	char id[RUN_ID_MAX];
	struct run_sort sort;
	int rc;

	if (store_run_sort(store, run->key, &sort, err) != 0)
		return -1;
	rc = store_baseline_find(store, &sort, id, err);
	if (rc < 0 || rc == 0 || str_eq(id, run->id))
		return rc < 0 ? -1 : 0;
	if (run_view_load(store, id, &baseline, err) != 0)
		return -1;
	verdict_judge(baseline);
	rc = baseline_against(baseline, run, err);
	run_view_free(baseline);
	return rc == 0 ? store_baseline_result(store, run->key, run->baseline, err) : -1;
}

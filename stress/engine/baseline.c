/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/baseline.h"

#include "base/str.h"
#include "engine/compare.h"
#include "engine/verdict.h"
#include "model/run_view.h"
#include "model/store_baseline.h"

static int compare_with(
	struct store *store, const struct run_view *baseline, struct run_view *run, struct err *err)
{
	struct baseline_result r;
	struct comparison c;

	if (compare_runs(baseline, run, &compare_margins_default, &c, err) != 0)
		return -1;
	r.run = arena_strdup(&run->arena, baseline->id);
	r.result = compare_result_name(c.result);
	r.text = arena_strdup(&run->arena, compare_sentence(&c));
	compare_finish(&c);
	run->baseline.run = r.run;
	run->baseline.result = r.result;
	run->baseline.text = r.text;
	return store_baseline_result(store, run->key, &r, err);
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
	rc = compare_with(store, baseline, run, err);
	run_view_free(baseline);
	return rc;
}

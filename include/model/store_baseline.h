/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STORE_BASELINE_H
#define VFIO_STRESS_MODEL_STORE_BASELINE_H

#include "model/store.h"

struct baseline_result;

/* What can be compared without asking: runs of one scenario, on one host, with the same models. */
struct run_sort {
	char host[256], scenario[65];
	char models[512]; /* "10de:2684 10de:167c, 8086:10fb": sorted, each once; "" = no devices */
};

int store_run_sort(struct store *s, int64_t run, struct run_sort *out, struct err *err) must_check;

/*
 * From now on that run is the baseline of its sort; was_out is the id of the one that was, "" = there was
 * none, or it was this one.
 */
int store_baseline_mark(
	struct store *s, int64_t run, char was_out[RUN_ID_MAX], struct err *err) must_check;
/* 1 = it is no longer one, 0 = it was none, -1. */
int store_baseline_clear(struct store *s, int64_t run, struct err *err) must_check;
/* 1 = that of this sort, by id; 0 = none is marked; -1. */
int store_baseline_find(struct store *s, const struct run_sort *sort, char id_out[RUN_ID_MAX],
	struct err *err) must_check;
/* Of a store in which no run was ever marked: false. */
int store_baseline_is(struct store *s, int64_t run, bool *out, struct err *err) must_check;
/* What must be there before a statement names the table of baselines. For store_snapshot.c. */
int store_baseline_prepare(struct store *s, struct err *err) must_check;

/* How a run came out against the baseline that was marked at its end. */
int store_baseline_result(
	struct store *s, int64_t run, const struct baseline_result *r, struct err *err) must_check;
/* All of it is the arena's; NULL = it has none. */
int store_baseline_result_get(struct store *s, int64_t run, struct arena *arena,
	const struct baseline_result **out, struct err *err) must_check;

#endif

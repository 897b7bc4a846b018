/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_times.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/db.h"
#include "model/run_view.h"
#include "model/store.h"

#include <stdlib.h>

struct collecting {
	struct run_times times;
	size_t cap;
	uint64_t every; /* one of so many is kept */
};

/* outcome, dur_ns and text of a row's events of a kind, in no order. */
static int query_row(const struct run_view *run, size_t lane, const struct step_row *row,
	uint32_t kind, struct query **out, struct err *err)
{
	return db_query(store_db(run->store), out, err,
		"SELECT outcome, dur_ns, text FROM event WHERE run = ? AND kind = ? AND lane = ?"
		" AND phase = ? AND step = ? AND (? = '' OR subject = ?)",
		"iiiiiss", run->key, (int64_t)kind, (int64_t)lane, (int64_t)row->phase,
		(int64_t)row->index, row->device ? row->device : "",
		row->device ? row->device : "");
}

/* By position, not by value: what is left is spread over the run as all were. */
static void halve(struct collecting *c)
{
	size_t i;

	for (i = 0; 2 * i < c->times.n; i++)
		c->times.us[i] = c->times.us[2 * i];
	c->times.n = i;
	c->every *= 2;
}

static void add(struct collecting *c, int64_t dur_ns)
{
	if (c->times.all++ % c->every != 0)
		return;
	if (c->times.n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 256;
		c->times.us = xrealloc(c->times.us, c->cap * sizeof(*c->times.us));
	}
	c->times.us[c->times.n++] = (dur_ns + 500) / 1000;
	if (c->times.n == RUN_TIMES_MAX)
		halve(c);
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int run_times_load(const struct run_view *run, size_t lane, const struct step_row *row,
	enum times_of what, struct run_times *out, struct err *err)
{
	const uint32_t kind = what == TIMES_OF_STEP ? EV_STEP_END : EV_SUBSTEP;
	struct collecting c = {.every = 1};
	struct query *q;
	int rc;

	if (query_row(run, lane, row, kind, &q, err) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		if (what == TIMES_OF_STEP ? db_int(q, 0) == OUTCOME_PASS
					  : str_eq(db_text(q, 2), SUBSTEP_USABLE))
			add(&c, db_int(q, 1));
	db_done(q);
	if (rc != 0) {
		run_times_finish(&c.times);
		return -1;
	}
	if (c.times.n > 0)
		qsort(c.times.us, c.times.n, sizeof(*c.times.us), compare_i64);
	*out = c.times;
	return 0;
}

void run_times_finish(struct run_times *t)
{
	free(t->us);
	*t = (struct run_times){0};
}

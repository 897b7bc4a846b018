/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/times.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define COUNTED_MS 4096 /* shorter than this is counted, once there are so many */

static void list(struct times *t, int64_t ms)
{
	if (t->listed == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->list = xrealloc(t->list, t->cap * sizeof(*t->list));
	}
	t->list[t->listed++] = ms;
}

static void add(struct times *t, int64_t ms)
{
	if (t->counts != NULL && ms < COUNTED_MS)
		t->counts[ms]++;
	else
		list(t, ms);
}

static void begin_counting(struct times *t)
{
	size_t i, n = t->listed;

	t->counts = xcalloc(COUNTED_MS, sizeof(*t->counts));
	t->listed = 0;
	for (i = 0; i < n; i++)
		add(t, t->list[i]);
}

void times_add(struct times *t, int64_t dur_ns)
{
	/* a store may come from anywhere */
	int64_t ns = dur_ns > 0 ? dur_ns : 0;

	if (t->counts == NULL && t->listed == COUNTED_MS)
		begin_counting(t);
	add(t, ns / NS_PER_MS + (ns % NS_PER_MS >= NS_PER_MS / 2));
	t->n++;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The list is sorted, and holds nothing that is shorter than what is counted. */
static int64_t percentile(const struct times *t, unsigned p)
{
	uint64_t rank = (t->n * p + 99) / 100, before = t->n - t->listed, counted = 0;
	int64_t ms = -1;

	if (rank > before)
		return t->list[rank - before - 1];
	while (counted < rank)
		counted += t->counts[++ms];
	return ms;
}

void times_spread(struct times *t, int64_t *p50_ms, int64_t *p95_ms, int64_t *max_ms)
{
	if (t->n == 0)
		return;
	qsort(t->list, t->listed, sizeof(*t->list), compare_i64);
	*p50_ms = percentile(t, 50);
	*p95_ms = percentile(t, 95);
	*max_ms = percentile(t, 100);
}

void times_finish(struct times *t)
{
	free(t->counts);
	free(t->list);
	*t = (struct times){0};
}

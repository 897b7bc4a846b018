/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/times.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

void times_add(struct times *t, int64_t dur_ns)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n++] = (dur_ns + NS_PER_MS / 2) / NS_PER_MS;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t percentile(const struct times *t, unsigned p)
{
	size_t rank = (t->n * p + 99) / 100;

	return t->v[rank > 0 ? rank - 1 : 0];
}

void times_spread(struct times *t, int64_t *p50_ms, int64_t *p95_ms, int64_t *max_ms)
{
	if (t->n == 0)
		return;
	qsort(t->v, t->n, sizeof(*t->v), compare_i64);
	*p50_ms = percentile(t, 50);
	*p95_ms = percentile(t, 95);
	*max_ms = t->v[t->n - 1];
}

void times_finish(struct times *t)
{
	free(t->v);
	*t = (struct times){0};
}

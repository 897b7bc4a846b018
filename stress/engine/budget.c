/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/budget.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/crowd.h"
#include "klog/klog.h"
#include "model/run_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A sliding window in constant memory: occurrences within a 256th of the window share a slot, which
 * expires with its youngest. A window is thus never shorter than asked for.
 */
#define SLOTS 258

struct slot {
	int64_t oldest_ns, youngest_ns;
	uint64_t count;
};

struct budget {
	const struct tolerate *row;
	struct slot slots[SLOTS];
	size_t first, n;
	uint64_t sum;
	const struct incident *recalled; /* the last */
};

struct budgets {
	size_t n;
	struct budget v[];
};

struct budgets *budgets_new(const struct tolerate *rows, size_t n)
{
	struct budgets *b = xcalloc(1, sizeof(*b) + n * sizeof(b->v[0]));
	size_t i;

	b->n = n;
	for (i = 0; i < n; i++)
		b->v[i].row = &rows[i];
	return b;
}

void budgets_free(struct budgets *b)
{
	free(b);
}

static bool expired(const struct tolerate *row, int64_t wall_ns)
{
	char today[32];

	if (row->expires == NULL)
		return false;
	clock_rfc3339(wall_ns, today, sizeof(today));
	today[10] = '\0'; /* the date: both are ISO 8601, so their order is that of the days */
	return strcmp(row->expires, today) < 0;
}

static bool names_fault(const struct tolerate *row, const struct incident *inc, int64_t wall_ns)
{
	return klog_fault_matches(row->fault, inc) && !expired(row, wall_ns);
}

static bool names(const struct budget *b, const struct incident *inc, const struct pcidev *dev,
	int64_t wall_ns)
{
	const struct tolerate *row = b->row;

	if (!names_fault(row, inc, wall_ns))
		return false;
	return row->device == NULL || (dev != NULL && pcidev_matches(dev, row->device));
}

static void forget_old(struct budget *b, int64_t now_ns)
{
	int64_t window_ns = b->row->per_ms * NS_PER_MS;

	if (window_ns == 0)
		return;
	while (b->n > 0 && b->slots[b->first].youngest_ns <= now_ns - window_ns) {
		b->sum -= b->slots[b->first].count;
		b->first = (b->first + 1) % SLOTS;
		b->n--;
	}
}

static void spend(struct budget *b, uint64_t count, int64_t now_ns)
{
	int64_t grain_ns = b->row->per_ms * NS_PER_MS / (SLOTS - 2);
	struct slot *last = b->n ? &b->slots[(b->first + b->n - 1) % SLOTS] : NULL;

	b->sum += count;
	if (last != NULL && now_ns < last->youngest_ns)
		now_ns =
			last->youngest_ns; /* what is recalled is in order, but not with what is new */
	if (last != NULL && (b->row->per_ms == 0 || now_ns - last->oldest_ns < grain_ns)) {
		last->count += count;
		last->youngest_ns = now_ns;
		return;
	}
	/* SLOTS - 2 whole grains and two begun ones are all that fit into a window */
	assert(b->n < SLOTS);
	b->slots[(b->first + b->n++) % SLOTS] = (struct slot){now_ns, now_ns, count};
}

/* The first that names it; NULL = none does. */
static struct budget *find(
	struct budgets *b, const struct incident *inc, const struct pcidev *dev, int64_t wall_ns)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (names(&b->v[i], inc, dev, wall_ns))
			return &b->v[i];
	return NULL;
}

struct budget_use budgets_spend(struct budgets *b, const struct incident *inc,
	const struct pcidev *dev, uint64_t count, int64_t mono_ns, int64_t wall_ns)
{
	struct budget *budget = find(b, inc, dev, wall_ns);

	if (budget == NULL)
		return (struct budget_use){.answer = BUDGET_NONE};
	forget_old(budget, mono_ns);
	spend(budget, count, mono_ns);
	return (struct budget_use){
		.answer = budget->sum <= (uint64_t)budget->row->count ? BUDGET_WITHIN : BUDGET_OVER,
		.seen = budget->sum,
		.row = budget->row,
	};
}

/* How many of it may be in one window: what went on for longer is taken as even. */
static uint64_t most_in_window(const struct tolerate *row, const struct incident *inc)
{
	double window_ns = (double)row->per_ms * NS_PER_MS;
	double span_ns = (double)(inc->last_wall_ns - inc->first_wall_ns);

	if (row->per_ms == 0 || span_ns <= window_ns)
		return inc->count;
	return 1 + (uint64_t)((double)inc->count * window_ns / span_ns);
}

static int by_end(const void *a, const void *b)
{
	const struct incident *const *x = a, *const *y = b;

	return ((*x)->last_wall_ns > (*y)->last_wall_ns) -
		((*x)->last_wall_ns < (*y)->last_wall_ns);
}

/* NULL = no row names it. One for several devices is spent once. */
static void recall(struct budget *budget, const struct incident *inc, int64_t wall_minus_mono)
{
	int64_t mono_ns = inc->last_wall_ns - wall_minus_mono;

	if (budget == NULL || budget->recalled == inc)
		return;
	budget->recalled = inc;
	forget_old(budget, mono_ns);
	spend(budget, most_in_window(budget->row, inc), mono_ns);
}

/*
 * How many of those that were gathered are of which device is not known, nor who is behind the first
 * devices: rather too much is spent than too little. On what was merely listed no row was spent.
 */
static void recall_incident(struct budgets *b, const struct incident *inc,
	const struct pcidev_list *devices, int64_t wall_minus_mono)
{
	int64_t when_ns = inc->last_wall_ns;
	struct crowd_devices who;
	size_t i;

	crowd_devices(inc, &who);
	if (who.n == 0)
		recall(find(b, inc, NULL, when_ns), inc, wall_minus_mono);
	for (i = 0; i < who.n; i++)
		recall(find(b, inc, pcidev_find(devices, who.v[i]), when_ns), inc, wall_minus_mono);
	for (i = 0; who.more && (inc->tolerated || inc->over_budget) && i < b->n; i++)
		if (names_fault(b->v[i].row, inc, when_ns))
			recall(&b->v[i], inc, wall_minus_mono);
}

void budgets_recall(struct budgets *b, const struct run_view *run,
	const struct pcidev_list *devices, int64_t wall_minus_mono)
{
	auto_free const struct incident **sorted = xcalloc(run->nincidents + 1, sizeof(*sorted));
	size_t i;

	for (i = 0; i < run->nincidents; i++)
		sorted[i] = &run->incidents[i];
	qsort(sorted, run->nincidents, sizeof(*sorted), by_end);
	for (i = 0; i < run->nincidents; i++)
		if (!sorted[i]->expected)
			recall_incident(b, sorted[i], devices, wall_minus_mono);
}

const char *budget_text(const struct budget_use *use, char *buf, size_t size)
{
	char window[40];

	snprintf(buf, size, "%" PRIu64 " seen, %" PRId64 " allowed%s%s", use->seen, use->row->count,
		use->row->per_ms > 0 ? " within " : "",
		use->row->per_ms > 0 ? duration_text(use->row->per_ms, window, sizeof(window))
				     : "");
	return buf;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view_parts.h"
#include "model/times.h"

#include <string.h>

/* What one method did to one device, by who had that. */
struct tally {
	uint64_t tried, worked;
	struct times times;
};

/* A step row that resets; others have no tallies. */
struct cell {
	struct tally *by_use; /* [USE_COUNT], those of the first row of this method and device */
	enum device_use found; /* how the device was before the reset that is under way */
};

struct reset_matrix {
	const struct run_view *view;
	struct cell **cells; /* [lane][step] */
};

static bool is_reset(const struct step_row *s)
{
	return str_eq(s->word, "reset") && s->device != NULL;
}

static const char *method_of(const struct step_row *s)
{
	return s->arg ? s->arg : s->name;
}

/* The same method on the same device, in any step of the lane. */
static size_t first_like(const struct lane_row *lane, size_t step)
{
	const struct step_row *s = &lane->steps[step];
	size_t i;

	for (i = 0; i < step; i++)
		if (is_reset(&lane->steps[i]) && str_eq(lane->steps[i].device, s->device) &&
			str_eq(method_of(&lane->steps[i]), method_of(s)))
			break;
	return i;
}

struct reset_matrix *reset_matrix_new(const struct run_view *v)
{
	struct reset_matrix *m = xcalloc(1, sizeof(*m));
	size_t i, k;

	m->view = v;
	m->cells = xcalloc(v->nlanes + 1, sizeof(struct cell *));
	for (i = 0; i < v->nlanes; i++) {
		const struct lane_row *lane = &v->lanes[i];
		struct cell *cells = xcalloc(lane->nsteps + 1, sizeof(*cells));

		for (k = 0; k < lane->nsteps; k++) {
			size_t first = is_reset(&lane->steps[k]) ? first_like(lane, k) : k;

			if (first < k)
				cells[k].by_use = cells[first].by_use;
			else if (is_reset(&lane->steps[k]))
				cells[k].by_use = xcalloc(USE_COUNT, sizeof(struct tally));
		}
		m->cells[i] = cells;
	}
	return m;
}

void reset_matrix_found(struct reset_matrix *m, size_t lane, size_t step, int64_t use)
{
	/* a store may come from anywhere: what is no use is unknown */
	m->cells[lane][step].found =
		use > 0 && use < USE_COUNT ? (enum device_use)use : USE_UNKNOWN;
}

/*
 * Others than these say nothing of the device. A step that was expected to fail, and did, has passed;
 * the reset has not worked.
 */
void reset_matrix_ended(struct reset_matrix *m, size_t lane, size_t step, enum outcome outcome,
	const char *reason, int64_t dur_ns)
{
	struct cell *cell = &m->cells[lane][step];
	struct tally *t = cell->by_use ? &cell->by_use[cell->found] : NULL;

	cell->found = USE_UNKNOWN;
	if (t == NULL || (outcome != OUTCOME_PASS && outcome != OUTCOME_FAIL))
		return;
	t->tried++;
	t->worked += outcome == OUTCOME_PASS && *reason == '\0';
	times_add(&t->times, dur_ns);
}

typedef VEC(struct reset_row) reset_rows;

static void add_rows(reset_rows *rows, size_t lane, const struct step_row *s, struct tally *by_use)
{
	enum device_use use;

	for (use = USE_UNKNOWN; use < USE_COUNT; use++) {
		struct tally *t = &by_use[use];
		struct reset_row row = {.lane = lane,
			.device = s->device,
			.method = method_of(s),
			.use = use,
			.tried = t->tried,
			.worked = t->worked};

		times_spread(&t->times, &row.p50_ms, &row.p95_ms, &row.max_ms);
		if (t->tried > 0)
			*vec_push(rows) = row;
		times_finish(&t->times);
	}
}

void reset_matrix_finish(struct reset_matrix *m, struct run_view *v)
{
	reset_rows rows = {0};
	size_t i, k;

	for (i = 0; i < m->view->nlanes; i++) {
		const struct lane_row *lane = &m->view->lanes[i];

		for (k = 0; k < lane->nsteps; k++) {
			struct tally *by_use = m->cells[i][k].by_use;

			if (by_use == NULL || first_like(lane, k) < k)
				continue;
			add_rows(&rows, i, &lane->steps[k], by_use);
			free(by_use);
		}
		free(m->cells[i]);
	}
	v->resets = arena_alloc(&v->arena, rows.n * sizeof(*v->resets) + 1);
	if (rows.n > 0)
		memcpy(v->resets, rows.v, rows.n * sizeof(*v->resets));
	v->nresets = rows.n;
	vec_finish(&rows);
	free(m->cells);
	free(m);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_BUDGET_H
#define VFIO_STRESS_ENGINE_BUDGET_H

#include "model/incident.h"
#include "model/scenario.h"
#include "world/pcidev.h"

struct pcidev_list;
struct run_view;

/* The scenario's `tolerate` rows and what has been spent of each. */
struct budgets;

enum budget_answer {
	BUDGET_NONE, /* no row names this fault: its severity decides */
	BUDGET_WITHIN, /* tolerated */
	BUDGET_OVER, /* fails the run, whatever its severity */
};

struct budget_use {
	enum budget_answer answer;
	uint64_t seen; /* in the row's window, with these */
	const struct tolerate *row; /* NULL = BUDGET_NONE */
};

struct budgets *budgets_new(const struct tolerate *rows, size_t n);
void budgets_free(struct budgets *b);

/*
 * `count` more occurrences of the incident at a moment. `dev` is its culprit, NULL when unknown. The
 * first row that names fault and device decides.
 */
struct budget_use budgets_spend(struct budgets *b, const struct incident *inc,
	const struct pcidev *dev, uint64_t count, int64_t mono_ns, int64_t wall_ns);

/*
 * What the run has spent until now, by its listed incidents: one that goes on after its host died has
 * no new budgets. wall_minus_mono: between the clocks of theirs and of what is spent from now on.
 */
void budgets_recall(struct budgets *b, const struct run_view *run,
	const struct pcidev_list *devices, int64_t wall_minus_mono);

/* "3 seen, 2 allowed within 1m" */
const char *budget_text(const struct budget_use *use, char *buf, size_t size);

#endif

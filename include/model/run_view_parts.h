/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_VIEW_PARTS_H
#define VFIO_STRESS_MODEL_RUN_VIEW_PARTS_H

#include "model/run_view.h"

struct db;

/* Parts of run_view_load, each in a file of its own. What they fill is the view's arena's. */

/* What its events say of its lanes' steps and cycles, `boots_proved`, `failures` and `resets`. */
int run_view_events(struct db *db, int64_t run, struct run_view *v, struct err *err) must_check;
/* `checks`. */
int run_view_preflight(struct db *db, int64_t run, struct run_view *v, struct err *err) must_check;

/*
 * `resets`, from events in the order in which they came: how a device was found before a reset, and how
 * that ended. Lane and step: of the view's, whose lanes and steps stay where they are meanwhile.
 */
struct reset_matrix;

struct reset_matrix *reset_matrix_new(const struct run_view *v);
void reset_matrix_found(struct reset_matrix *m, size_t lane, size_t step, int64_t use);
void reset_matrix_ended(struct reset_matrix *m, size_t lane, size_t step, enum outcome outcome,
	const char *reason, int64_t dur_ns);
/* Frees it too. */
void reset_matrix_finish(struct reset_matrix *m, struct run_view *v);

#endif

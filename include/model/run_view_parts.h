/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_VIEW_PARTS_H
#define VFIO_STRESS_MODEL_RUN_VIEW_PARTS_H

#include "model/run_view.h"

struct db;

/* Parts of run_view_load, each in a file of its own. What they fill is the view's arena's. */

/* `resets`, from its lanes' rows of steps. */
int run_view_resets(struct db *db, int64_t run, struct run_view *v, struct err *err) must_check;
/* `checks`. */
int run_view_preflight(struct db *db, int64_t run, struct run_view *v, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_TIMES_H
#define VFIO_STRESS_MODEL_RUN_TIMES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct run_view;
struct step_row;

/*
 * Every time of a step row, for what needs more than its percentiles: 8 bytes each. Of more than
 * RUN_TIMES_MAX every second, fourth ... is kept, over the whole run.
 */
#define RUN_TIMES_MAX (1u << 20)

enum times_of {
	TIMES_OF_STEP, /* executions that passed */
	TIMES_OF_USABLE, /* from a reset's or rescan's trigger until its device answered again */
};

struct run_times {
	int64_t *us; /* sorted */
	size_t n;
	uint64_t all; /* n of these are kept */
};

/* The store of `run` must be open. Free with run_times_finish. */
int run_times_load(const struct run_view *run, size_t lane, const struct step_row *row,
	enum times_of what, struct run_times *out, struct err *err) must_check;
void run_times_finish(struct run_times *t);

#endif

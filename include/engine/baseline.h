/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_BASELINE_H
#define VFIO_STRESS_ENGINE_BASELINE_H

#include "base/err.h"

struct run_view;
struct store;

/*
 * How `run` comes out against another one, both judged and with their stores open: run->baseline from now
 * on, and nowhere else.
 */
int baseline_against(
	const struct run_view *baseline, struct run_view *run, struct err *err) must_check;

/*
 * Compares a run that has ended and was judged with the baseline of its sort, and stores how it came out;
 * where none is marked it does nothing. Its verdict stays what it is. `run` gets the result.
 */
int baseline_compare(struct store *store, struct run_view *run, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_FIXTURE_RUN_H
#define VFIO_STRESS_TESTS_FIXTURE_RUN_H

#include "model/run_view.h"

/* Runs made in memory, for everything that is a function of a run. */
struct fixture {
	const char *name;
	void (*fill)(struct run_view *run);
};

extern const struct fixture fixtures[]; /* ends with .name == NULL */

struct run_view *fixture_run_new(const char *name);
void fixture_run_free(struct run_view *run);

#endif

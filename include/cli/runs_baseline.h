/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_RUNS_BASELINE_H
#define VFIO_STRESS_CLI_RUNS_BASELINE_H

#include "base/err.h"

struct options;

/* `runs baseline [RUN]`: an exit code, or -1. */
int runs_baseline(const struct options *o, struct err *err) must_check;

#endif

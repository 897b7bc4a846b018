/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_RUNS_STOP_H
#define VFIO_STRESS_CLI_RUNS_STOP_H

#include "base/err.h"

struct options;

/* `runs stop [RUN]`: an exit code, or -1. */
int runs_stop(const struct options *o, struct err *err) must_check;

#endif

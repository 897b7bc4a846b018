/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_RUNS_PRUNE_H
#define VFIO_STRESS_CLI_RUNS_PRUNE_H

#include "base/err.h"

struct options;

/* `runs prune`: an exit code, or -1 with err. */
int runs_prune(const struct options *o, struct err *err) must_check;

#endif

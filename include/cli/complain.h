/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMPLAIN_H
#define VFIO_STRESS_CLI_COMPLAIN_H

#include "base/err.h"

#include <stdbool.h>

struct options;

/* Prints an error and its hint on stderr, and answers the exit code of its kind: 2 or 3. */
int complain(const struct err *err);

/* Does the error say only that no run was stored yet? A store that was named must be there. */
bool no_run_yet(const struct options *o, const struct err *err);

#endif

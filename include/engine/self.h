/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SELF_H
#define VFIO_STRESS_ENGINE_SELF_H

#include "base/err.h"

#include <sys/types.h>

/*
 * Starts this program once more: argv[1] is the command. `in`, `out` and `errors` become its standard
 * streams. In a process group of its own: Ctrl-C is for the run, which then decides.
 */
int self_start(char *const argv[], int in, int out, int errors, pid_t *pid_out,
	struct err *err) must_check;

#endif

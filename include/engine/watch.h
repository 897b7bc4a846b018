/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_WATCH_H
#define VFIO_STRESS_ENGINE_WATCH_H

#include "base/err.h"

/*
 * Shows a run that goes on, from its store alone, until it ends; then its summary, on standard output.
 * db NULL = default. which NULL: the run that goes on, of several the newest. Of a run that is over
 * there is only the summary. The exit code of the run, 4 when it is not known or nobody wanted to wait
 * for it; -1: there is nothing to show.
 */
int watch_run(const char *db, const char *which, struct err *err) must_check;

#endif

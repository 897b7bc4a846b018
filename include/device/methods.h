/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_METHODS_H
#define VFIO_STRESS_DEVICE_METHODS_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stdint.h>

#define METHODS_MAX 96 /* of all words that kernels know, with room */

/*
 * Puts the list in reset_method back to `was`. The kernel probes every word anew, and may refuse
 * one that it listed itself until now: such words are dropped, and named in `dropped` ("" = none).
 * `now` is the list that stands afterwards. Both have METHODS_MAX bytes. Nothing to do when the
 * device is gone.
 */
int methods_restore(const struct host *host, struct bdf bdf, const char *was, int64_t deadline_ns,
	char *now, char *dropped, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_RESETS_COMMON_H
#define VFIO_STRESS_RESETS_COMMON_H

#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct child_result;
struct host;
struct pcidev;
struct reset_method;
struct reset_run;
struct step_ctx;

/* What the methods have in common, whatever they do. */

/* What the kernel means by an errno of one interface. */
struct reset_meaning {
	int sys;
	const char *what, *hint;
};

/*
 * Puts a sentence from the table in place of the errno, and in front of it what the device looks
 * like now; an errno that is not in the table keeps its own text.
 */
void reset_explain(const char *method, const struct host *host, const struct pcidev *dev,
	const struct reset_meaning *meanings, size_t n, struct err *err);

/* For those of a bridge: -1 with why it cannot be had for this device. */
int reset_needs_bridge_above(
	const struct reset_method *self, const struct pcidev *dev, struct err *why_not) must_check;
/* What is kept of a step's time to put things back when the first half of it fails. */
#define RESET_BACK_NS (20 * NS_PER_S)
/* Until when that first half may act; a quarter of the time is kept when there is little. */
int64_t reset_first_deadline(const struct step_ctx *ctx);
/*
 * For a call that was begun at `start_ns` and may not have ended by the step's deadline. `left` != 0: it
 * cannot be ended, for it sleeps in the kernel; it gets as long again, less what the supervisor needs
 * to see us give up first.
 */
void reset_await_left(struct step_ctx *ctx, int64_t start_ns, const struct child_result *child,
	struct reset_run *run);

#endif

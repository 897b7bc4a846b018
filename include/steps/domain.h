/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_DOMAIN_H
#define VFIO_STRESS_STEPS_DOMAIN_H

#include "model/step.h"
#include "world/vm_why.h"

/* What the steps that act on a lane's domain have in common. */

/* Ends a step with why the VM did not do it; VM_OK passes. */
enum outcome domain_result(struct result *res, enum vm_why why, const struct err *err);
/* The lane's domain as a reader knows it. */
const char *domain_name(const struct step_ctx *ctx);
/* prepare: the lane has a domain. */
int domain_present(struct step_ctx *ctx, const void *args, struct err *why_not);

/*
 * A bound: the step's own time and that of the resets which VFIO does when it opens or closes the
 * lane's devices: 75 s for each method a dead device may be tried with (docs/design.md, "Time").
 */
int64_t domain_bound_ms(const struct step_ctx *ctx, int64_t base_ms);

/*
 * Does nothing for a while, awake for what happens to the domain (NULL: only time passes). Ends
 * early, as aborted, when the run is to stop.
 */
enum outcome domain_idle(struct step_ctx *ctx, int64_t ms, struct result *res);
/* Has the supervisor asked the lane to stop, or gone away? */
bool domain_stop_asked(struct step_ctx *ctx);

/* Tells of a part of the step that took from start_ns until now. */
void domain_substep(struct step_ctx *ctx, const char *what, int64_t start_ns);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_RESET_ACT_H
#define VFIO_STRESS_STEPS_RESET_ACT_H

#include "steps/subjects.h"

struct reset_method;

/* One reset: whom it reaches, whether it may be, and what it did to them. */

/*
 * May it be done to ctx->dev? Before the run (`prepare`) for the state that the lane will have brought
 * about. ERR_REFUSED says whom it would hurt, or what the lane lacks.
 */
int reset_may(struct step_ctx *ctx, const struct pcidev_list *all,
	const struct reset_method *method, bool prepare, struct err *err) must_check;
/*
 * Of several devices that one reset of the whole reaches, the first that the step acts on stands for
 * all of them. ctx->dev itself when it is that one.
 */
const struct lane_device *reset_lead(const struct step_ctx *ctx, const struct reset_method *method);
/* Looks at all of the lane's devices that it reaches, fires, and judges what became of them. */
enum outcome reset_act(
	struct step_ctx *ctx, const struct reset_method *method, enum aim aim, struct result *res);

#endif

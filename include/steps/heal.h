/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_HEAL_H
#define VFIO_STRESS_STEPS_HEAL_H

#include "model/step.h"

/* The ladder for a device that is not as the run found it: in order of cost. */
enum heal_rung { HEAL_FLR, HEAL_BUS, HEAL_RESCAN, HEAL_SLOT, HEAL_RUNGS };

const char *heal_rung_name(enum heal_rung rung);
/*
 * Is ctx->dev well, as far as its state tells? PASS, or what is wrong. Never blocks for longer than the
 * look at a device may take.
 */
enum outcome heal_look(struct step_ctx *ctx, struct result *res);
/* How long this rung may take. */
int64_t heal_bound_ms(const struct step_ctx *ctx, enum heal_rung rung);
/*
 * Tries one rung on ctx->dev, which the guard judges first. PASS: all that it reached is as the run
 * found it. SKIPPED: it cannot be had here, with the reason. FAIL, with `wedged` when it never came back.
 */
enum outcome heal_try(struct step_ctx *ctx, enum heal_rung rung, struct result *res);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_RESCAN_ACT_H
#define VFIO_STRESS_STEPS_RESCAN_ACT_H

#include "steps/subjects.h"

/* Removes all of the device's slot, scans its bus anew, binds and judges what came back. */
enum outcome rescan_act(struct step_ctx *ctx, enum aim aim, struct result *res);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_STEPS_H
#define VFIO_STRESS_STEPS_STEPS_H

#include "model/step.h"

extern const struct step_type *const step_types[]; /* NULL-terminated, by name */

extern const struct step_type step_destroy;
extern const struct step_type step_hold;
extern const struct step_type step_start;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_STEPS_H
#define VFIO_STRESS_STEPS_STEPS_H

#include "model/step.h"

extern const struct step_type *const step_types[]; /* NULL-terminated, by name */

extern const struct step_type step_check;
extern const struct step_type step_destroy;
extern const struct step_type step_guest;
extern const struct step_type step_hold;
extern const struct step_type step_kill;
extern const struct step_type step_rebind;
extern const struct step_type step_reboot;
extern const struct step_type step_rescan;
extern const struct step_type step_reset;
extern const struct step_type step_shutdown;
extern const struct step_type step_start;
extern const struct step_type step_stop;
extern const struct step_type step_suspend;
extern const struct step_type step_vm_reset;

#endif

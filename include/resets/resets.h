/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_RESETS_RESETS_H
#define VFIO_STRESS_RESETS_RESETS_H

#include "device/reset.h"

extern const struct reset_method reset_acpi;
extern const struct reset_method reset_af_flr;
extern const struct reset_method reset_bus;
extern const struct reset_method reset_cxl_bus;
extern const struct reset_method reset_d3hot;
extern const struct reset_method reset_default;
extern const struct reset_method reset_device_specific;
extern const struct reset_method reset_flr;
extern const struct reset_method reset_hot;
extern const struct reset_method reset_pm;
extern const struct reset_method reset_slot;
extern const struct reset_method reset_subordinate;

#endif

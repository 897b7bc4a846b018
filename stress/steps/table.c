/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/steps.h"

const struct step_type *const step_types[] = {
	0, /* rows by name */
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/steps.h"

#include <stddef.h>

const struct step_type *const step_types[] = {
	&step_destroy,
	&step_hold,
	&step_start,
	NULL,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/steps.h"

#include <stddef.h>

const struct step_type *const step_types[] = {
	&step_check,
	&step_destroy,
	&step_guest,
	&step_hold,
	&step_kill,
	&step_rebind,
	&step_reboot,
	&step_rescan,
	&step_reset,
	&step_shutdown,
	&step_start,
	&step_stop,
	&step_suspend,
	&step_vm_reset,
	NULL,
};

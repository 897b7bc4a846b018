/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_SECRET_H
#define VFIO_STRESS_BASE_SECRET_H

/*
 * Secrets are in the environment, where `${env:NAME}` finds them, and for as long as a message is being
 * sent in the memory of the process that sends. Neither is in a core file.
 */

/* Leaves the environment out of core files, also of those of forked children. At the start of main. */
void secret_hide_environment(void);
/* No core file of this process, nor a debugger that is not root's: libraries will copy a secret. */
void secret_no_core(void);

#endif

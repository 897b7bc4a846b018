/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_NOTIFY_H
#define VFIO_STRESS_WORLD_NOTIFY_H

#include <stdint.h>

/*
 * The service manager that started us, by the protocol of sd_notify(3). Nothing happens when there is
 * none: that is not an error.
 */
void notify_send(const char *text); /* "READY=1", "WATCHDOG=1\nSTATUS=..." */

/* It restarts or kills us when it hears no WATCHDOG=1 for so long; 0 = it does not watch. */
int64_t notify_watchdog_ms(void);

#endif

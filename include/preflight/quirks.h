/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_QUIRKS_H
#define VFIO_STRESS_PREFLIGHT_QUIRKS_H

struct look;

/* The check device.quirks: what is known about models that misbehave when they are reset. */
void quirks_tell(struct look *l);

#endif

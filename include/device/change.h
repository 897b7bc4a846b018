/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_CHANGE_H
#define VFIO_STRESS_DEVICE_CHANGE_H

#include "base/err.h"

#include <stdint.h>

struct emitter;
struct host;

/* A switch of the kernel that is set otherwise for a moment. Zeroed = it is not. */
struct change {
	char path[128], was[32];
	uint64_t undo;
};

/*
 * Undo record of `subject` first; nothing is done when it stands so already. On failure the change
 * may have been recorded: change_back in any case.
 */
int change_make(const struct host *host, struct emitter *out, const char *subject, const char *path,
	const char *value, struct change *change, struct err *err) must_check;
/* As it was. What cannot be put back is told, and stays in its undo record. */
void change_back(
	const struct host *host, struct emitter *out, const char *subject, struct change *change);

#endif

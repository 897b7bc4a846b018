/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_RESET_H
#define VFIO_STRESS_DEVICE_RESET_H

#include "device/scope.h"
#include "model/step.h"

/* One way to reset: one file in stress/resets/, one row in its table. */
struct reset_method {
	const char *name; /* its word: flr */
	const char *summary;
	enum reset_scope scope;
	/* Mandatory. 0, or -1 with why it cannot be used on this device. */
	int (*available)(const struct host *host, const struct pcidev *dev, struct err *why_not);
	/* Mandatory. Triggers it and returns when the kernel does. Judges nothing. May sleep minutes. */
	int (*fire)(struct step_ctx *ctx, const struct pcidev *dev, struct err *err);
	/* Optional. Turns a vague errno (err->sys) into a sentence and a hint. */
	void (*diagnose)(const struct host *host, const struct pcidev *dev, struct err *err);
};

extern const struct reset_method *const reset_methods[]; /* NULL-terminated, by name */
const struct reset_method *reset_method_find(const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_RESET_H
#define VFIO_STRESS_DEVICE_RESET_H

#include "device/methods.h"
#include "device/scope.h"
#include "model/step.h"
#include "world/child.h"

#include <sys/types.h>

struct hold;

/* How a reset went, apart from what the kernel answered. */
struct reset_run {
	int64_t took_ns;
	bool late; /* it was still in the kernel at the step's deadline, and ended later */
	pid_t left; /* != 0: it never ended; a process that cannot be killed has it */
	char stood[CHILD_STOOD_MAX]; /* where it was at the deadline; "": it was back */
	char dropped[METHODS_MAX]; /* methods that the kernel did not take back into its list */
};

/* One way to reset: one file in stress/resets/, one row in its table. */
struct reset_method {
	const char *name; /* its word: flr */
	const char *summary;
	enum reset_scope scope;
	/* Acts once on all that it reaches, which must be in the lane; on a function at a time else. */
	bool whole;
	bool needs_vfio; /* all that it reaches must be on a VFIO driver */
	/*
	 * Optional. May this device leave sysfs and come back as a new one? It is then taken from its
	 * driver, and its group is not held: that would keep the kernel from removing it.
	 */
	bool (*removes)(const struct host *host, const struct pcidev *dev);
	bool may_remove; /* only when the step says so, for the word does not */
	bool opens; /* opens the device through VFIO, which tries its own methods then and at the end */
	int64_t typical_ms; /* of a healthy device */
	/* Mandatory. 0, or -1 with why it cannot be used on this device. */
	int (*available)(const struct reset_method *self, const struct host *host,
		const struct pcidev *dev, struct err *why_not);
	/*
	 * Mandatory. Triggers it on ctx->dev and returns when the kernel does, at the latest at twice
	 * the time that ctx->deadline_ns leaves. Judges nothing; `run` is filled also on failure.
	 * `hold` has the VFIO groups of all that it reaches. ERR_UNSUPPORTED: not offered after all.
	 */
	int (*fire)(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
		struct reset_run *run, struct err *err);
	/* Optional. Turns a vague errno (err->sys) into a sentence and a hint. */
	void (*diagnose)(const struct reset_method *self, const struct host *host,
		const struct pcidev *dev, struct err *err);
};

extern const struct reset_method *const reset_methods[]; /* NULL-terminated, by name */
/* NULL when there is none of that name. */
const struct reset_method *reset_method_find(const char *name);
const char *reset_method_word(size_t i); /* the names in order, then NULL */
/* How far it reaches on this device: the method's scope, of `default` that of the widest it may use. */
enum reset_scope reset_reach(const struct reset_method *method, const struct pcidev *dev);

#endif

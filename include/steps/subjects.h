/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_SUBJECTS_H
#define VFIO_STRESS_STEPS_SUBJECTS_H

#include "base/vec.h"
#include "device/oracle.h"
#include "device/scope.h"
#include "model/step.h"
#include "steps/beside.h"

/* Why a device is acted on. */
enum aim {
	AIM_TEST, /* it must be as right before */
	AIM_HEAL, /* it is broken, or gone: it must become as the run found it */
};

/* The lane's devices that one act reaches, and what they must look like after it. */
struct subjects {
	struct step_ctx *ctx;
	enum aim aim;
	VEC(struct subject {
		struct lane_device *dev;
		struct dev_state before;
		struct dev_state after;
		bool known; /* AIM_HEAL: the run has seen it healthy */
	})
	list; /* the one that the step acts on is the first */
	struct beside
		beside; /* looked at with them before; judged by who acts, whatever came of it */
};

void subjects_find(struct subjects *out, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope, enum aim aim);
void subjects_finish(struct subjects *s);
/* Looks at them before it. PASS, or what is wrong already. */
enum outcome subjects_observe(struct subjects *s, struct result *res);
/* Looks at them after it, and compares. PASS, or what is wrong first. */
enum outcome subjects_judge(struct subjects *s, struct result *res);
/* The first of them answered again that long after what was done to it, and the look. */
void subjects_tell_usable(const struct subjects *s, int64_t after_ns);
/* They left the kernel and came back as they must: what was decided anew holds from now on. */
void subjects_renew(struct subjects *s);

/*
 * Of several devices of the lane that hang together, the first that the step acts on stands for all
 * of them; ctx->dev itself when it is that one.
 */
const struct lane_device *subjects_lead(const struct step_ctx *ctx, enum reset_scope scope);

#endif

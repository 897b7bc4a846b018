/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_DEVICE_STEP_H
#define VFIO_STRESS_STEPS_DEVICE_STEP_H

#include "device/oracle.h"
#include "device/scope.h"
#include "model/step.h"

/* What the steps that act on a lane's devices have in common. */

/* Looks at the machine again and brings the lane's devices up to date. */
int device_scan(struct step_ctx *ctx, struct pcidev_list *all, struct err *err) must_check;
/* The same; ERR_ABSENT: ctx->dev is gone. */
int device_look(struct step_ctx *ctx, struct pcidev_list *all, struct err *err) must_check;

bool device_in_lane(const struct step_ctx *ctx, struct bdf bdf);

/* When and for what the guard is asked. */
enum device_asking {
	ASK_PREPARE, /* before the run: the lane will have taken its devices, and stopped its VM */
	ASK_PREPARE_UNBIND, /* the same, of a step that takes the driver away */
	ASK_NOW, /* right before it happens */
	ASK_UNBIND, /* right before its driver is taken away */
};

struct hold;

/* May a step that reaches so far be done? ERR_REFUSED says whom it would hurt. */
int device_allowed(struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	enum device_asking asking, struct err *err) must_check;
struct guard_opinion;
/* The same question about one function that a step reaches, answered for people. */
void device_opinion(struct step_ctx *ctx, const struct pcidev_list *all, const struct pcidev *other,
	enum device_asking asking, struct guard_opinion *out);
/* ASK_NOW, and the groups of all that it reaches are held until hold_release. */
int device_claim(struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	struct hold *out, struct err *err) must_check;

/* Ends a step that may not or cannot begin: refused, device-vanished or state-not-read. */
enum outcome device_cannot_begin(const struct err *err, struct result *res);

/*
 * Takes its state and tells it ("before", "after"). PASS when it is there and readable; else what
 * the step ends with: device-vanished or device-unreadable.
 */
enum outcome device_observe(
	struct step_ctx *ctx, const char *when, struct dev_state *out, struct result *res);
/* Compares; tells what differs. PASS, or FAIL state-differs with the fields. */
enum outcome device_judge(struct step_ctx *ctx, const struct dev_state *before,
	const struct dev_state *after, struct result *res);
/* The same of one that changes hands: only what nobody changes by using it. */
enum outcome device_judge_unused(struct step_ctx *ctx, const struct dev_state *before,
	const struct dev_state *after, struct result *res);

/*
 * Of the run's reference, in a lane whose drivers libvirt binds as it needs them: which driver a device
 * has, and what each driver has of its own.
 */
void device_forgive_user(
	const struct step_ctx *ctx, struct dev_state *reference, const struct dev_state *now);

void device_substep(struct step_ctx *ctx, const char *what, int64_t dur_ns);

/* 75 s for each method that the kernel may try (docs/design.md, "Time"). */
int64_t device_methods_ms(const struct pcidev *dev, const char *method);

#define DEVICE_SLACK_MS INT64_C(15000)

#endif

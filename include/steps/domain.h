/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_DOMAIN_H
#define VFIO_STRESS_STEPS_DOMAIN_H

#include "model/step.h"
#include "world/ready.h"

/* What the steps that act on a lane's domain have in common. */

/* Ends a step with why the VM did not do it; VM_OK passes. */
enum outcome domain_result(struct result *res, enum vm_why why, const struct err *err);
/* The lane's domain as a reader knows it. */
const char *domain_name(const struct step_ctx *ctx);
/* prepare: the lane has a domain. */
int domain_present(struct step_ctx *ctx, const void *args, struct err *why_not);
/* prepare: it can boot here, and that can be proved in the way that the lane says. */
int domain_can_boot(struct step_ctx *ctx, const void *args, struct err *why_not);
/* prepare: the same, and a reset boots it again; a power off ends it. */
int domain_can_reboot(struct step_ctx *ctx, const void *args, struct err *why_not);
int domain_can_power_off(struct step_ctx *ctx, const void *args, struct err *why_not);

/*
 * A bound: the step's own time and that of the resets which VFIO does when it opens or closes the
 * lane's devices (device_methods_ms), of one without a method that of its bus.
 */
int64_t domain_bound_ms(const struct step_ctx *ctx, int64_t base_ms);
int64_t domain_ready_ms(const struct step_ctx *ctx); /* how long a guest may take to get ready */

/* What is usual, for plans: an ordinary Linux guest powers off and boots in this time. */
#define DOMAIN_OFF_TYPICAL_MS 5000
int64_t domain_boot_typical_ms(const struct step_ctx *ctx);

/* Before anything else: has nobody else meddled, does what runs in the background still run? */
enum vm_why domain_enter(struct step_ctx *ctx, struct err *err) must_check;

/*
 * After a step that acted on a device, and came out so: is the domain still what it was? What a reset
 * does to a guest is that step's doing, not the next one's.
 */
enum outcome domain_survived(struct step_ctx *ctx, enum outcome outcome, struct result *res);

/*
 * A boot and its proof: arms the lane's way of being ready, does `act` (which starts or resets the
 * guest), waits until it is ready, and tells. READY_AFTER_START: `act` is not needed.
 */
enum outcome domain_boot(struct step_ctx *ctx, enum ready_after after,
	enum vm_why (*act)(struct step_ctx *ctx, const void *args, struct err *err),
	const void *args, struct result *res);

/*
 * Does nothing for a while, awake for what happens to the domain (none: only time passes). Ends
 * early, as aborted, when the run is to stop.
 */
enum outcome domain_idle(struct step_ctx *ctx, int64_t ms, struct result *res);

/* Something that a reader of the report should know, though the step passes. */
void domain_note(struct step_ctx *ctx, const char *fmt, ...) printf_like(2, 3);

/* The choices of `mode`, in the order of enum vm_mode; NULL-terminated. */
extern const char *const domain_modes[];

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_AWAY_H
#define VFIO_STRESS_STEPS_AWAY_H

#include "base/vec.h"
#include "device/change.h"
#include "device/scope.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct emitter;
struct lane_device;
struct step_ctx;
struct subjects;

/* How long it may wait for another lane's devices: comes on top of what a step needs itself. */
#define AWAY_LOCK_MS INT64_C(60000)

/*
 * Devices that leave sysfs and come back as new ones, without their driver_override: a host driver
 * would take them. While they are away no driver binds to anything by itself, on the whole host.
 */
struct away {
	struct step_ctx *ctx;
	VEC(struct {
		struct lane_device *dev;
		char driver[32]; /* that it had, or of one that is to be healed should have */
	})
	devs;
	struct change autoprobe;
	int lock; /* that switch is one for all lanes and runs of the host; -1 = not taken */
	bool inherited; /* the switch was left off by an earlier step */
	bool stuck; /* a removal or scan is left in the kernel, and may still act */
};

/*
 * May all that is in reach leave? Bridges, virtual functions and functions that have such do not come
 * back as they were; what is not in the lane would be lost to its driver.
 */
int away_may(const struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	struct err *err) must_check;

/* Zeroed but for the context; nothing has happened yet. */
void away_init(struct away *away, struct step_ctx *ctx);
/* The devices that will go, and what is expected of them when they are back. */
void away_add(struct away *away, struct subjects *subjects);
/* Undo records of their bindings, and the switch. ERR_TIMEOUT: another lane holds it. */
int away_begin(struct away *away, struct err *err) must_check;
/* Waits until all of them are gone, or there; false when one is not in time. */
bool away_await(const struct away *away, bool there, int64_t deadline_ns);
/* What may go a little after it was caused, and may stay: true when one of them has gone. */
bool away_settle(const struct away *away);
/* Waits until they are there, and binds them as they were. PASS, or why not. */
enum outcome away_return(struct away *away, struct result *res);
/* After a failure: binds those that are there. */
void away_rescue(struct away *away);
/*
 * The switch as it was; but it stays off while a device is missing, which a host driver would take
 * when it comes back late.
 */
void away_finish(struct away *away);
/* Of a lane that ends, or takes over: switches it on again when no device is missing any more. */
void away_lift(const struct host *host, struct lane_device *devs, size_t n, struct emitter *out);

#endif

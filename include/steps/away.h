/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_AWAY_H
#define VFIO_STRESS_STEPS_AWAY_H

#include "base/vec.h"
#include "device/change.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct lane_device;
struct step_ctx;

/*
 * Devices that leave sysfs and come back as new ones, without their driver_override: a host driver
 * would take them. While they are away no driver binds to anything by itself, on the whole host.
 */
struct away {
	struct step_ctx *ctx;
	VEC(struct {
		struct lane_device *dev;
		char driver[32]; /* that it had */
	})
	devs;
	struct change autoprobe;
	int lock; /* that switch is one for all lanes and runs of the host; -1 = not taken */
};

/* Zeroed but for the context; nothing has happened yet. */
void away_init(struct away *away, struct step_ctx *ctx);
/* A device that will go; its driver is the one that it has now. */
void away_add(struct away *away, struct lane_device *dev);
/* Undo records of their bindings, and the switch. ERR_TIMEOUT: another lane holds it. */
int away_begin(struct away *away, struct err *err) must_check;
/* Waits until all of them are gone, or there; false when one is not in time. */
bool away_await(const struct away *away, bool there, int64_t deadline_ns);
/* What may go a little after it was caused, and may stay. */
void away_settle(const struct away *away);
/* Waits until they are there, and binds them as they were. PASS, or why not. */
enum outcome away_return(struct away *away, struct result *res);
/* The switch as it was. */
void away_finish(struct away *away);

#endif

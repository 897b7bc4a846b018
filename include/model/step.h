/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STEP_H
#define VFIO_STRESS_MODEL_STEP_H

#include "base/diags.h"
#include "model/field.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

struct beside_memory;
struct emitter;
struct host;
struct lane_device;
struct lane_spec;
struct scenario;
struct step;
struct vm;

/* What a step may use. The lane fills it, so steps never see the engine. */
struct step_ctx {
	const struct host *host;
	const struct scenario *scenario;
	const struct lane_spec *lane;
	const struct step *step;
	struct vm *vm; /* NULL in a lane without a domain */
	struct lane_device *devs; /* the lane's devices, in BDF order */
	size_t ndevs;
	struct lane_device *dev; /* a device step: the one it acts on now; else NULL */
	struct beside_memory *beside; /* steps/beside.h; NULL: nothing is remembered */
	struct emitter *out; /* notes, sub-steps, undo records */
	int64_t deadline_ns; /* CLOCK_MONOTONIC: give up by then */
};

#define STEP_DISRUPTIVE   1u /* acts only after its BEGIN is on disk; guard runs before it */
#define STEP_NEEDS_DOMAIN 2u
#define STEP_ON_DEVICES   4u /* runs once per device of the lane, in BDF order */
/* How it finds and leaves the domain: orders that cannot work are refused when they are read. */
#define STEP_STARTS_VM 8u /* off before, running after */
#define STEP_STOPS_VM  16u /* running before, off after */
#define STEP_USES_VM   32u /* running before and after */
#define STEP_RESETS_VM 128u /* running before and after, and its devices were reset */
/* Needs locks of the PCI core that another lane may hold; what asks libvirt may always wait for such. */
#define STEP_SHARES_LOCKS 64u

/* One word of the scenario language: one file in stress/steps/, one row in its table. */
struct step_type {
	struct word word;
	unsigned flags; /* STEP_* */
	/* Optional. Cross-field checks at load time; no I/O. Reports into diags, returns 0 or -1. */
	int (*check)(const struct step *step, const struct lane_spec *lane, struct diags *diags);
	/*
	 * Optional. In the prepare phase, read-only: can this step work here at all? Returns 0, or -1
	 * with the reason (the run is then refused, nothing was tried). Per device for device steps.
	 */
	int (*prepare)(struct step_ctx *ctx, const void *args, struct err *why_not);
	/* Mandatory. The time in ms after which it is stuck, when the scenario gives none. */
	int64_t (*bound_ms)(const struct step_ctx *ctx, const void *args);
	/* Mandatory. The time in ms that it takes on a healthy host, roughly: for plans only. */
	int64_t (*typical_ms)(const struct step_ctx *ctx, const void *args);
	/* Mandatory. Runs in the lane process; may block until ctx->deadline_ns. */
	enum outcome (*run)(struct step_ctx *ctx, const void *args, struct result *res);
	/* Mandatory. What it will do, in words, for `check`: "reset 0000:41:00.0 by FLR". */
	void (*describe)(const struct step_ctx *ctx, const void *args, char *buf, size_t size);
};

/* The options that every step takes: timeout, name, expect-failure ... For `list` and the manual. */
extern const struct field step_common_fields[]; /* ends with .name == NULL */
/* Some of them are for steps that act on devices only. */
bool step_takes(const struct step_type *type, const char *common_key);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LANE_H
#define VFIO_STRESS_ENGINE_LANE_H

#include "device/guard.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/beside.h"

struct lane_keep;
struct step_ctx;
struct vm;

/* A lane as its own process knows it; `check` prepares one without ever running it. */
struct lane {
	const struct host *host;
	const struct scenario *scenario;
	const struct lane_spec *spec;
	struct emitter out;
	struct guard_allow allow;
	struct pcidev_list topology;
	struct vm *vm; /* NULL: a lane without a domain */
	struct domain_lock domain_lock; /* held until its process ends */
	struct lane_device *devs;
	size_t ndevs;
	struct beside_memory beside;
	bool devices_known; /* all of them were found */
	struct lane_keep *keep; /* NULL: it is only looked at */
	bool wedged; /* a device or QEMU hangs in the kernel: nothing is touched any more */
	bool domain_changed; /* it has an undo record */
	uint64_t undo_domain;
};

/* What keeps the lane from running; `err` has the hint. */
typedef void lane_refusal(void *arg, const char *subject, const struct err *err);

/*
 * Finds domain and devices and asks every step whether it can work here. Read-only. Everything that
 * is wrong is told to `refuse`; returns how much that was.
 */
size_t lane_prepare(struct lane *lane, lane_refusal *refuse, void *arg);
/* For a process that goes on in the middle of a run: only finds them. */
size_t lane_find(struct lane *lane, lane_refusal *refuse, void *arg);
void lane_finish(struct lane *lane);

/* The step's view of the lane; dev NULL for a VM step. */
void lane_step_ctx(
	struct lane *lane, const struct step *step, struct lane_device *dev, struct step_ctx *out);
/* Does this device step act on this device? */
bool lane_step_applies(const struct step *step, const struct lane_device *dev);

/*
 * The process of a lane: prepares, waits for GO, runs; or goes on where `keep` says. socket_fd -1:
 * stand-alone, prints events instead and waits for nobody. Returns an exit status.
 */
int lane_main(const struct host *host, const struct scenario *sc, uint32_t index, int socket_fd,
	struct lane_keep *keep);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_APART_H
#define VFIO_STRESS_ENGINE_APART_H

#include "base/err.h"
#include "device/scope.h"

struct host;
struct lane_spec;
struct scenario;
struct step;

/* A lane as its neighbours see it. */
struct neighbour {
	const struct lane_spec *spec;
	const struct pcidev *devs;
	size_t ndevs;
};

/* `lane`: the later one of two that belong together; `err` names both and has the hint. */
typedef void apart_refusal(void *arg, size_t lane, const struct err *err);

/*
 * Are they independent? Not when devices of two share a slot, an IOMMU group or a physical function,
 * nor when a reset of one would reach a device of another. One refusal per pair; returns how many.
 * `lanes` has one entry per lane of the scenario.
 */
size_t lanes_apart(const struct host *host, const struct scenario *sc,
	const struct pcidev_list *topology, const struct neighbour *lanes, apart_refusal *refuse,
	void *arg);

/* How far a device step reaches; false when it leaves every other function alone. */
bool step_reach(const struct step *step, const struct pcidev *dev, enum reset_scope *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_PLACE_H
#define VFIO_STRESS_ENGINE_PLACE_H

#include "model/event.h"
#include "model/incident.h"
#include "world/pcidev.h"

/*
 * How long what the kernel says after a disruptive step still belongs to it: interrupt threads and
 * rate limiters report late.
 */
#define TAIL_NS       (2 * INT64_C(1000000000))
#define TAIL_IOMMU_NS (6 * INT64_C(1000000000)) /* the DMAR limiter's window is 5 s */

/* What the supervisor knows of a lane's whereabouts when it looks at a record. */
struct whereabouts {
	const struct pcidev *devices;
	size_t ndevices;
	bool running; /* between GO and its end */
	enum phase phase;
	uint32_t cycle;
	bool step_open;
	const char *word, *arg; /* of the open step; arg may be NULL */
	int32_t step_index;
	bool recovering; /* between steps: a rung of the ladder is tried */
	bool on_device; /* the open step, or the rung, acts on this device of the lane */
	struct bdf device;
	struct place tail; /* the last disruptive step */
	int64_t tail_begin_ns, tail_until_ns;
};

/* First BDF and topology choose the lane, then the moment chooses cycle and step. `bdf` may be NULL. */
void place_find(const struct whereabouts *lanes, size_t nlanes, const struct pcidev_list *topology,
	const struct bdf *bdf, const char *id, int64_t now_ns, struct place *out);

/* Does the step that runs make the kernel say this, as often as it does? */
bool place_expects(const struct incident *inc);

/*
 * A port tells of what is below it: the device of a lane that lives there, when it is the only one
 * (of the functions of one slot the lowest).
 */
bool place_below(const struct whereabouts *lanes, size_t nlanes, const struct pcidev_list *topology,
	struct bdf port, struct bdf *out);

/* Where a lane is: its open step, or "between". */
void place_of_lane(const struct whereabouts *lane, int32_t index, struct place *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_CROWD_H
#define VFIO_STRESS_ENGINE_CROWD_H

#include "model/incident.h"

/*
 * Which incidents are kept one by one. A storm can name thousands of devices, each an incident of its
 * own. Those that count against the verdict and those that do not may each be CROWD_BURST at once, and
 * one more every CROWD_EVERY_NS; besides, the first of a lane's cycle that counts is always kept. The
 * others are gathered: per id and severity one incident without a place, with the number of incidents
 * and the first devices in its fields, and the first lines.
 */
struct crowd;

#define CROWD_BURST    1000
#define CROWD_EVERY_NS (INT64_C(10) * 1000000000)
#define CROWD_LINES    5
#define CROWD_DEVICES  16 /* no more fit into a field */
#define CROWD_NOTE                                                                                 \
	"more incidents than are kept one by one: of some ids there is one that stands for all "   \
	"the others, without a device (its field `incidents` says for how many)"

/* Whom an incident is of: of one that stands for others the first ones. */
struct crowd_devices {
	size_t n;
	bool more; /* than are named */
	struct bdf v[CROWD_DEVICES];
};

struct crowd *crowd_new(void);
void crowd_free(struct crowd *c);
/* Asked once of each incident, and once more when it begins to count. */
bool crowd_keeps(struct crowd *c, const struct incident *inc, int64_t mono_ns);
/* `more` occurrences of an incident that is not kept; `first` when it is new. */
void crowd_gather(struct crowd *c, const struct incident *inc, uint64_t more, bool first);
/* The next of those gathered that has changed since it was asked for; its `no` is the caller's. */
struct incident *crowd_next(struct crowd *c);
/* Of any incident, gathered or not. */
void crowd_devices(const struct incident *inc, struct crowd_devices *out);

#endif

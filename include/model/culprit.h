/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_CULPRIT_H
#define VFIO_STRESS_MODEL_CULPRIT_H

#include "base/bdf.h"

#include <stdbool.h>
#include <stdint.h>

struct failure_row;
struct incident;
struct lane_row;
struct pcidev;
struct run_view;
struct step_row;

/* What a report names first. */
struct culprit {
	const struct failure_row *failure; /* NULL = no step failed there */
	const struct incident *incident; /* NULL = the kernel said nothing there */
	char device[BDF_LEN]; /* "" = no device is blamed */
	const struct pcidev *pci; /* NULL = not a device of a lane */
	const struct lane_row *lane; /* NULL = outside any lane */
	int32_t cycle; /* 0 in `before`, -1 in `after` or unknown */
	const char *word; /* of the step, "" = none */
	int32_t step_index; /* -1 = none */
	const struct step_row *step; /* NULL = not one of the lane's rows */
};

/* The worst of a run: false when nothing failed and no incident counts against it. */
bool culprit_find(const struct run_view *view, struct culprit *out);

#endif

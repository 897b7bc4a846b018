/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_RUNHOST_H
#define VFIO_STRESS_CLI_RUNHOST_H

#include "engine/fitness.h"
#include "model/topology.h"

/* The machine that a scenario would run on, as it is now, and what preflight says of it. */
struct runhost {
	struct topology machine;
	bool known; /* it could be read */
	struct fitness fitness;
};

/* Never fails: what could not be done is a note. The caller must have no thread of its own. */
void runhost_look(const struct host *host, const struct scenario *sc, struct runhost *out);
void runhost_finish(struct runhost *r);

#endif

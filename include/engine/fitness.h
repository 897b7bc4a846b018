/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_FITNESS_H
#define VFIO_STRESS_ENGINE_FITNESS_H

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

struct check_row;
struct preflight;
struct scenario;
struct topology;

/* What preflight says of a scenario's host and devices before a run. */
struct fitness {
	struct err refusal; /* of the host; ERR_NONE = a run may begin */
	VEC(char *) notes; /* sentences for the report */
	struct arena arena;
	struct check_row *checks; /* all answers, the worst first, PREFLIGHT_ROWS_MAX at most */
	size_t nchecks;
};

/* Judges the machine as `vfio-stress preflight` does, for the devices of all lanes, if there are any. */
void fitness_look(const struct topology *t, const struct scenario *sc, struct fitness *out);
void fitness_finish(struct fitness *f);

#endif

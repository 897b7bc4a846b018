/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SETTINGS_H
#define VFIO_STRESS_CLI_SETTINGS_H

#include "base/mem.h"
#include "base/vec.h"
#include "model/scenario.h"

struct options;

/* The --set NAME=VALUE of a command line, taken apart. Zeroed = none. */
struct settings {
	VEC(struct setting) list;
	struct arena arena;
};

/* -1 after it has complained on stderr. */
int settings_read(const struct options *o, struct settings *out);
void settings_finish(struct settings *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_VARS_H
#define VFIO_STRESS_MODEL_VARS_H

#include "base/diags.h"

struct arena;
struct ynode;

#define VARS_MAX      256
#define VAR_VALUE_MAX 4096
#define EXPANDED_MAX  (8u << 20) /* bytes of all expanded scalars together */

/* A variable of the scenario; value NULL = `--set` must give it one. */
struct var {
	const char *name, *value;
	struct srcpos pos;
	bool used, set; /* set: by the command line */
};

/* A `${env:NAME}` of the report section. */
struct env_ref {
	const char *name;
	struct srcpos pos;
};

/* Everything that is needed to turn a scalar into text, and text into a value. */
struct reading {
	struct arena *arena;
	struct diags *diags;
	struct var vars[VARS_MAX];
	size_t nvars;
	size_t expanded; /* bytes so far */
	bool env_allowed; /* in `report`; elsewhere ${env:NAME} is refused */
	struct env_ref *env; /* those that were met, in `arena` */
	size_t nenv, env_cap;
};

/* Reads the `vars` mapping. */
void vars_read(struct reading *rd, const struct ynode *map);
/* --set name=value */
void vars_set(struct reading *rd, const char *name, const char *value);
/* Warns of variables that nothing uses. */
void vars_warn_unused(struct reading *rd);

/*
 * The scalar's text with ${name} replaced and $$ made a dollar; ${env:NAME} stays as it is. Nothing
 * in the result is read as YAML again. NULL when it was reported.
 */
const char *vars_expand(struct reading *rd, const struct ynode *scalar);

#endif

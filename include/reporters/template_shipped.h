/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_TEMPLATE_SHIPPED_H
#define VFIO_STRESS_REPORTERS_TEMPLATE_SHIPPED_H

#include "base/diags.h"

struct arena;

/* A template that comes with the program. */
struct shipped_template {
	const char *name; /* of its file: "slack.json" */
	const char *summary;
	const char *begin, *end;
};

extern const struct shipped_template shipped_templates[]; /* ends with .name == NULL */

/*
 * The text of one that is shipped, or of a file when the name has a slash; a relative one stands beside
 * the file `beside` (NULL = the working directory). NULL with a diagnostic.
 */
const struct source *template_source(struct arena *arena, const char *name, const char *beside,
	struct srcpos named_at, struct diags *diags);

#endif

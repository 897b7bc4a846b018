/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_TEMPLATE_H
#define VFIO_STRESS_REPORTERS_TEMPLATE_H

#include <stdbool.h>

struct arena;
struct diags;
struct source;

/*
 * A text with places for a message's values, for receivers that have a form of their own. It cannot
 * compute, include or read anything, and what it makes is bounded: docs/reports.md has the language.
 */
struct template;

#define TEMPLATE_SIZE_MAX  (64u << 10)
#define TEMPLATE_DEPTH_MAX 8 /* of what stands in each other */
#define TEMPLATE_NODES_MAX 4096

/* NULL when anything is wrong: all of it is in `diags`. The template is the arena's. */
struct template *template_compile(
	struct arena *arena, const struct source *src, struct diags *diags);
/* Is it a text of no known form, not JSON? */
bool template_is_text(const struct template *t);

#endif

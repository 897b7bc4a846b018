/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_TEMPLATE_RENDER_H
#define VFIO_STRESS_REPORTERS_TEMPLATE_RENDER_H

#include "base/err.h"

#include <stddef.h>

struct message;
struct template;

/*
 * What it makes of a message, in at most `max` bytes: when it would be more, lists and long texts become
 * shorter, step by step, and say so. "" = it has nothing to say of this one. NULL: even the shortest is
 * too long, or is not JSON where it should be. Heap.
 */
char *template_render(const struct template *t, const struct message *m, size_t max,
	size_t *len_out, struct err *err);

#endif

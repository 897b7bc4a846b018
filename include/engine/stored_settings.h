/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_STORED_SETTINGS_H
#define VFIO_STRESS_ENGINE_STORED_SETTINGS_H

#include <stddef.h>

struct arena;
struct setting;

/*
 * The --set of a run as its store has them: "NAME=VALUE" a line; a value may have lines of its own.
 * How many.
 */
size_t stored_settings(struct arena *arena, const char *text, struct setting **out);

#endif

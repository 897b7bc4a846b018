/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_STORED_SETTINGS_H
#define VFIO_STRESS_ENGINE_STORED_SETTINGS_H

#include "base/mem.h"
#include "base/str.h"

struct setting;

/* The --set of a run as one text, for the store. */
void stored_settings_text(const struct setting *list, size_t n, struct str *out);
/* The --set of a run, as the store has them, also one of before values were escaped. The arena's. */
size_t stored_settings(struct arena *arena, const char *text, struct setting **out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SPARE_H
#define VFIO_STRESS_ENGINE_SPARE_H

#include "base/err.h"

struct host;
struct store;

/*
 * A store that cannot be written silences no run: what became of it is worked out, and told, in a copy of the
 * store that goes with the boot. There is one per store and boot, so nothing is told twice in it, and
 * what it could not tell yet is told by the next try. What the store itself will tell once it can be written
 * has the same ids.
 */
struct spare;

/* Makes nothing yet. db: NULL = default. Free with spare_free; the copy stays. */
struct spare *spare_new(const struct host *host, const char *db);
void spare_free(struct spare *s);
/*
 * The copy, to be changed; `from` is what it is made of when there is none, NULL when that cannot be opened.
 * It belongs to the spare. -1: it would need too much of the memory, or there is no private place for it.
 */
int spare_open(struct spare *s, struct store *from, struct store **out, struct err *err) must_check;
/* All that is in it stands in the store by now. */
void spare_remove(struct spare *s);

#endif

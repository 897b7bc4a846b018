/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_PACK_H
#define VFIO_STRESS_WORLD_PACK_H

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

/* A tar archive (POSIX pax where ustar has no room) that is written member by member. */
struct pack;

/* Errors of writing `out` are seen by pack_close at the latest. */
int pack_open(FILE *out, struct pack **out_pack, struct err *err) must_check;
/* All of the open file `content`, from its beginning; `name` is its path in the archive. */
int pack_add(struct pack *p, const char *name, int64_t mtime_ns, FILE *content,
	struct err *err) must_check;
/* Ends the archive; NULL is taken. `out` stays open. */
int pack_close(struct pack *p, struct err *err) must_check;

#endif

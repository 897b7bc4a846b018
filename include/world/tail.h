/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_TAIL_H
#define VFIO_STRESS_WORLD_TAIL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Follows a file that others write: through rotation (renamed, or removed and made anew: the old
 * one is read to its end first) and truncation (read again from the start). It need not exist yet.
 */
struct tail;

enum tail_from { TAIL_START, TAIL_END };

#define TAIL_LINE_MAX 1024 /* longer lines are cut, and end in "..." */

int tail_open(const char *path, enum tail_from from, struct tail **out, struct err *err) must_check;
void tail_close(struct tail *t);
/* Readable when there may be something new. Not for network file systems: look now and then. */
int tail_fd(const struct tail *t);
/* What is new, up to `size` bytes; 0 = nothing now, -1 = it cannot be read. */
ssize_t tail_read(struct tail *t, char *buf, size_t size, struct err *err);
/* The next whole line, without its end and printable; false when there is none yet. */
bool tail_line(struct tail *t, char buf[TAIL_LINE_MAX], struct err *err);

#endif

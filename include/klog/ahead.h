/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_AHEAD_H
#define VFIO_STRESS_KLOG_AHEAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct logfile;
struct logfile_line;
struct sieve;

/* Reads the rest of a large log in blocks and sieves them, ahead of its reader, on all processors. */
struct ahead;

/* `lines` were read before. Both stay the caller's; nobody else may use the file meanwhile. */
struct ahead *ahead_new(struct logfile *file, const struct sieve *sieve, uint64_t lines);
void ahead_free(struct ahead *a);
/* The next line that stays, or with `every` the next line. 1, 0 = the end, -1. */
int ahead_next(struct ahead *a, bool every, struct logfile_line *out, struct err *err) must_check;
/* The file's reader goes on with the line that was returned last; then only ahead_free. */
int ahead_give_back(struct ahead *a, struct err *err) must_check;
/* Lines that were returned or passed over. */
uint64_t ahead_lines(const struct ahead *a);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_SNAPSHOT_H
#define VFIO_STRESS_MODEL_SNAPSHOT_H

#include "base/err.h"

#include <stddef.h>
#include <stdio.h>

struct topology;

/*
 * A machine as one text, "vfio-stress/snapshot/1" (docs/schema/snapshot-1.schema.json): what is read
 * back is the struct topology that was written, but for secrets and what identifies guests
 * (model/scrub.h).
 */

#define SNAPSHOT_MAX (64u << 20) /* bytes; a machine of 1,000 functions has 3 MiB */

/* Errors of `out` stay with it. */
void snapshot_write(const struct topology *t, const char *tool_version, FILE *out);
/* "-" is standard input; it may be compressed with gzip. Foreign: ERR_INPUT says what is wrong. */
int snapshot_read(const char *path, struct topology *out, struct err *err) must_check;
/* The same from memory; `name` is for messages. */
int snapshot_parse(const char *text, size_t n, const char *name, struct topology *out,
	struct err *err) must_check;

#endif

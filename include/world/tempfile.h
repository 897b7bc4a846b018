/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_TEMPFILE_H
#define VFIO_STRESS_WORLD_TEMPFILE_H

#include "base/err.h"

#include <stddef.h>

/* A file without a name, in $TMPDIR or else /var/tmp: it is gone with its descriptor. */
int tempfile_open(struct err *err) must_check;
/* All of it. */
int tempfile_write(int fd, const char *buf, size_t n, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_LOGPARTS_H
#define VFIO_STRESS_WORLD_LOGPARTS_H

#include "base/err.h"
#include "world/logfile.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is left of a plain file of lines, in parts that several threads read at the same time. */
struct logparts {
	int fd;
	off_t begin, end; /* what is written behind `end` meanwhile is not read */
};

/* Small enough for a processor's own cache. */
#define LOGPART_BYTES LOGFILE_BLOCK
#define LOGPART_BUF   (LOGPART_BYTES + LOGFILE_LINE_MAX + 3)

/* The lines that begin in a part; the last one of the file perhaps without its newline. */
struct logpart {
	char *text; /* in the caller's buffer */
	size_t n; /* 0 = none begins there */
	off_t at; /* of `text` in the file */
};

uint64_t logparts_count(const struct logparts *p);
/* `buf` has LOGPART_BUF bytes. Any thread may. */
int logparts_read(const struct logparts *p, uint64_t no, char *buf, struct logpart *out,
	struct err *err) must_check;

#endif

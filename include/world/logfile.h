/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_LOGFILE_H
#define VFIO_STRESS_WORLD_LOGFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* longer lines are cut; a record of /dev/kmsg has 4 KiB at most, a line of syslog 8 */
#define LOGFILE_LINE_MAX 65536

/* Text from a file or a pipe, also compressed (gzip, xz), line by line, in bounded memory. */
struct logfile;

struct logfile_line {
	const char *s; /* valid until the next call; not terminated, NULs read '?' */
	size_t n; /* without the newline and the carriage return in front of it */
	uint64_t no; /* from 1 */
	bool cut;
};

/*
 * "-" is standard input. What is known not to be lines of text (otherwise compressed, the
 * journal's own files, its JSON) is refused with the command that makes text of it.
 */
int logfile_open(const char *path, struct logfile **out, struct err *err) must_check;
void logfile_close(struct logfile *f);
/* 1 = a line, 0 = the end, -1 = it could not be read. */
int logfile_next(struct logfile *f, struct logfile_line *out, struct err *err) must_check;

#endif

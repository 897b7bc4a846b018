/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_LOGFILE_H
#define VFIO_STRESS_WORLD_LOGFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct instream;
struct logparts;
struct tail;
struct unpack;

/* longer lines are cut; a record of /dev/kmsg has 4 KiB at most, a line of syslog 8 */
#define LOGFILE_LINE_MAX 65536

/* Text from a file or a pipe, also compressed, line by line, in bounded memory. */
struct logfile;

struct logfile_line {
	const char *s; /* valid until the next call; not terminated, NULs read '?' */
	size_t n; /* without the newline, carriage returns in front of it, and terminal colours */
	uint64_t no; /* from 1 */
	bool cut;
};

/*
 * Takes `in`, also when it fails. An archive makes no logfile but *archive_out, of which `in` is
 * part. What is known not to be lines of text is refused with the command that makes text of it.
 */
int logfile_open(struct instream *in, struct logfile **out, struct unpack **archive_out,
	struct err *err) must_check;
/*
 * A file that others write, through rotation; or a pipe. A line is there when its end is. Both take
 * what they are made of.
 */
struct logfile *logfile_of_tail(struct tail *tail, const char *name);
struct logfile *logfile_of_pipe(int fd, const char *name);
void logfile_close(struct logfile *f);
/* Readable when there may be more; -1 = nothing comes any more. */
int logfile_fd(const struct logfile *f);
/* 1 = a line, 0 = the end (of what is there now), -1 = it could not be read. */
int logfile_next(struct logfile *f, struct logfile_line *out, struct err *err) must_check;
/*
 * For large files, instead of logfile_next: whole lines as they stand, the last one of the file
 * perhaps without its newline. Returns the bytes of a buffer of LOGFILE_BLOCK, 0 = the end, -1.
 */
#define LOGFILE_BLOCK (4 * LOGFILE_LINE_MAX)
ssize_t logfile_block(struct logfile *f, char *buf, struct err *err) must_check;
/*
 * Makes a line of the n bytes at s, the first of a block; returns how many it takes. They make the
 * same line again, unless it was cut.
 */
size_t logfile_line_of(char *s, size_t n, struct logfile_line *out);
/*
 * To go on with logfile_next after blocks: these bytes of the heap, which it takes, are read again.
 * In front of them were `lines`.
 */
void logfile_unread(struct logfile *f, char *s, size_t n, uint64_t lines);
/* What is left of a plain file, for readers that know their way in it; false = it is none. */
bool logfile_parts(const struct logfile *f, struct logparts *out);
/* To go on with logfile_next after those. In front of it were `lines`. */
int logfile_go_to(struct logfile *f, off_t at, uint64_t lines, struct err *err) must_check;
/*
 * The next n bytes as they are, for a format with binary parts; newlines in them count as lines.
 * False when there are fewer.
 */
bool logfile_bytes(struct logfile *f, char *buf, size_t n, struct err *err);
/* Lines that were begun. */
uint64_t logfile_lines(const struct logfile *f);
/* When it was written last; now, when that is not known. */
int64_t logfile_written_ns(const struct logfile *f);

#endif

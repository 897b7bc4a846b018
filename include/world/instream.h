/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_INSTREAM_H
#define VFIO_STRESS_WORLD_INSTREAM_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* The bytes of a file or a pipe. What is compressed with gzip is unpacked. */
struct instream;

#define INSTREAM_PEEK_MAX 4096
/* more, from a compressed file, is a bomb: gzip and xz pack a thousand bytes into one */
#define INSTREAM_UNPACKED_MAX (INT64_C(64) << 30)

/* "-" is standard input. */
int instream_open(const char *path, struct instream **out, struct err *err) must_check;
/* Takes the descriptor; `name` is for messages and is copied. */
struct instream *instream_of_fd(int fd, const char *name);
void instream_close(struct instream *in);
const char *instream_name(const struct instream *in);
/* The first bytes, which stay to be read; fewer than INSTREAM_PEEK_MAX only when there are no more. */
int instream_peek(
	struct instream *in, const char **s_out, size_t *n_out, struct err *err) must_check;
/* What is there, at least a byte; 0 = the end, -1. */
ssize_t instream_read(struct instream *in, char *buf, size_t size, struct err *err) must_check;
/* The descriptor of a plain file, and where instream_read would go on in it; -1 = it is none. */
int instream_plain(const struct instream *in, off_t *at_out);
/* Goes on there, in a plain file. */
int instream_go_to(struct instream *in, off_t at, struct err *err) must_check;
/* When the file was written last, 0 when it is none. */
int64_t instream_mtime_ns(const struct instream *in);

#endif

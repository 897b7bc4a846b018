/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_UNPACK_H
#define VFIO_STRESS_WORLD_UNPACK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct instream;

/*
 * Archives (tar, also compressed; zip), and single files that are compressed with xz, bzip2, zstd or
 * lz4. gzip's are unpacked below, by the instream.
 */
struct unpack;

/* Does it begin so? */
bool unpack_is_packed(const char *head, size_t n);
/* Takes `in`, also when it fails. */
int unpack_open(struct instream *in, struct unpack **out, struct err *err) must_check;
void unpack_close(struct unpack *u);
/* The name of what is unpacked, for messages. */
const char *unpack_name(const struct unpack *u);
/* A single compressed file: it has one member without a name. */
bool unpack_is_single(const struct unpack *u);
/* 1 = the next regular file, whose name is valid until the one after it; 0 = no more; -1. */
int unpack_next(struct unpack *u, const char **name_out, struct err *err) must_check;
/* When the member was written last, 0 when that is not known. */
int64_t unpack_mtime_ns(const struct unpack *u);
/* Some of the member's bytes; 0 = its end, -1. */
ssize_t unpack_read(struct unpack *u, char *buf, size_t size, struct err *err) must_check;

#endif

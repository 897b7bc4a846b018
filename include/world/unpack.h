/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_UNPACK_H
#define VFIO_STRESS_WORLD_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is still to be read, and where there is room. */
struct unpack_io {
	const uint8_t *in;
	size_t nin;
	uint8_t *out;
	size_t nout;
	bool last; /* nothing will follow `in` */
};

enum unpack_result {
	UNPACK_MORE, /* go on, with more input or more room */
	UNPACK_END, /* that was all, and it was whole */
	UNPACK_BAD, /* damaged or cut off */
};

/* A kind of compression. Several files one behind the other are one. */
struct unpacker {
	const char *name, *magic;
	size_t magic_len;
	void *(*begin)(void);
	enum unpack_result (*step)(void *state, struct unpack_io *io);
	void (*end)(void *state); /* state may be NULL */
};

extern const struct unpacker unpack_gzip, unpack_xz;

#endif

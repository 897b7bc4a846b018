/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/unpack.h"

#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct gunzip {
	z_stream z;
	bool whole; /* at the end of a member */
};

static void *begin(void)
{
	struct gunzip *g = xcalloc(1, sizeof(*g));

	/* 16: with gzip's header; fails only when memory is out */
	if (inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK)
		abort();
	return g;
}

static void end(void *state)
{
	struct gunzip *g = state;

	if (g == NULL)
		return;
	inflateEnd(&g->z);
	free(g);
}

static enum unpack_result step(void *state, struct unpack_io *io)
{
	struct gunzip *g = state;
	int rc;

	if (io->nin == 0 && io->last)
		return g->whole ? UNPACK_END : UNPACK_BAD;
	/* zlib does not write through next_in */
	g->z.next_in = (Bytef *)(uintptr_t)io->in;
	g->z.avail_in = io->nin > UINT_MAX ? UINT_MAX : (uInt)io->nin;
	g->z.next_out = io->out;
	g->z.avail_out = io->nout > UINT_MAX ? UINT_MAX : (uInt)io->nout;
	rc = inflate(&g->z, Z_NO_FLUSH);
	io->nin -= (size_t)(g->z.next_in - io->in);
	io->in = g->z.next_in;
	io->nout -= (size_t)(g->z.next_out - io->out);
	io->out = g->z.next_out;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return UNPACK_BAD;
	g->whole = rc == Z_STREAM_END;
	if (g->whole && inflateReset(&g->z) != Z_OK)
		return UNPACK_BAD;
	return UNPACK_MORE;
}

const struct unpacker unpack_gzip = {"gzip", "\x1f\x8b", 2, begin, step, end};

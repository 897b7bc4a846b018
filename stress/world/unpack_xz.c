/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/unpack.h"

#include "base/mem.h"

#include <lzma.h>
#include <stdlib.h>

#define MEMORY_MAX (UINT64_C(128) << 20) /* xz -9 needs 65 MiB */

static void *begin(void)
{
	lzma_stream *s = xmalloc(sizeof(*s));

	*s = (lzma_stream)LZMA_STREAM_INIT;
	/* fails only when memory is out */
	if (lzma_stream_decoder(s, MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		abort();
	return s;
}

static void end(void *state)
{
	if (state == NULL)
		return;
	lzma_end(state);
	free(state);
}

static enum unpack_result step(void *state, struct unpack_io *io)
{
	lzma_stream *s = state;
	lzma_ret rc;

	s->next_in = io->in;
	s->avail_in = io->nin;
	s->next_out = io->out;
	s->avail_out = io->nout;
	rc = lzma_code(s, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = s->next_in;
	io->nin = s->avail_in;
	io->out = s->next_out;
	io->nout = s->avail_out;
	if (rc == LZMA_STREAM_END)
		return UNPACK_END;
	/* no progress was possible: more input may help, unless there is none */
	if (rc == LZMA_BUF_ERROR)
		return io->last ? UNPACK_BAD : UNPACK_MORE;
	return rc == LZMA_OK ? UNPACK_MORE : UNPACK_BAD;
}

const struct unpacker unpack_xz = {
	"xz",
	"\xfd"
	"7zXZ",
	5,
	begin,
	step,
	end,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/logfile.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (4 * LOGFILE_LINE_MAX)

struct logfile {
	int fd;
	bool own_fd, eof;
	bool in_cut_line; /* its rest is still to be thrown away */
	const char *name; /* for messages */
	uint64_t lines;
	char *buf;
	size_t at, end; /* what is still to be taken */

	/* compressed */
	const struct unpacker *unpacker; /* NULL = it is not */
	void *unpacking;
	char *packed;
	struct unpack_io io;
};

/* Beginnings that prove that a file holds no lines of a log. */
static const struct {
	const char *magic;
	size_t n;
	const char *what, *hint;
} not_text[] = {
	{"\x28\xb5\x2f\xfd", 4, "compressed with zstd", "zstdcat FILE | vfio-stress scan -"},
	{"BZh", 3, "compressed with bzip2", "bzcat FILE | vfio-stress scan -"},
	{"LPKSHHRH", 8, "a file of the systemd journal",
		"journalctl -k -o short-monotonic --file=FILE | vfio-stress scan -"},
	{"{\"", 2, "JSON", "save the journal with journalctl -k -o short-monotonic"},
	{"{ \"", 3, "JSON", "save the journal with journalctl -k -o short-monotonic"},
	{"PK\x03\x04", 4, "a zip archive", "unpack it first"},
	{"\x7f"
	 "ELF",
		4, "a program or a core dump", "name a saved kernel log"},
};

static int read_some(struct logfile *f, char *buf, size_t size, size_t *n_out, struct err *err)
{
	ssize_t n;

	do
		n = read(f->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, ERR_IO, errno, "read %s", f->name);
	*n_out = (size_t)n;
	return 0;
}

/* Like a read: 0 bytes are the end. */
static int unpack_some(struct logfile *f, char *buf, size_t size, size_t *n_out, struct err *err)
{
	enum unpack_result result = UNPACK_MORE;

	f->io.out = (uint8_t *)buf;
	f->io.nout = size;
	while (result == UNPACK_MORE && f->io.nout == size) {
		if (f->io.nin == 0 && !f->io.last) {
			f->io.in = (uint8_t *)f->packed;
			if (read_some(f, f->packed, BUFFER_SIZE, &f->io.nin, err) != 0)
				return -1;
			f->io.last = f->io.nin == 0;
		}
		result = f->unpacker->step(f->unpacking, &f->io);
	}
	*n_out = size - f->io.nout;
	if (result == UNPACK_BAD && *n_out == 0) {
		err_set(err, ERR_IO, 0, "%s is not whole: its %s data is damaged or cut off",
			f->name, f->unpacker->name);
		return err_hint(err, "what was read until there is reported");
	}
	return 0;
}

/* Reads more behind what is held. 1 = some, 0 = the end. */
static int fill(struct logfile *f, struct err *err)
{
	size_t n = 0, room;
	int rc;

	if (f->eof)
		return 0;
	memmove(f->buf, f->buf + f->at, f->end - f->at);
	f->end -= f->at;
	f->at = 0;
	room = BUFFER_SIZE - f->end;
	rc = f->unpacker != NULL ? unpack_some(f, f->buf + f->end, room, &n, err)
				 : read_some(f, f->buf + f->end, room, &n, err);
	if (rc != 0)
		return -1;
	f->eof = n == 0;
	f->end += n;
	return n > 0;
}

/* Whatever has been read becomes what is to be unpacked. */
static void unpack_if_packed(struct logfile *f)
{
	static const struct unpacker *const known[] = {&unpack_gzip, &unpack_xz};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known) && f->unpacker == NULL; i++)
		if (f->end >= known[i]->magic_len &&
			memcmp(f->buf, known[i]->magic, known[i]->magic_len) == 0)
			f->unpacker = known[i];
	if (f->unpacker == NULL)
		return;
	f->unpacking = f->unpacker->begin();
	f->packed = f->buf;
	f->io = (struct unpack_io){.in = (uint8_t *)f->packed, .nin = f->end, .last = f->eof};
	f->buf = xmalloc(BUFFER_SIZE);
	f->end = 0;
	f->eof = false;
}

/* A pipe may give single bytes: enough of them to know it by its magic. */
static int fill_head(struct logfile *f, struct err *err)
{
	int rc = 1;

	while (rc > 0 && f->end < 8)
		rc = fill(f, err);
	return rc < 0 ? -1 : 0;
}

static int must_be_text(struct logfile *f, struct err *err)
{
	size_t i;

	if (fill_head(f, err) != 0)
		return -1;
	unpack_if_packed(f);
	if (f->unpacker != NULL && fill_head(f, err) != 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(not_text); i++) {
		if (f->end < not_text[i].n || memcmp(f->buf, not_text[i].magic, not_text[i].n) != 0)
			continue;
		err_set(err, ERR_UNSUPPORTED, 0, "%s is %s, not lines of text", f->name,
			not_text[i].what);
		return err_hint(err, "%s", not_text[i].hint);
	}
	return 0;
}

int logfile_open(const char *path, struct logfile **out, struct err *err)
{
	bool standard = str_eq(path, "-");
	struct logfile *f;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
	f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	f->own_fd = !standard;
	f->name = standard ? "standard input" : path;
	f->buf = xmalloc(BUFFER_SIZE);
	if (must_be_text(f, err) != 0) {
		logfile_close(f);
		return -1;
	}
	*out = f;
	return 0;
}

void logfile_close(struct logfile *f)
{
	if (f == NULL)
		return;
	if (f->own_fd)
		close(f->fd);
	if (f->unpacker != NULL)
		f->unpacker->end(f->unpacking);
	free(f->packed);
	free(f->buf);
	free(f);
}

static void replace_nuls(char *s, size_t n)
{
	char *nul;

	for (; (nul = memchr(s, '\0', n)) != NULL; n -= (size_t)(nul - s), s = nul)
		*nul = '?';
}

/* Throws away up to and with the next newline. */
static int skip_line(struct logfile *f, struct err *err)
{
	int rc = 1;

	while (rc > 0) {
		char *eol = memchr(f->buf + f->at, '\n', f->end - f->at);

		f->at = eol ? (size_t)(eol - f->buf) + 1 : f->end;
		if (eol != NULL)
			return 0;
		rc = fill(f, err);
	}
	return rc;
}

/* 1 = a line's beginning is held, up to its end when it is not too long; 0 = nothing is left. */
static int hold_line(struct logfile *f, struct err *err)
{
	size_t looked = 0;
	int rc = 1;

	while (rc > 0 && f->end - f->at <= LOGFILE_LINE_MAX &&
		memchr(f->buf + f->at + looked, '\n', f->end - f->at - looked) == NULL) {
		looked = f->end - f->at;
		rc = fill(f, err);
	}
	return rc < 0 ? -1 : f->at < f->end;
}

int logfile_next(struct logfile *f, struct logfile_line *out, struct err *err)
{
	char *s, *eol;
	int rc;

	if (f->in_cut_line && skip_line(f, err) < 0)
		return -1;
	f->in_cut_line = false;
	rc = hold_line(f, err);
	if (rc <= 0)
		return rc;
	s = f->buf + f->at;
	out->n = f->end - f->at;
	eol = memchr(s, '\n', out->n < LOGFILE_LINE_MAX + 1 ? out->n : LOGFILE_LINE_MAX + 1);
	if (eol != NULL)
		out->n = (size_t)(eol - s);
	out->cut = f->in_cut_line = out->n > LOGFILE_LINE_MAX;
	if (out->cut)
		out->n = LOGFILE_LINE_MAX;
	f->at += out->n + (eol != NULL);
	if (!out->cut && out->n > 0 && s[out->n - 1] == '\r')
		out->n--;
	replace_nuls(s, out->n);
	out->s = s;
	out->no = ++f->lines;
	return 1;
}

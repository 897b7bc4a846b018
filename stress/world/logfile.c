/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/logfile.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "world/instream.h"
#include "world/logparts.h"
#include "world/tail.h"
#include "world/unpack.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct logfile {
	struct instream *in;
	struct unpack *unpack; /* or this, which has `in` */
	struct tail *tail; /* or this */
	int pipe; /* or this; -1 = none */
	const char *name; /* of the last two; for messages */
	bool eof;
	struct err err; /* why it ended before its end */
	bool in_cut_line; /* its rest is still to be thrown away */
	uint64_t lines;
	char *buf;
	size_t at, end; /* what is still to be taken */
	char *back; /* what is to be read first of all; NULL = nothing */
	size_t back_at, back_end;
};

/* Beginnings that prove that a file holds no lines of a log. */
static const struct {
	const char *magic;
	size_t n;
	const char *what, *hint;
} not_text[] = {
	{"LPKSHHRH", 8, "a file of the systemd journal",
		"it is read in place: name the file itself"},
	{"\xff\xfe", 2, "text in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | vfio-stress scan -"},
	{"KDUMP   ", 8, "a dump of memory",
		"makedumpfile --dump-dmesg FILE dmesg.txt writes its kernel log"},
	{"SQLite f", 8, "a database", "a store of runs is read by `vfio-stress report --db FILE`"},
	{"\x7f"
	 "ELF",
		4, "a program or a core dump",
		"of a dump, makedumpfile --dump-dmesg FILE dmesg.txt writes the kernel log"},
};

static bool is_live(const struct logfile *f)
{
	return f->tail != NULL || f->pipe >= 0;
}

/* What is there: others may read the pipe too, so that it must not be made non-blocking. */
static ssize_t read_pipe(struct logfile *f, char *buf, size_t size)
{
	struct pollfd p = {.fd = f->pipe, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	do
		n = read(f->pipe, buf, size);
	while (n < 0 && errno == EINTR);
	f->eof = n == 0;
	return n < 0 ? err_set(&f->err, ERR_IO, errno, "read %s", f->name) : n;
}

/* Some bytes; 0 at the end (of what is there now), or where reading failed: f->err. */
static size_t read_some(struct logfile *f, char *buf, size_t size)
{
	ssize_t n;

	if (f->back_at < f->back_end) {
		if (size > f->back_end - f->back_at)
			size = f->back_end - f->back_at;
		memcpy(buf, f->back + f->back_at, size);
		f->back_at += size;
		return size;
	}
	if (f->eof)
		return 0;
	n = f->tail != NULL         ? tail_read(f->tail, buf, size, &f->err)
		: f->pipe >= 0      ? read_pipe(f, buf, size)
		: f->unpack != NULL ? unpack_read(f->unpack, buf, size, &f->err)
				    : instream_read(f->in, buf, size, &f->err);
	f->eof = f->eof || n < 0 || (n == 0 && !is_live(f));
	return n > 0 ? (size_t)n : 0;
}

/* Reads more behind what is held. */
static bool fill(struct logfile *f)
{
	size_t n;

	memmove(f->buf, f->buf + f->at, f->end - f->at);
	f->end -= f->at;
	f->at = 0;
	n = read_some(f, f->buf + f->end, LOGFILE_BLOCK - f->end);
	f->end += n;
	return n > 0;
}

/* Single bytes may be all that comes at a time: enough of them to know it by its magic. */
static int must_be_text(struct logfile *f, struct err *err)
{
	const char *name = f->unpack ? unpack_name(f->unpack) : instream_name(f->in);
	size_t i;

	while (f->end < 8 && fill(f))
		continue;
	if (f->end == 0 && f->err.code != ERR_NONE) {
		*err = f->err;
		return -1;
	}
	for (i = 0; i < ARRAY_SIZE(not_text); i++) {
		if (f->end < not_text[i].n || memcmp(f->buf, not_text[i].magic, not_text[i].n) != 0)
			continue;
		err_set(err, ERR_UNSUPPORTED, 0, "%s is %s, not lines of text", name,
			not_text[i].what);
		return err_hint(err, "%s", not_text[i].hint);
	}
	return 0;
}

/* Unpacks, unless it is text already; an archive becomes *archive_out. */
static int open_unpack(struct logfile *f, struct unpack **archive_out, struct err *err)
{
	const char *head;
	size_t n;
	int rc;

	if (instream_peek(f->in, &head, &n, err) != 0)
		return -1;
	if (!unpack_is_packed(head, n))
		return 0;
	rc = unpack_open(f->in, &f->unpack, err);
	f->in = NULL;
	if (rc == 0 && !unpack_is_single(f->unpack))
		*archive_out = take_ptr(f->unpack);
	return rc;
}

static struct logfile *logfile_new(void)
{
	struct logfile *f = xcalloc(1, sizeof(*f));

	f->pipe = -1;
	f->buf = xmalloc(LOGFILE_BLOCK);
	return f;
}

int logfile_open(
	struct instream *in, struct logfile **out, struct unpack **archive_out, struct err *err)
{
	struct logfile *f = logfile_new();

	f->in = in;
	*archive_out = NULL;
	if (open_unpack(f, archive_out, err) != 0 ||
		(*archive_out == NULL && must_be_text(f, err) != 0)) {
		logfile_close(f);
		return -1;
	}
	if (*archive_out != NULL)
		logfile_close(take_ptr(f));
	*out = f;
	return 0;
}

struct logfile *logfile_of_tail(struct tail *tail, const char *name)
{
	struct logfile *f = logfile_new();

	f->tail = tail;
	f->name = name;
	return f;
}

struct logfile *logfile_of_pipe(int fd, const char *name)
{
	struct logfile *f = logfile_new();

	f->pipe = fd;
	f->name = name;
	return f;
}

int logfile_fd(const struct logfile *f)
{
	return f->eof ? -1 : f->tail != NULL ? tail_fd(f->tail) : f->pipe;
}

void logfile_close(struct logfile *f)
{
	if (f == NULL)
		return;
	tail_close(f->tail);
	cleanup_close(&f->pipe);
	unpack_close(f->unpack);
	instream_close(f->in);
	free(f->back);
	free(f->buf);
	free(f);
}

int64_t logfile_written_ns(const struct logfile *f)
{
	int64_t ns = f->unpack ? unpack_mtime_ns(f->unpack) : f->in ? instream_mtime_ns(f->in) : 0;

	return ns != 0 ? ns : clock_wall_ns();
}

uint64_t logfile_lines(const struct logfile *f)
{
	return f->lines;
}

static void replace_nuls(char *s, size_t n)
{
	char *nul;

	for (; (nul = memchr(s, '\0', n)) != NULL; n -= (size_t)(nul - s), s = nul)
		*nul = '?';
}

/* What a terminal would not show of an escape sequence that begins here; 0 = it begins none. */
static size_t escape_len(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return 0;
	if (s[1] == '(' || s[1] == ')') /* choice of a character set */
		return n < 3 ? 0 : 3;
	if (s[1] == '[') {
		while (i < n && s[i] >= 0x20 && s[i] < 0x40)
			i++;
		return i < n && s[i] >= 0x40 ? i + 1 : 0;
	}
	if (s[1] != ']')
		return 0;
	while (i < n && s[i] != '\a' && s[i] != '\033') /* a window's title */
		i++;
	return i == n ? 0 : s[i] == '\a' ? i + 1 : i + 1 < n && s[i + 1] == '\\' ? i + 2 : 0;
}

/* dmesg --color=always, and what was recorded from a terminal. Returns the new length. */
static size_t remove_escapes(char *s, size_t n)
{
	char *from = memchr(s, '\033', n), *to = from, *end = s + n;

	while (from != NULL && from < end) {
		size_t skip = *from == '\033' ? escape_len(from, (size_t)(end - from)) : 0;

		if (skip == 0)
			*to++ = *from++;
		from += skip;
	}
	return from == NULL ? n : (size_t)(to - s);
}

/* Throws away up to and with the next newline. */
static void skip_line(struct logfile *f)
{
	do {
		char *eol = memchr(f->buf + f->at, '\n', f->end - f->at);

		f->at = eol ? (size_t)(eol - f->buf) + 1 : f->end;
		if (eol != NULL)
			return;
	} while (fill(f));
}

/* Holds a line's beginning, up to its end when it is not too long; false = nothing is left. */
static bool hold_line(struct logfile *f)
{
	size_t looked = 0;

	while (f->end - f->at <= LOGFILE_LINE_MAX &&
		memchr(f->buf + f->at + looked, '\n', f->end - f->at - looked) == NULL) {
		looked = f->end - f->at;
		if (!fill(f))
			break;
	}
	return f->at < f->end;
}

static int at_end(struct logfile *f, struct err *err)
{
	if (f->err.code == ERR_NONE)
		return 0;
	*err = f->err;
	return -1;
}

/* The n bytes at s become a line. */
static void finish_line(char *s, size_t n, struct logfile_line *out)
{
	out->cut = n > LOGFILE_LINE_MAX;
	if (out->cut)
		n = LOGFILE_LINE_MAX;
	while (!out->cut && n > 0 && s[n - 1] == '\r')
		n--;
	replace_nuls(s, n);
	out->n = remove_escapes(s, n);
	out->s = s;
}

int logfile_next(struct logfile *f, struct logfile_line *out, struct err *err)
{
	char *s, *eol;
	size_t n;

	if (f->in_cut_line)
		skip_line(f);
	f->in_cut_line = false;
	if (!hold_line(f))
		return at_end(f, err);
	s = f->buf + f->at;
	n = f->end - f->at;
	if (n > LOGFILE_LINE_MAX + 1)
		n = LOGFILE_LINE_MAX + 1;
	eol = memchr(s, '\n', n);
	/* its end is still being written */
	if (eol == NULL && n <= LOGFILE_LINE_MAX && is_live(f) && !f->eof)
		return 0;
	if (eol != NULL)
		n = (size_t)(eol - s);
	finish_line(s, n, out);
	f->in_cut_line = out->cut;
	f->at += n + (eol != NULL);
	out->no = ++f->lines;
	return 1;
}

/* A line that is longer than the block: its begin stays. */
static size_t cut_block(struct logfile *f, char *buf)
{
	skip_line(f);
	buf[LOGFILE_LINE_MAX + 1] = '\n';
	return LOGFILE_LINE_MAX + 2;
}

ssize_t logfile_block(struct logfile *f, char *buf, struct err *err)
{
	size_t n, more = 1, whole;
	const char *nl;

	if (f->in_cut_line)
		skip_line(f);
	f->in_cut_line = false;
	n = f->end - f->at;
	memcpy(buf, f->buf + f->at, n);
	f->at = f->end = 0;
	for (; n < LOGFILE_BLOCK && more > 0; n += more)
		more = read_some(f, buf + n, LOGFILE_BLOCK - n);
	if (n == 0)
		return at_end(f, err);
	if (f->eof)
		return (ssize_t)n;
	nl = memrchr(buf, '\n', n);
	if (nl == NULL)
		return (ssize_t)cut_block(f, buf);
	whole = (size_t)(nl - buf) + 1;
	f->end = n - whole;
	memcpy(f->buf, buf + whole, f->end);
	return (ssize_t)whole;
}

size_t logfile_line_of(char *s, size_t n, struct logfile_line *out)
{
	const char *eol = memchr(s, '\n', n);

	if (eol != NULL)
		n = (size_t)(eol - s);
	finish_line(s, n, out);
	/* what escape sequences have left; at a line's end these are none of it */
	if (!out->cut)
		memset(s + out->n, '\r', n - out->n);
	return n + (eol != NULL);
}

void logfile_unread(struct logfile *f, char *s, size_t n, uint64_t lines)
{
	size_t held = f->end - f->at;

	f->back = xrealloc(s, n + held + 1);
	memcpy(f->back + n, f->buf + f->at, held);
	f->back_at = f->at = f->end = 0;
	f->back_end = n + held;
	f->lines = lines;
}

bool logfile_parts(const struct logfile *f, struct logparts *out)
{
	struct stat st;
	off_t at;
	int fd = f->in != NULL && f->back_at == f->back_end ? instream_plain(f->in, &at) : -1;

	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	at -= (off_t)(f->end - f->at);
	*out = (struct logparts){fd, at, st.st_size > at ? st.st_size : at};
	return true;
}

int logfile_go_to(struct logfile *f, off_t at, uint64_t lines, struct err *err)
{
	f->at = f->end = 0;
	f->eof = f->in_cut_line = false;
	f->lines = lines;
	return instream_go_to(f->in, at, err);
}

bool logfile_bytes(struct logfile *f, char *buf, size_t n, struct err *err)
{
	while (n > 0) {
		size_t held = f->end - f->at, i;

		if (held == 0 && !fill(f)) {
			if (at_end(f, err) == 0)
				err_set(err, ERR_INPUT, 0, "the log ends within a record");
			return false;
		}
		held = f->end - f->at;
		if (held > n)
			held = n;
		memcpy(buf, f->buf + f->at, held);
		for (i = 0; i < held; i++)
			f->lines += buf[i] == '\n';
		f->at += held;
		buf += held;
		n -= held;
	}
	return true;
}

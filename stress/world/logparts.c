/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/logparts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TAIL 4096 /* read behind a part at once: longer lines are rare */

/* A part and what is around it, in the buffer. */
struct window {
	const struct logparts *p;
	char *s;
	size_t n;
	off_t at; /* of s in the file */
	size_t stop; /* lines that begin from here on are of the next part */
	bool whole; /* nothing is behind it */
};

uint64_t logparts_count(const struct logparts *p)
{
	return ((uint64_t)(p->end - p->begin) + LOGPART_BYTES - 1) / LOGPART_BYTES;
}

/* Reads on, up to n bytes. A file that was made shorter ends there. */
static int widen(struct window *w, size_t n, struct err *err)
{
	off_t left = w->p->end - w->at;

	w->whole = (off_t)n >= left;
	if (w->whole)
		n = (size_t)left;
	while (w->n < n) {
		ssize_t got = pread(w->p->fd, w->s + w->n, n - w->n, w->at + (off_t)w->n);

		if (got < 0 && errno != EINTR)
			return err_set(err, ERR_IO, errno, "read the log");
		if (got == 0) {
			w->whole = true;
			break;
		}
		w->n += got > 0 ? (size_t)got : 0;
	}
	if (w->stop > w->n)
		w->stop = w->n;
	return 0;
}

/* Where the first line begins; w->stop when none does. */
static size_t find_begin(const struct window *w)
{
	const char *nl;

	if (w->at == 0)
		return 0;
	/* the byte in front of the part says whether a line begins with it */
	nl = w->stop > 1 ? memchr(w->s, '\n', w->stop - 1) : NULL;
	return nl != NULL ? (size_t)(nl - w->s) + 1 : w->stop;
}

/* Behind the newline of the last line that begins in the part; 0 when that is not there. */
static size_t find_end(const struct window *w)
{
	const char *nl = memchr(w->s + w->stop - 1, '\n', w->n - w->stop + 1);

	return nl != NULL ? (size_t)(nl - w->s) + 1 : w->whole ? w->n : 0;
}

/* A line too long to be kept whole: its begin stays. */
static size_t cut_line(const struct window *w, size_t begin)
{
	const char *nl = memrchr(w->s + begin, '\n', w->stop - 1 - begin);
	size_t end = (nl != NULL ? (size_t)(nl - w->s) + 1 : begin) + LOGFILE_LINE_MAX + 1;

	w->s[end] = '\n';
	return end + 1;
}

int logparts_read(
	const struct logparts *p, uint64_t no, char *buf, struct logpart *out, struct err *err)
{
	off_t from = p->begin + (off_t)(no * LOGPART_BYTES);
	bool before = from > 0;
	struct window w = {.p = p, .s = buf, .at = from - before, .stop = LOGPART_BYTES + before};
	size_t begin, end = 0;

	if (widen(&w, w.stop + TAIL, err) != 0)
		return -1;
	begin = find_begin(&w);
	if (begin < w.stop && (end = find_end(&w)) == 0) {
		if (widen(&w, w.stop + LOGFILE_LINE_MAX + 2, err) != 0)
			return -1;
		end = find_end(&w);
		if (end == 0)
			end = cut_line(&w, begin);
	}
	*out = (struct logpart){w.s + begin, begin < w.stop ? end - begin : 0, w.at + (off_t)begin};
	return 0;
}

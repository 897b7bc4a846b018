/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/screen.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/report_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_MAX  (64u << 10) /* bytes that wait for a reader */
#define LAST_WORDS (200 * NS_PER_MS) /* for what is queued when we end */

static const char *const tints[] = {
	[TINT_NONE] = "",
	[TINT_GOOD] = "\x1b[32m",
	[TINT_WARN] = "\x1b[33m",
	[TINT_BAD] = "\x1b[1;31m",
	[TINT_DIM] = "\x1b[2m",
};

/*
 * Opened again, because O_NONBLOCK belongs to the open file, which the shell and our children share.
 * A regular file never makes us wait, and a second offset into it would overwrite others' lines.
 */
static int reopen(int fd)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) != 0 || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool can_redraw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && *term != '\0' && !str_eq(term, "dumb");
}

void screen_init(struct screen *s, int fd)
{
	int own = reopen(fd);

	*s = (struct screen){.fd = own >= 0 ? own : fd, .owned = own >= 0};
	s->live = can_redraw(fd);
	s->colour = report_colour(fd);
}

static void flush(struct screen *s)
{
	size_t done = 0;

	while (done < s->queue.len) {
		ssize_t n = write(s->fd, s->queue.s + done, s->queue.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			done = s->queue.len; /* nobody is there any more */
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done > 0) {
		memmove(s->queue.s, s->queue.s + done, s->queue.len - done + 1);
		s->queue.len -= done;
	}
}

void screen_size(const struct screen *s, unsigned *width, unsigned *height)
{
	struct winsize ws;

	*width = 80;
	*height = 24;
	if (ioctl(s->fd, TIOCGWINSZ, &ws) != 0)
		return;
	if (ws.ws_col > 0)
		*width = ws.ws_col;
	if (ws.ws_row > 0)
		*height = ws.ws_row;
}

/*
 * The cursor goes back to the block's first row. After the window has become smaller nobody knows
 * where that is (some terminals wrap old lines again, some cut them): the old block stays then.
 */
static void go_up(struct screen *s)
{
	unsigned width, height;

	screen_size(s, &width, &height);
	if (s->drawn > 0 && width >= s->width && height > s->drawn)
		str_addf(&s->queue, "\r\x1b[%uA", s->drawn);
	s->drawn = 0;
	s->width = width;
	s->height = height;
}

/* A job in the background does not paint over what the user does now. */
static bool in_foreground(const struct screen *s)
{
	pid_t pgrp = tcgetpgrp(s->fd);

	return pgrp < 0 || pgrp == getpgrp();
}

static void erase(struct screen *s)
{
	if (!in_foreground(s))
		s->drawn = 0; /* others have written since */
	if (s->drawn == 0)
		return;
	go_up(s);
	str_add(&s->queue, "\x1b[J");
}

static void add_tinted(struct screen *s, enum tint tint, const char *text, size_t len)
{
	bool on = s->colour && tint != TINT_NONE;

	str_addf(&s->queue, "%s%.*s%s", on ? tints[tint] : "", (int)len, text, on ? "\x1b[0m" : "");
}

static void paint(struct screen *s)
{
	unsigned i, rows = (unsigned)s->nblock;

	go_up(s);
	if (rows >= s->height)
		rows = s->height - 1;
	for (i = 0; i < rows; i++) {
		add_tinted(s, s->block[i].tint, s->block[i].text,
			utf8_fit(s->block[i].text, s->width - 1));
		str_add(&s->queue, "\x1b[K\n");
	}
	str_add(&s->queue, "\x1b[J");
	s->drawn = rows;
	flush(s);
}

static void draw(struct screen *s)
{
	if (!in_foreground(s))
		s->drawn = 0;
	else if (s->live && s->queue.len == 0)
		paint(s);
}

static char *harmless(const char *text)
{
	size_t len = strlen(text), size = 4 * len + 8;

	return str_printable(xmalloc(size), size, text, len);
}

static void say_dropped(struct screen *s)
{
	if (s->dropped == 0 || s->queue.len > QUEUE_MAX / 2)
		return;
	erase(s);
	str_addf(&s->queue, "(%zu lines were not shown: the terminal was stopped)\n", s->dropped);
	s->dropped = 0;
}

void screen_line(struct screen *s, enum tint tint, const char *text)
{
	auto_free char *clean = harmless(text);

	flush(s);
	if (s->queue.len > QUEUE_MAX) {
		s->dropped++;
		return;
	}
	say_dropped(s);
	erase(s);
	add_tinted(s, tint, clean, strlen(clean));
	str_add(&s->queue, "\n");
	flush(s);
	draw(s);
}

void screen_block_clear(struct screen *s)
{
	while (s->nblock > 0)
		free(s->block[--s->nblock].text);
}

void screen_block_add(struct screen *s, enum tint tint, const char *text)
{
	if (!s->live || s->nblock == BLOCK_ROWS)
		return;
	s->block[s->nblock].text = harmless(text);
	s->block[s->nblock++].tint = tint;
}

void screen_block_draw(struct screen *s)
{
	flush(s);
	say_dropped(s);
	flush(s);
	draw(s);
}

void screen_lost(struct screen *s)
{
	s->drawn = 0;
}

void screen_finish(struct screen *s)
{
	int64_t deadline = clock_mono_ns() + LAST_WORDS;
	struct pollfd p = {.fd = s->fd, .events = POLLOUT};

	erase(s);
	flush(s);
	screen_block_clear(s);
	while (s->owned && s->queue.len > 0 && poll(&p, 1, clock_poll_ms(deadline)) > 0)
		flush(s);
	if (s->owned)
		close(s->fd);
	str_finish(&s->queue);
	*s = (struct screen){.fd = -1};
}

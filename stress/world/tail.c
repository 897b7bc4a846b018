/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/tail.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct tail {
	char path[PATH_MAX];
	int fd; /* -1 = not there yet */
	int watch; /* inotify */
	dev_t dev;
	ino_t ino;
	int64_t offset;
	char line[TAIL_LINE_MAX]; /* of a line that has no end yet */
	size_t line_len;
	bool cut; /* the rest of a long line is skipped */
};

/* Directory for the file's coming and going, the file itself for its growth. */
static void watch_both(struct tail *t)
{
	char dir[PATH_MAX];
	char *slash;

	str_copy(dir, sizeof(dir), t->path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		str_set(dir, ".");
	else
		slash[slash == dir] = '\0';
	/* a missing directory, or no watches left, only costs promptness */
	inotify_add_watch(t->watch, dir, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
	inotify_add_watch(t->watch, t->path, IN_MODIFY);
}

/* Opens what stands at the path now; false when nothing does. A FIFO or device is not followed. */
static bool open_now(struct tail *t)
{
	auto_close int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = take_fd(&fd);
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->offset = 0;
	watch_both(t);
	return true;
}

int tail_open(const char *path, enum tail_from from, struct tail **out, struct err *err)
{
	struct tail *t;
	struct stat st;

	if (strlen(path) >= PATH_MAX)
		return err_set(err, ERR_INPUT, 0, "a path of %zu bytes is too long", strlen(path));
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, 0, "%s is not a regular file", path);
	t = xcalloc(1, sizeof(*t));
	t->fd = -1;
	t->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	str_set(t->path, path);
	if (!open_now(t)) {
		if (errno != ENOENT && errno != ENOTDIR) {
			int sys = errno;

			tail_close(t);
			return err_set(err, ERR_IO, sys, "open %s", path);
		}
		watch_both(t);
	} else if (from == TAIL_END && fstat(t->fd, &st) == 0) {
		t->offset = st.st_size;
	}
	*out = t;
	return 0;
}

void tail_close(struct tail *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		close(t->fd);
	if (t->watch >= 0)
		close(t->watch);
	free(t);
}

int tail_fd(const struct tail *t)
{
	return t->watch;
}

static void forget_wakes(struct tail *t)
{
	char events[4096];

	while (t->watch >= 0 && read(t->watch, events, sizeof(events)) > 0)
		continue;
}

/* Has another file taken the path? */
static bool replaced(const struct tail *t)
{
	struct stat st;

	return stat(t->path, &st) == 0 && (st.st_dev != t->dev || st.st_ino != t->ino);
}

static ssize_t read_more(struct tail *t, char *buf, size_t size, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(t->fd, &st) == 0 && st.st_size < t->offset)
		t->offset = 0; /* truncated */
	do {
		n = pread(t->fd, buf, size, t->offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, ERR_IO, errno, "read %s", t->path);
	t->offset += n;
	return n;
}

ssize_t tail_read(struct tail *t, char *buf, size_t size, struct err *err)
{
	ssize_t n;

	forget_wakes(t); /* before reading: what comes after makes it readable again */
	if (t->fd < 0 && !open_now(t))
		return 0;
	n = read_more(t, buf, size, err);
	if (n != 0 || !replaced(t))
		return n;
	/* once more: the writer may have added to the old one just before it was replaced */
	n = read_more(t, buf, size, err);
	if (n != 0 || !open_now(t))
		return n;
	return read_more(t, buf, size, err);
}

/* Takes bytes into the line; true when it is complete. */
static bool add_byte(struct tail *t, char c)
{
	if (c == '\n')
		return true;
	if (t->line_len < sizeof(t->line))
		t->line[t->line_len++] = c;
	else
		t->cut = true;
	return false;
}

bool tail_line(struct tail *t, char buf[TAIL_LINE_MAX], struct err *err)
{
	char chunk[256];
	ssize_t i, n;

	while ((n = tail_read(t, chunk, sizeof(chunk), err)) > 0) {
		for (i = 0; i < n && !add_byte(t, chunk[i]); i++)
			continue;
		if (i == n)
			continue;
		t->offset -= n - i - 1; /* the rest belongs to the next line */
		if (t->line_len > 0 && t->line[t->line_len - 1] == '\r')
			t->line_len--;
		str_printable(buf, TAIL_LINE_MAX, t->line, t->line_len);
		if (t->cut && strlen(buf) + 4 <= TAIL_LINE_MAX)
			memcpy(buf + strlen(buf), "...", 4);
		t->line_len = 0;
		t->cut = false;
		return true;
	}
	return false;
}

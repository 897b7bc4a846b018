/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/console.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/domdef.h"
#include "world/host.h"
#include "world/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define CHUNK_SIZE   4096
#define LINE_KEEP    256
#define FILE_LOOK_MS 500 /* for file systems that do not notify */

/* panic() in kernel/panic.c: the words that every Linux prints. */
static const char panic_words[] = "Kernel panic - not syncing";

struct console {
	int fd; /* pty or socket, -1 = a file */
	struct tail *tail;
	int wake, quit; /* eventfds */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	struct console_seen seen;
	char pattern[CONSOLE_PATTERN_MAX];
	/* of the reading thread: what a match may begin in, and the line being printed */
	char before[CONSOLE_PATTERN_MAX];
	size_t before_len;
	char line[LINE_KEEP];
	size_t line_len;
};

int console_check(const struct domdef_serial *s, struct err *err)
{
	if (s->log[0] != '\0' || s->kind == SERIAL_PTY || s->kind == SERIAL_FILE ||
		(s->kind == SERIAL_UNIX && s->listens))
		return 0;
	err_set(err, ERR_UNSUPPORTED, 0, "a console of type '%s'%s cannot be read", s->type,
		s->kind == SERIAL_UNIX ? " that connects to another program" : "");
	return err_hint(err,
		"add <log file='/var/log/libvirt/qemu/NAME-serial.log'/> to the "
		"domain's serial device");
}

/* QEMU makes its pty raw; should it not be, an echo would type the guest's output back to it. */
static int open_pty(const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios tio;

	if (fd < 0)
		return err_set(err, ERR_IO, errno, "open the console %s", path);
	if (tcgetattr(fd, &tio) == 0 && (tio.c_lflag & (ICANON | ECHO)) != 0) {
		cfmakeraw(&tio);
		tcsetattr(fd, TCSANOW, &tio);
	}
	tcflush(fd, TCIFLUSH); /* left from an earlier reader */
	return take_fd(&fd);
}

static int open_socket(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_INPUT, 0, "the console's socket path %s is too long", path);
	str_set(addr.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		return err_set(err, ERR_IO, errno, "connect to the console %s", path);
	return take_fd(&fd);
}

static int open_source(struct console *c, const struct domdef_serial *s, struct err *err)
{
	if (console_check(s, err) != 0)
		return -1;
	if (s->log[0] != '\0') /* whole, whoever else reads the console itself */
		return tail_open(s->log, TAIL_END, &c->tail, err);
	if (s->path[0] == '\0')
		return err_set(err, ERR_ABSENT, 0, "the console of type '%s' has no path", s->type);
	if (s->kind == SERIAL_FILE)
		return tail_open(s->path, TAIL_END, &c->tail, err);
	c->fd = s->kind == SERIAL_PTY ? open_pty(s->path, err) : open_socket(s->path, err);
	return c->fd >= 0 ? 0 : -1;
}

/* How often the pattern ends in text[0..n), of which the first `old` bytes were seen before. */
static unsigned count_matches(const char *text, size_t n, size_t old, const char *pattern)
{
	size_t len = strlen(pattern);
	unsigned found = 0;
	const char *at = text;

	while (len > 0 && (at = memmem(at, n - (size_t)(at - text), pattern, len)) != NULL) {
		found += (size_t)(at - text) + len > old;
		at += len;
	}
	return found;
}

/* Under the lock. Keeps the last line that has text; a panic's stays. */
static void end_line(struct console *c)
{
	struct console_seen *s = &c->seen;
	bool panic = memmem(c->line, c->line_len, panic_words, strlen(panic_words)) != NULL;

	while (c->line_len > 0 && strchr(" \t\r", c->line[c->line_len - 1]) != NULL)
		c->line_len--;
	if (c->line_len > 0 && !s->panicked)
		str_printable(s->last, sizeof(s->last), c->line, c->line_len);
	s->panicked |= panic;
	c->line_len = 0;
}

static void take_lines(struct console *c, const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (text[i] == '\n')
			end_line(c);
		else if (c->line_len < sizeof(c->line))
			c->line[c->line_len++] = text[i];
	}
}

static void take(struct console *c, const char *chunk, size_t n)
{
	char text[CONSOLE_PATTERN_MAX + CHUNK_SIZE];
	size_t keep = strlen(c->pattern), len = c->before_len + n;
	uint64_t one = 1;
	unsigned found;

	memcpy(text, c->before, c->before_len);
	memcpy(text + c->before_len, chunk, n);
	found = count_matches(text, len, c->before_len, c->pattern);
	keep = keep > 0 ? keep - 1 : 0;
	c->before_len = len < keep ? len : keep;
	memcpy(c->before, text + len - c->before_len, c->before_len);

	pthread_mutex_lock(&c->lock);
	c->seen.bytes += n;
	c->seen.matches += found;
	if (found > 0)
		c->seen.match_ns = clock_mono_ns();
	take_lines(c, chunk, n);
	pthread_mutex_unlock(&c->lock);
	while (write(c->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

/* All that is there now; false when the other side has closed it. */
static bool read_all(struct console *c)
{
	char chunk[CHUNK_SIZE];
	struct err err;
	ssize_t n;

	for (;;) {
		n = c->tail != NULL ? tail_read(c->tail, chunk, sizeof(chunk), &err)
				    : read(c->fd, chunk, sizeof(chunk));
		if (n > 0)
			take(c, chunk, (size_t)n);
		else if (n < 0 && c->tail == NULL && errno == EINTR)
			continue;
		else if (c->tail != NULL)
			return true;
		else
			return n < 0 && errno == EAGAIN;
	}
}

static void *read_console(void *arg)
{
	struct console *c = arg;
	struct pollfd fds[] = {
		{.fd = c->tail != NULL ? tail_fd(c->tail) : c->fd, .events = POLLIN},
		{.fd = c->quit, .events = POLLIN},
	};
	uint64_t one = 1;

	while (read_all(c)) {
		if (poll(fds, 2, c->tail != NULL ? FILE_LOOK_MS : -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents != 0)
			return NULL;
	}
	pthread_mutex_lock(&c->lock);
	c->seen.ended = true;
	pthread_mutex_unlock(&c->lock);
	while (write(c->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	return NULL;
}

int console_open(
	const struct domdef_serial *s, const char *pattern, struct console **out, struct err *err)
{
	struct console *c;

	if (strlen(pattern) >= CONSOLE_PATTERN_MAX)
		return err_set(err, ERR_INPUT, 0, "a pattern has at most %d bytes",
			CONSOLE_PATTERN_MAX - 1);
	c = xcalloc(1, sizeof(*c));
	c->fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->quit = eventfd(0, EFD_CLOEXEC);
	str_set(c->pattern, pattern);
	if (open_source(c, s, err) == 0) {
		int sys = pthread_create(&c->thread, NULL, read_console, c);

		c->running = sys == 0;
		if (!c->running)
			err_set(err, ERR_IO, sys, "start a thread for the console");
	}
	if (!c->running) {
		console_close(c);
		return -1;
	}
	*out = c;
	return 0;
}

void console_close(struct console *c)
{
	uint64_t one = 1;

	if (c == NULL)
		return;
	if (c->running) {
		while (write(c->quit, &one, sizeof(one)) < 0 && errno == EINTR)
			continue;
		pthread_join(c->thread, NULL);
	}
	tail_close(c->tail);
	if (c->fd >= 0)
		close(c->fd);
	close(c->wake);
	close(c->quit);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int console_fd(const struct console *c)
{
	return c->wake;
}

struct console_seen console_look(struct console *c)
{
	struct console_seen seen;
	uint64_t n;

	while (read(c->wake, &n, sizeof(n)) < 0 && errno == EINTR)
		continue;
	pthread_mutex_lock(&c->lock);
	seen = c->seen;
	if (c->line_len > 0 && !seen.panicked) /* a prompt has no end of line */
		str_printable(seen.last, sizeof(seen.last), c->line, c->line_len);
	pthread_mutex_unlock(&c->lock);
	return seen;
}

static bool holds(const struct host *host, const char *pid, const char *path)
{
	char dir_path[HOST_PATH_MAX], link[HOST_PATH_MAX], target[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, dir_path, "/proc/%s/fd", pid));
	const struct dirent *d;
	bool found = false;
	ssize_t n;

	while (dir != NULL && !found && (d = readdir(dir)) != NULL) {
		host_path(host, link, "/proc/%s/fd/%s", pid, d->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		found = str_eq(target, path);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

const char *console_rival(const struct host *host, const char *path, char *buf, size_t size)
{
	char proc[HOST_PATH_MAX], comm[32];
	DIR *dir = opendir(host_path(host, proc, "/proc"));
	const struct dirent *d;
	struct err err;
	int64_t pid;

	buf[0] = '\0';
	while (dir != NULL && buf[0] == '\0' && (d = readdir(dir)) != NULL) {
		if (!str_to_i64(d->d_name, 10, 1, INT_MAX, &pid) || pid == getpid() ||
			!holds(host, d->d_name, path))
			continue;
		snprintf(proc, sizeof(proc), "/proc/%s/comm", d->d_name);
		if (host_read(host, proc, comm, sizeof(comm), &err) != 0)
			str_set(comm, "?");
		snprintf(buf, size, "%s (pid %s)", comm, d->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return buf;
}

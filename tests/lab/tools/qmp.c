// SPDX-License-Identifier: GPL-2.0-or-later
#include "qmp.h"

#include "write_all.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 8192

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

static void drop_line(struct qmp *qmp, const char *end)
{
	size_t len = (size_t)(end + 1 - qmp->buf);

	memmove(qmp->buf, end + 1, qmp->used - len);
	qmp->used -= len;
}

/* Waits for a complete line at the start of buf; returns its end. A line too long is thrown away. */
static char *wait_line(struct qmp *qmp, long deadline)
{
	for (;;) {
		char *end = memchr(qmp->buf, '\n', qmp->used);
		struct pollfd p = {.fd = qmp->fd, .events = POLLIN};
		long left = deadline - now_ms();
		ssize_t n;

		if (end)
			return end;
		if (qmp->used == sizeof(qmp->buf))
			qmp->used = 0;
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return NULL;
		n = read(qmp->fd, qmp->buf + qmp->used, sizeof(qmp->buf) - qmp->used);
		if (n <= 0)
			return NULL;
		qmp->used += (size_t)n;
	}
}

/* Sends a request and leaves the line of its answer at the start of buf, ended by a NUL. */
static char *request(struct qmp *qmp, const char *execute, const char *arguments, int timeout_ms)
{
	char text[REQUEST_MAX], id[32];
	long deadline = now_ms() + timeout_ms;
	char *end;
	int len;

	/* QEMU's parser starts afresh at a 0xff byte, whatever half a line stood there before. */
	len = snprintf(text, sizeof(text), "\xff{\"execute\":\"%s\"%s,\"id\":\"lab-%u\"}\n",
		execute, arguments, ++qmp->last_id);
	if (len < 0 || (size_t)len >= sizeof(text) || !write_all(qmp->fd, text, (size_t)len))
		return NULL;
	snprintf(id, sizeof(id), "\"id\": \"lab-%u\"", qmp->last_id);

	while ((end = wait_line(qmp, deadline))) {
		*end = '\0';
		if (strstr(qmp->buf, id))
			return end;
		drop_line(qmp, end);
	}
	return NULL;
}

bool qmp_hello(struct qmp *qmp, int timeout_ms)
{
	char *end = request(qmp, "qmp_capabilities", "", timeout_ms);

	if (!end)
		return false;
	drop_line(qmp, end);
	return true;
}

static bool escape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from; from++) {
		if (n + 3 > size)
			return false;
		if (*from == '"' || *from == '\\')
			to[n++] = '\\';
		to[n++] = *from;
	}
	to[n] = '\0';
	return true;
}

/* Copies a JSON string that begins at from, up to its closing quote; carriage returns are dropped. */
static void unescape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && *from != '"' && n + 1 < size; from++) {
		char c = *from;

		if (c == '\\') {
			c = *++from;
			if (c == 'r')
				continue;
			if (c == 'n')
				c = '\n';
			else if (c == 't')
				c = '\t';
		}
		to[n++] = c;
	}
	to[n] = '\0';
}

bool qmp_human(struct qmp *qmp, const char *command, char *output, size_t size, int timeout_ms)
{
	static const char start[] = "\"return\": \"", refused[] = "\"desc\": \"";
	char quoted[REQUEST_MAX / 2], arguments[REQUEST_MAX - 256];
	char *end, *text;
	bool ok;

	snprintf(output, size, "no answer from QEMU");
	if (!escape(quoted, sizeof(quoted), command))
		return false;
	snprintf(arguments, sizeof(arguments), ",\"arguments\":{\"command-line\":\"%s\"}", quoted);
	end = request(qmp, "human-monitor-command", arguments, timeout_ms);
	if (!end)
		return false;

	text = strstr(qmp->buf, start);
	ok = text != NULL;
	if (ok)
		unescape(output, size, text + strlen(start));
	else if ((text = strstr(qmp->buf, refused)))
		unescape(output, size, text + strlen(refused));
	drop_line(qmp, end);
	return ok;
}

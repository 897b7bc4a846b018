/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/qemulog.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_TAIL_MAX  16384
#define LOG_LINES_MAX 3

/* libvirt's own lines, and what QEMU says each time (src/qemu/qemu_process.c, qemu_domain.c). */
static const char *const noise[] = {
	": starting up libvirt version",
	": shutting down, reason=",
	"char device redirected to",
	"Domain id=",
};

int64_t qemulog_size(const char *path)
{
	struct stat st;

	return *path != '\0' && stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* "2026-11-21T04:00:00.123456Z " or "2026-11-21 04:00:00.123+0000: " in front of a line. */
static const char *skip_time(const char *line)
{
	size_t n = strspn(line, "0123456789-T:.Z+ ");

	return n >= 19 && isdigit((unsigned char)line[0]) && line[4] == '-' ? line + n : line;
}

/* Libvirt writes the command as "VAR=x \" lines, the last one ends without a backslash. */
static bool is_noise(const char *line, size_t len, bool *in_command)
{
	bool was_in_command = *in_command;
	size_t i;

	*in_command = len > 0 && line[len - 1] == '\\';
	if (*in_command || was_in_command || len == 0)
		return true;
	for (i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (memmem(line, len, noise[i], strlen(noise[i])) != NULL)
			return true;
	return false;
}

static void join_lines(char *text, char *buf, size_t size)
{
	const char *kept[LOG_LINES_MAX];
	size_t n = 0, i, used = 0;
	bool in_command = false;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		if (is_noise(line, strlen(line), &in_command))
			continue;
		if (n == LOG_LINES_MAX)
			memmove(kept, kept + 1, --n * sizeof(kept[0]));
		kept[n++] = skip_time(line);
	}
	for (i = 0; i < n && used + 8 < size; i++) {
		if (i > 0)
			used += strlen(str_copy(buf + used, size - used, " | "));
		str_printable(buf + used, size - used, kept[i], strlen(kept[i]));
		used += strlen(buf + used);
	}
}

void qemulog_words(const char *path, int64_t from, char *buf, size_t size)
{
	auto_close int fd = *path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	int64_t end = qemulog_size(path);
	char text[LOG_TAIL_MAX + 1];
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return;
	if (from > end) /* rotated */
		from = 0;
	if (end - from > LOG_TAIL_MAX)
		from = end - LOG_TAIL_MAX;
	n = pread(fd, text, LOG_TAIL_MAX, from);
	if (n <= 0)
		return;
	text[n] = '\0';
	join_lines(text, buf, size);
}

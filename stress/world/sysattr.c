/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/sysattr.h"

#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

char *sysattr_text(int dirfd, const char *name, char *buf, size_t size)
{
	/* a FIFO in a tree made for tests must not block the scan */
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char raw[SYSATTR_MAX];
	ssize_t n = fd < 0 ? 0 : read(fd, raw, sizeof(raw));

	while (n > 0 && (raw[n - 1] == '\n' || raw[n - 1] == ' '))
		n--;
	return str_printable(buf, size, raw, n > 0 ? (size_t)n : 0);
}

uint64_t sysattr_number(int dirfd, const char *name, uint64_t max)
{
	char text[SYSATTR_MAX];
	uint64_t value = 0;

	return str_to_u64(sysattr_text(dirfd, name, text, sizeof(text)), 0, max, &value) ? value
											 : 0;
}

bool sysattr_exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

char *sysattr_link(int dirfd, const char *name, char *buf, size_t size)
{
	char target[HOST_PATH_MAX], *slash;
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	slash = slash ? slash + 1 : target;
	return str_printable(buf, size, slash, strlen(slash));
}

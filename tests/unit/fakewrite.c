/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakewrite.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RULES_MAX 8

static struct {
	const char *suffix, *value;
	int sys;
	bool on_open, late;
} rules[RULES_MAX];
static size_t nrules;

void fake_write_fails(const char *suffix, const char *value, int sys)
{
	rules[nrules].suffix = suffix;
	rules[nrules].value = value;
	rules[nrules].on_open = rules[nrules].late = false;
	rules[nrules++].sys = sys;
}

void fake_write_fails_late(const char *suffix, const char *value, int sys)
{
	fake_write_fails(suffix, value, sys);
	rules[nrules - 1].late = true;
}

void fake_open_fails(const char *suffix, int sys)
{
	fake_write_fails(suffix, NULL, sys);
	rules[nrules - 1].on_open = true;
}

void fake_writes_work(void)
{
	nrules = 0;
}

static bool ruled(const char *path)
{
	size_t i;

	for (i = 0; i < nrules; i++)
		if (str_ends(path, rules[i].suffix))
			return true;
	return false;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);

/* A refused write changes nothing, but O_TRUNC would already have emptied the file. */
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	size_t i;

	for (i = 0; i < nrules; i++) {
		if (rules[i].on_open && str_ends(path, rules[i].suffix)) {
			errno = rules[i].sys;
			return -1;
		}
	}
	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return __real_open(path, ruled(path) ? flags & ~O_TRUNC : flags, mode);
}

/* What _FORTIFY_SOURCE makes of an open() whose flags it cannot see. */
int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	char link[64], path[512];
	ssize_t len;
	size_t i;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	for (i = 0; i < nrules; i++) {
		const char *value = rules[i].value;

		if (rules[i].on_open || !str_ends(path, rules[i].suffix))
			continue;
		if (value != NULL && (n != strlen(value) || memcmp(buf, value, n) != 0))
			continue;
		if (rules[i].late && (ftruncate(fd, 0) != 0 || __real_write(fd, buf, n) < 0))
			return -1;
		errno = rules[i].sys;
		return -1;
	}
	if (ruled(path) && ftruncate(fd, 0) != 0)
		return -1;
	return __real_write(fd, buf, n);
}

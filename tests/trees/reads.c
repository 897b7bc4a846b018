/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: writes down every path of /sys, /proc and so on that a program looks at, one a line in
 * the file $RECORD_READS. So what is recorded is what is read, whatever is added later.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const wanted[] = {"/sys/", "/proc/", "/etc/libvirt/qemu", "/etc/libvirt/lib",
	"/etc/modprobe.d", "/etc/os-release", "/boot/", "/dev/", "/run/libvirt/", "/lib/modules/",
	"/lib/modprobe.d", "/var/log/journal", "/var/lib/systemd/pstore"};

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void write_down(const char *path)
{
	static int out = -1;
	const char *file = getenv("RECORD_READS");
	char line[PATH_MAX + 1];
	int n;
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strncmp(path, wanted[i], strlen(wanted[i])) == 0)
			break;
	if (file == NULL || i == sizeof(wanted) / sizeof(wanted[0]))
		return;
	/* processes come and go */
	if (strncmp(path, "/proc/", 6) == 0 && path[6] >= '0' && path[6] <= '9')
		return;
	if (out < 0)
		out = ((int (*)(const char *, int, ...))real("open"))(
			file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	n = snprintf(line, sizeof(line), "%s\n", path);
	if (write(out, line, (size_t)n) != n)
		abort();
}

static void write_down_at(int dirfd, const char *path)
{
	char link[32], full[2 * PATH_MAX];
	ssize_t n;

	if (*path == '/' || dirfd == AT_FDCWD) {
		write_down(path);
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = ((ssize_t(*)(const char *, char *, size_t))real("readlink"))(link, full, PATH_MAX - 1);
	if (n <= 0)
		return;
	snprintf(full + n, sizeof(full) - (size_t)n, "/%s", path);
	write_down(full);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? (mode_t)va_arg(ap, int) : 0;
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	write_down(path);
	return ((int (*)(const char *, int, ...))real("open"))(path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	write_down_at(dirfd, path);
	return ((int (*)(int, const char *, int, ...))real("openat"))(dirfd, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
	write_down(path);
	return ((FILE * (*)(const char *, const char *)) real("fopen"))(path, mode);
}

DIR *opendir(const char *path)
{
	write_down(path);
	return ((DIR * (*)(const char *)) real("opendir"))(path);
}

ssize_t readlink(const char *path, char *buf, size_t size)
{
	write_down(path);
	return ((ssize_t(*)(const char *, char *, size_t))real("readlink"))(path, buf, size);
}

ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t size)
{
	write_down_at(dirfd, path);
	return ((ssize_t(*)(int, const char *, char *, size_t))real("readlinkat"))(
		dirfd, path, buf, size);
}

int access(const char *path, int mode)
{
	write_down(path);
	return ((int (*)(const char *, int))real("access"))(path, mode);
}

int faccessat(int dirfd, const char *path, int mode, int flags)
{
	write_down_at(dirfd, path);
	return ((int (*)(int, const char *, int, int))real("faccessat"))(dirfd, path, mode, flags);
}

int stat(const char *path, struct stat *st)
{
	write_down(path);
	return ((int (*)(const char *, struct stat *))real("stat"))(path, st);
}

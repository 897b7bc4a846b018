/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/host.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *host_path(const struct host *host, char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(buf, HOST_PATH_MAX, "%s", host->root);
	if (n < 0 || n >= HOST_PATH_MAX)
		return buf;
	va_start(ap, fmt);
	vsnprintf(buf + n, (size_t)(HOST_PATH_MAX - n), fmt, ap);
	va_end(ap);
	return buf;
}

const char *host_users_run_path(const struct host *host, char *buf)
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0 || host->simulated || own == NULL || own[0] != '/')
		return host_path(host, buf, HOST_RUN_PATH);
	snprintf(buf, HOST_PATH_MAX, "%s/vfio-stress", own);
	return buf;
}

const char *host_dev_path(const struct host *host, char *buf, struct bdf bdf, const char *name)
{
	char text[BDF_LEN];

	return host_path(host, buf, "/sys/bus/pci/devices/%s%s%s", bdf_text(bdf, text),
		*name ? "/" : "", name);
}

int host_read(const struct host *host, const char *path, char *buf, size_t size, struct err *err)
{
	char full[HOST_PATH_MAX];
	auto_close int fd = open(host_path(host, full, "%s", path), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
	n = read(fd, buf, size - 1);
	if (n < 0)
		return err_set(err, ERR_IO, errno, "read %s", path);
	buf[n] = '\0';
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		buf[--n] = '\0';
	return 0;
}

int host_write(const struct host *host, const char *path, const char *value, struct err *err)
{
	char full[HOST_PATH_MAX];
	auto_close int fd = open(host_path(host, full, "%s", path), O_WRONLY | O_CLOEXEC | O_TRUNC);
	size_t len = strlen(value);

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
	if (write(fd, value, len) != (ssize_t)len)
		return err_set(err, ERR_IO, errno, "write '%.*s' to %s", (int)strcspn(value, "\n"),
			value, path);
	return 0;
}

const char *host_link_name(const struct host *host, const char *path, char *buf, size_t size)
{
	char full[HOST_PATH_MAX], target[HOST_PATH_MAX], *slash;
	ssize_t n = readlink(host_path(host, full, "%s", path), target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	slash = slash ? slash + 1 : target;
	return str_printable(buf, size, slash, strlen(slash));
}

int host_check_not_kdump(const struct host *host, struct err *err)
{
	char full[HOST_PATH_MAX];

	/* fs/proc/vmcore.c: it is there when this kernel was given another one's memory */
	if (access(host_path(host, full, "/proc/vmcore"), F_OK) != 0)
		return 0;
	err_set(err, ERR_REFUSED, 0,
		"this is the kernel that saves the dump of a crash (/proc/vmcore is there)");
	return err_hint(err, "wait for the boot after it");
}

const char *host_boot_id(const struct host *host, char buf[40])
{
	struct err err;

	if (host_read(host, "/proc/sys/kernel/random/boot_id", buf, 40, &err) != 0)
		buf[0] = '\0';
	return buf;
}

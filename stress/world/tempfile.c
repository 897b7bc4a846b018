/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where O_TMPFILE is not known (overlayfs of old kernels, NFS). */
static int open_and_unlink(const char *dir)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/vfio-stress-XXXXXX", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int tempfile_open(struct err *err)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open_and_unlink(dir);
	if (fd >= 0)
		return fd;
	err_set(err, ERR_IO, errno, "make a temporary file in %s", dir);
	return err_hint(err, "TMPDIR may name another directory");
}

int tempfile_write(int fd, const char *buf, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t done = write(fd, buf, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			err_set(err, ERR_IO, errno, "write a temporary file");
			return err_hint(err, "TMPDIR may name a directory with more room");
		}
		buf += done;
		n -= (size_t)done;
	}
	return 0;
}

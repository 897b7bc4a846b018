/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_keep.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct lane_keep *lane_keep_map(int fd, struct err *err)
{
	void *p = mmap(NULL, sizeof(struct lane_keep), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		return p;
	err_set(err, ERR_IO, errno, "share memory with a lane");
	return NULL;
}

struct lane_keep *lane_keep_new(int *fd_out, struct err *err)
{
	auto_close int fd = memfd_create("lane", MFD_CLOEXEC);
	struct lane_keep *keep;

	if (fd < 0 || ftruncate(fd, sizeof(*keep)) != 0) {
		err_set(err, ERR_IO, errno, "make memory to share with a lane");
		return NULL;
	}
	keep = lane_keep_map(fd, err);
	if (keep != NULL)
		*fd_out = take_fd(&fd);
	return keep;
}

void lane_keep_free(struct lane_keep *keep)
{
	if (keep != NULL)
		munmap(keep, sizeof(*keep));
}

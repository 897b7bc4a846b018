/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vfiogroup.h"

#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static int group_of(const struct host *host, struct bdf bdf)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX];
	ssize_t n =
		readlink(host_dev_path(host, path, bdf, "iommu_group"), target, sizeof(target) - 1);
	const char *slash;
	int64_t group;

	if (n <= 0)
		return -1;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return str_to_i64(slash ? slash + 1 : target, 10, 0, INT_MAX, &group) ? (int)group : -1;
}

bool vfiogroup_held(const struct host *host, struct bdf bdf, int *group_out)
{
	int group = group_of(host, bdf);
	char path[HOST_PATH_MAX];
	auto_close int fd = -1;

	*group_out = group;
	if (group < 0)
		return false;
	fd = open(host_path(host, path, "/dev/vfio/%d", group), O_RDWR | O_CLOEXEC);
	return fd < 0 && errno == EBUSY;
}

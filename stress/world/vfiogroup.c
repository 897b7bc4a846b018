/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vfiogroup.h"

#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

static int group_of(const struct host *host, struct bdf bdf)
{
	char text[BDF_LEN], path[128], name[16];
	int64_t group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf_text(bdf, text));
	host_link_name(host, path, name, sizeof(name));
	return str_to_i64(name, 10, 0, INT_MAX, &group) ? (int)group : -1;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/iommu.h"

#include "base/str.h"
#include "world/host.h"

#include <dirent.h>

static enum iommu_kind kind_of(const char *name)
{
	if (str_starts(name, "dmar"))
		return IOMMU_VTD;
	if (str_starts(name, "ivhd"))
		return IOMMU_AMDVI;
	return IOMMU_OTHER;
}

enum iommu_kind iommu_kind(const struct host *host)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/sys/class/iommu"));
	enum iommu_kind kind = IOMMU_NONE;
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && kind == IOMMU_NONE)
			kind = kind_of(entry->d_name);
	if (dir != NULL)
		closedir(dir);
	return kind;
}

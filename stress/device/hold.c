/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/hold.h"

#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* One function can have been bound by udev, another tool or a person since the topology was read. */
static int check_driver(const struct host *host, const struct pcidev *dev, struct err *err)
{
	char bdf[BDF_LEN], path[128], now[sizeof(dev->driver)];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf_text(dev->bdf, bdf));
	if (str_eq(host_link_name(host, path, now, sizeof(now)), dev->driver))
		return 0;
	err_set(err, ERR_REFUSED, 0, "%s would be disturbed: its driver was %s and is now %s", bdf,
		dev->driver[0] ? dev->driver : "none", now[0] ? now : "none");
	return err_hint(err, "something else binds drivers here: keep it off these devices");
}

static int open_group(
	const struct host *host, const struct pcidev *dev, struct hold *hold, struct err *err)
{
	char path[HOST_PATH_MAX], bdf[BDF_LEN];
	int fd = open(host_path(host, path, "/dev/vfio/%d", dev->iommu_group), O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		*vec_push(hold) = fd;
		return 0;
	}
	/* a kernel that only knows devices without their groups (iommufd) */
	if (errno == ENOENT)
		return 0;
	err_set(err, ERR_REFUSED, errno, "%s would be disturbed: open /dev/vfio/%d",
		bdf_text(dev->bdf, bdf), dev->iommu_group);
	return err_hint(err,
		err->sys == EBUSY ? "a VM that is being started? keep its devices out of other runs"
				  : "try again later");
}

static bool is_first_of_group(const struct pcidev_list *all, const struct bdf *disturbed, size_t i)
{
	const struct pcidev *dev = pcidev_find(all, disturbed[i]), *other;
	size_t k;

	for (k = 0; k < i; k++) {
		other = pcidev_find(all, disturbed[k]);
		if (other->iommu_group == dev->iommu_group && pcidev_vfio_driver(other->driver))
			return false;
	}
	return true;
}

static int take(const struct host *host, const struct pcidev_list *all, const struct bdf *disturbed,
	size_t n, const struct guard_friends *friends, struct hold *hold, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct pcidev *dev = pcidev_find(all, disturbed[i]);

		if (!pcidev_vfio_driver(dev->driver) || dev->iommu_group < 0 ||
			guard_group_is_friends(all, friends, dev->iommu_group) ||
			!is_first_of_group(all, disturbed, i))
			continue;
		if (open_group(host, dev, hold, err) != 0 &&
			(err->sys != EBUSY || guard_allowed(friends, dev) == NULL))
			return -1;
	}
	for (i = 0; i < n; i++)
		if (check_driver(host, pcidev_find(all, disturbed[i]), err) != 0)
			return -1;
	return 0;
}

int hold_take(const struct host *host, const struct pcidev_list *all, const struct bdf *disturbed,
	size_t n, const struct guard_friends *friends, struct hold *out, struct err *err)
{
	struct hold hold = {0};

	if (take(host, all, disturbed, n, friends, &hold, err) != 0) {
		hold_release(&hold);
		return -1;
	}
	*out = hold;
	return 0;
}

void hold_release(struct hold *hold)
{
	vec_foreach (fd, hold)
		close(*fd);
	vec_finish(hold);
}

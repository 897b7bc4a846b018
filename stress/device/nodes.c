/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/nodes.h"

#include "base/str.h"
#include "base/vec.h"
#include "device/things.h"
#include "world/pcidev.h"

#include <dirent.h>

/* Nodes that a driver makes outside of the device's own place in sysfs. */
static const struct {
	const char *driver, *node;
} far_nodes[] = {
	{"amdgpu", "/dev/kfd"},
	{"nvidia", "/dev/nvidia*"},
};

static void add(struct node_list *out, const char *path, unsigned major, unsigned minor)
{
	struct node *node = vec_push(out);

	str_set(node->path, path);
	node->major = major;
	node->minor = minor;
}

void nodes_add(struct node_list *out, const char *path)
{
	add(out, path, 0, 0);
}

void nodes_of_vfio(const struct host *host, const struct pcidev *dev, struct node_list *out)
{
	char path[HOST_PATH_MAX], node[96];
	struct dirent *entry;
	DIR *dir;

	snprintf(node, sizeof(node), "/dev/vfio/%d", dev->iommu_group);
	add(out, node, 0, 0);
	snprintf(node, sizeof(node), "/dev/vfio/noiommu-%d", dev->iommu_group);
	add(out, node, 0, 0);
	dir = opendir(host_dev_path(host, path, dev->bdf, "vfio-dev"));
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!str_starts(entry->d_name, "vfio"))
			continue;
		snprintf(node, sizeof(node), "/dev/vfio/devices/%.32s", entry->d_name);
		add(out, node, 0, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

void nodes_of_things(const struct things *things, struct node_list *out)
{
	char path[96];

	vec_foreach (t, things) {
		if (t->major == 0 && t->minor == 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", t->name);
		add(out, path, t->major, t->minor);
	}
}

void nodes_of_driver(const char *driver, struct node_list *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(far_nodes); i++)
		if (str_eq(far_nodes[i].driver, driver))
			add(out, far_nodes[i].node, 0, 0);
}

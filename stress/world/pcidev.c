/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pcidev.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/sysattr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#define CLASS_PCI_BRIDGE      0x0604
#define CLASS_CARDBUS         0x0607
#define CLASS_SEMITRANSPARENT 0x0609
#define DEPTH_MAX             64 /* bridges above a function; deeper is not believed */

typedef VEC(struct pcidev) pcidev_vec;

static bool link_bdf(int dirfd, const char *name, struct bdf *out)
{
	char text[BDF_LEN];

	return bdf_parse(sysattr_link(dirfd, name, text, sizeof(text)), out);
}

/*
 * /sys/bus/pci/devices/BDF points to ../../../devices/pci0000:00/0000:00:01.0/BDF: what stands
 * before the last name is the parent. A domain of its own (VMD) has pciDDDD:BB in between.
 */
static bool parent_of(int devices_fd, const char *name, struct bdf *out)
{
	char target[HOST_PATH_MAX], *slash;
	ssize_t n = readlinkat(devices_fd, name, target, sizeof(target) - 1);
	int skipped;

	target[n > 0 ? n : 0] = '\0';
	for (skipped = 0; skipped < 3 && (slash = strrchr(target, '/')) != NULL; skipped++) {
		*slash = '\0';
		slash = strrchr(target, '/');
		if (slash == NULL)
			return false;
		if (bdf_parse(slash + 1, out))
			return true;
		if (!str_starts(slash + 1, "pci"))
			return false;
	}
	return false;
}

/* A bridge's directory pci_bus/ has one entry, DDDD:BB. */
static uint8_t secondary_of(int dirfd)
{
	int fd = openat(dirfd, "pci_bus", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t bus = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *colon = strchr(entry->d_name, ':');

		if (colon != NULL && str_to_u64(colon + 1, 16, 0xff, &bus))
			break;
	}
	closedir(dir);
	return (uint8_t)bus;
}

static void read_links(int dirfd, struct pcidev *dev)
{
	char group[32];
	int64_t number;

	sysattr_link(dirfd, "driver", dev->driver, sizeof(dev->driver));
	sysattr_link(dirfd, "iommu_group", group, sizeof(group));
	dev->iommu_group = str_to_i64(group, 10, 0, INT32_MAX, &number) ? (int)number : -1;
	dev->is_vf = link_bdf(dirfd, "physfn", &dev->physfn);
	dev->is_pf_with_vfs = sysattr_exists(dirfd, "virtfn0");
}

static void read_reset_methods(int dirfd, struct pcidev *dev)
{
	char text[SYSATTR_MAX];

	if (sysattr_exists(dirfd, "reset_method"))
		str_set(dev->reset_methods,
			sysattr_text(dirfd, "reset_method", text, sizeof(text)));
	else if (sysattr_exists(dirfd, "reset"))
		str_set(dev->reset_methods, "default");
}

/* 1, or 0 when it is not there (any more) or does not say what it is; -1 with errno: not told. */
static int read_device(int devices_fd, const char *name, struct pcidev *dev)
{
	auto_close int dirfd = openat(devices_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[SYSATTR_MAX];
	uint64_t vendor;
	int64_t node;

	if (dirfd < 0)
		return errno == ENOENT ? 0 : -1;
	if (!str_to_u64(sysattr_text(dirfd, "vendor", text, sizeof(text)), 0, 0xffff, &vendor))
		return 0;
	dev->vendor = (uint16_t)vendor;
	dev->device = (uint16_t)sysattr_number(dirfd, "device", 0xffff);
	dev->subvendor = (uint16_t)sysattr_number(dirfd, "subsystem_vendor", 0xffff);
	dev->subdevice = (uint16_t)sysattr_number(dirfd, "subsystem_device", 0xffff);
	dev->class_code = (uint32_t)sysattr_number(dirfd, "class", 0xffffff);
	dev->revision = (uint8_t)sysattr_number(dirfd, "revision", 0xff);
	dev->boot_vga = sysattr_number(dirfd, "boot_vga", 1) == 1;
	sysattr_text(dirfd, "numa_node", text, sizeof(text));
	dev->numa_node = str_to_i64(text, 10, 0, 4096, &node) ? (int)node : -1;
	read_links(dirfd, dev);
	read_reset_methods(dirfd, dev);
	dev->has_parent = parent_of(devices_fd, name, &dev->parent);
	switch (dev->class_code >> 8) {
	case CLASS_PCI_BRIDGE:
	case CLASS_CARDBUS:
	case CLASS_SEMITRANSPARENT:
		dev->is_bridge = true;
		dev->secondary_bus = secondary_of(dirfd);
		dev->subordinate_bus = dev->secondary_bus;
	}
	return 1;
}

static int by_bdf(const void *a, const void *b)
{
	return bdf_cmp(((const struct pcidev *)a)->bdf, ((const struct pcidev *)b)->bdf);
}

const struct pcidev *pcidev_find(const struct pcidev_list *list, struct bdf bdf)
{
	struct pcidev key = {.bdf = bdf};

	if (list->n == 0)
		return NULL;
	return bsearch(&key, list->v, list->n, sizeof(key), by_bdf);
}

static const struct pcidev *parent(const struct pcidev_list *list, const struct pcidev *dev)
{
	return dev->has_parent ? pcidev_find(list, dev->parent) : NULL;
}

bool pcidev_is_below(const struct pcidev_list *list, const struct pcidev *dev, struct bdf above)
{
	int depth;

	for (depth = 0; dev != NULL && depth < DEPTH_MAX; depth++) {
		if (bdf_eq(dev->bdf, above))
			return true;
		dev = parent(list, dev);
	}
	return false;
}

/* The highest bus below each bridge: every function tells all bridges above it where it is. */
static void fill_subordinate(const struct pcidev_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct pcidev *dev = &list->v[i];
		uint8_t bus = dev->secondary_bus > dev->bdf.bus ? dev->secondary_bus : dev->bdf.bus;
		const struct pcidev *up = parent(list, dev);
		int depth;

		for (depth = 0; up != NULL && depth < DEPTH_MAX; depth++) {
			struct pcidev *bridge = &list->v[up - list->v];

			if (bridge->is_bridge && bridge->bdf.domain == dev->bdf.domain &&
				bridge->subordinate_bus < bus)
				bridge->subordinate_bus = bus;
			up = parent(list, up);
		}
	}
}

/* What the guard does not know of it cannot protect: a list that is not whole is none. */
static int read_all(DIR *dir, pcidev_vec *found, struct err *err)
{
	struct dirent *entry;
	int is;

	while ((entry = readdir(dir)) != NULL) {
		struct pcidev dev = {0};

		if (!bdf_parse(entry->d_name, &dev.bdf))
			continue;
		is = read_device(dirfd(dir), entry->d_name, &dev);
		if (is < 0)
			return err_set(err, ERR_IO, errno, "look at %.24s", entry->d_name);
		if (found->n == PCIDEV_MAX)
			return err_set(err, ERR_IO, 0, "more than %d PCI functions", PCIDEV_MAX);
		if (is > 0)
			*vec_push(found) = dev;
	}
	return 0;
}

int pcidev_scan_nameless(const struct host *host, struct pcidev_list *out, struct err *err)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/sys/bus/pci/devices"));
	pcidev_vec found = {0};
	int rc;

	if (dir == NULL)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno,
			"open /sys/bus/pci/devices");
	rc = read_all(dir, &found, err);
	closedir(dir);
	if (rc != 0) {
		vec_finish(&found);
		return -1;
	}
	if (found.n > 0)
		qsort(found.v, found.n, sizeof(*found.v), by_bdf);
	*out = (struct pcidev_list){found.v, found.n};
	fill_subordinate(out);
	return 0;
}

void pcidev_list_finish(struct pcidev_list *list)
{
	free(list->v);
	*list = (struct pcidev_list){0};
}

bool pcidev_offers(const struct pcidev *dev, const char *word)
{
	size_t len = strlen(word);
	const char *s = dev->reset_methods;

	while ((s = strstr(s, word)) != NULL) {
		if ((s == dev->reset_methods || s[-1] == ' ') && (s[len] == ' ' || s[len] == '\0'))
			return true;
		s += len;
	}
	return false;
}

bool pcidev_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio-pci") != NULL || strstr(driver, "vfio_pci") != NULL;
}

/* libpci's own handler exits. There is no argument to tell one caller from another. */
static _Thread_local jmp_buf names_failed;

static void __attribute__((noreturn)) on_error(char *msg, ...)
{
	log_warn("pcidev", "names of devices: libpci: %s", msg);
	longjmp(names_failed, 1);
}

static void on_message(char *msg, ...)
{
	(void)msg;
}

/*
 * Only the list of names is used: without pci_init() libpci looks for no access method and touches
 * no device. What cannot be named keeps "".
 */
static void fill_names(const struct pcidev_list *list)
{
	struct pci_access *names = pci_alloc();
	size_t i;

	names->error = on_error;
	names->warning = on_message;
	names->debug = on_message;
	if (setjmp(names_failed) == 0) {
		for (i = 0; i < list->n; i++) {
			struct pcidev *dev = &list->v[i];

			if (pci_lookup_name(names, dev->name, sizeof(dev->name),
				    PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS |
					    PCI_LOOKUP_NO_HWDB,
				    dev->vendor, dev->device) == NULL)
				dev->name[0] = '\0';
		}
	}
	pci_cleanup(names);
}

int pcidev_scan(const struct host *host, struct pcidev_list *out, struct err *err)
{
	if (pcidev_scan_nameless(host, out, err) != 0)
		return -1;
	fill_names(out);
	return 0;
}

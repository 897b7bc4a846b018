/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_PCIDEV_H
#define VFIO_STRESS_WORLD_PCIDEV_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One PCI function as sysfs shows it. Only attributes that the kernel answers from memory and
 * without the device's lock: config space could wake or hang the device, and driver_override,
 * sriov_numvfs and subordinate_bus_number wait for a reset in flight (drivers/pci/pci-sysfs.c).
 */
struct pcidev {
	struct bdf bdf;
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class_code; /* 24 bits: base << 16 | sub << 8 | prog-if */
	uint8_t revision;
	int iommu_group; /* -1 = none */
	int numa_node; /* -1 = unknown */
	bool is_bridge, is_vf, is_pf_with_vfs, boot_vga;
	struct bdf
		parent; /* the function above: a bridge, or the host of a domain of its own (VMD) */
	bool has_parent; /* false on a root bus */
	struct bdf physfn; /* is_vf: its PF */
	uint8_t secondary_bus, subordinate_bus; /* bridges; from the topology, 0 = nothing below */
	char driver[32]; /* "" = unbound */
	char reset_methods
		[96]; /* as sysfs lists them; "default" alone on kernels before 5.15; "" = none */
	char name[96]; /* from pci.ids, "" = unknown */
};

/* All functions of the machine, in BDF order. */
struct pcidev_list {
	struct pcidev *v;
	size_t n;
};

#define PCIDEV_MAX 65536 /* functions of a machine; a scan that finds more fails */

int pcidev_scan(const struct host *host, struct pcidev_list *out, struct err *err) must_check;
/* The same without names, for the guard's second look before each disruptive step. */
int pcidev_scan_nameless(
	const struct host *host, struct pcidev_list *out, struct err *err) must_check;
void pcidev_list_finish(struct pcidev_list *list);
/* NULL when absent. */
const struct pcidev *pcidev_find(const struct pcidev_list *list, struct bdf bdf);
/* Is it `above` itself, or somewhere below it? */
bool pcidev_is_below(const struct pcidev_list *list, const struct pcidev *dev, struct bdf above);
/* Is `word` one of the reset methods that sysfs lists for it? */
bool pcidev_offers(const struct pcidev *dev, const char *word);
/* Is it vfio-pci, or a variant of it: mlx5_vfio_pci, nvgrace_gpu_vfio_pci ...? */
bool pcidev_vfio_driver(const char *driver);
/* The form of a selector, for the manual and the JSON Schema: a regex as of ECMA 262. */
#define SELECTOR_PATTERN                                                                           \
	"([0-9A-Fa-f]{1,8}:)?[0-9A-Fa-f]{1,2}:[01]?[0-9A-Fa-f]\\.[0-7]"                            \
	"|[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}"                                                           \
	"|class:(accelerator|audio|bridge|display|gpu|network|nic|nvme|serial-bus|storage|usb)"
/* Does a selector (0000:41:00.0, 41:00.0, 10de:2684, class:gpu) match it? */
bool pcidev_matches(const struct pcidev *dev, const char *selector);
/* Is the text a selector at all? For load-time errors; err says what is accepted. */
int pcidev_selector_check(const char *selector, struct err *err) must_check;

#endif

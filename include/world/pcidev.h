/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_PCIDEV_H
#define VFIO_STRESS_WORLD_PCIDEV_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One PCI function as sysfs shows it; no config space is read (that could wake or hang it). */
struct pcidev {
	struct bdf bdf;
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class_code; /* 24 bits: base << 16 | sub << 8 | prog-if */
	uint8_t revision;
	int iommu_group; /* -1 = none */
	int numa_node; /* -1 = unknown */
	bool is_bridge, is_vf, is_pf_with_vfs, boot_vga;
	struct bdf parent; /* the bridge above */
	bool has_parent; /* false on a root bus */
	struct bdf physfn; /* is_vf: its PF */
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	char driver[32]; /* "" = unbound */
	char override[32]; /* driver_override, "" = none */
	char reset_methods
		[96]; /* as sysfs lists them; "default" alone on kernels before 5.15; "" = none */
	char name[96]; /* from pci.ids, "" = unknown */
};

/* All functions of the machine, in BDF order. */
struct pcidev_list {
	struct pcidev *v;
	size_t n;
};

int pcidev_scan(const struct host *host, struct pcidev_list *out, struct err *err) must_check;
void pcidev_list_finish(struct pcidev_list *list);
/* NULL when absent. */
const struct pcidev *pcidev_find(const struct pcidev_list *list, struct bdf bdf);
/* Does a selector (0000:41:00.0, 41:00.0, 10de:2684, class:gpu) match it? */
bool pcidev_matches(const struct pcidev *dev, const char *selector);
/* Is the text a selector at all? For load-time errors; err says what is accepted. */
int pcidev_selector_check(const char *selector, struct err *err) must_check;

#endif

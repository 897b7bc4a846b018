/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/topology.h"

#include "base/vec.h"

#include <stdlib.h>

/* Base classes (PCI Code and ID Assignment) of what makes up the board. */
static const uint8_t board[] = {
	0x05, /* memory controllers: also the RAM window of NVDIMMs and CXL's */
	0x06, /* bridges */
	0x08, /* system peripherals: IOMMU, timers, interrupt controllers */
	0x0b, /* processors */
	0x11, /* signal processing: the performance counters of Xeons */
};

#define CLASS_SMBUS 0x0c05

void topology_finish(struct topology *t)
{
	pcidev_list_finish(&t->devs);
	arena_finish(&t->arena);
	*t = (struct topology){0};
}

const struct pcifacts *topology_facts(const struct topology *t, const struct pcidev *dev)
{
	return &t->facts[dev - t->devs.v];
}

const struct pcidev *topology_parent(const struct topology *t, const struct pcidev *dev)
{
	return dev->has_parent ? pcidev_find(&t->devs, dev->parent) : NULL;
}

static int by_number(const void *a, const void *b)
{
	const struct iommu_group *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

const struct iommu_group *topology_group(const struct topology *t, const struct pcidev *dev)
{
	const struct iommu_group key = {.number = dev->iommu_group};

	if (dev->iommu_group < 0 || t->ngroups == 0)
		return NULL;
	return bsearch(&key, t->groups, t->ngroups, sizeof(key), by_number);
}

bool topology_same_slot(const struct pcidev *a, const struct pcidev *b)
{
	const struct bdf x = a->is_vf ? a->physfn : a->bdf, y = b->is_vf ? b->physfn : b->bdf;

	return x.domain == y.domain && x.bus == y.bus && x.dev == y.dev;
}

bool topology_is_candidate(const struct pcidev *dev)
{
	size_t i;

	if (dev->is_bridge || dev->class_code >> 8 == CLASS_SMBUS)
		return false;
	for (i = 0; i < ARRAY_SIZE(board); i++)
		if (dev->class_code >> 16 == board[i])
			return false;
	return true;
}

bool topology_is_gpu(const struct pcidev *dev)
{
	return dev->class_code >> 16 == 0x03 || dev->class_code >> 16 == 0x12;
}

const char *topology_bridge_name(const struct pcifacts *f)
{
	static const char *const names[] = {
		[PCIE_ROOT_PORT] = "root port",
		[PCIE_UPSTREAM] = "switch",
		[PCIE_DOWNSTREAM] = "switch port",
		[PCIE_TO_PCI] = "PCIe to PCI bridge",
		[PCIE_FROM_PCI] = "PCI to PCIe bridge",
	};
	enum pcie_type type = pciconf_type(&f->conf);

	return (size_t)type < ARRAY_SIZE(names) && names[type] != NULL ? names[type] : "bridge";
}

bool topology_link(const struct pcidev *dev, const struct pcifacts *f, struct pcie_link *out)
{
	return !dev->is_vf && !pciconf_all_ones(&f->conf, false) && pciconf_link(&f->conf, out);
}

/* ---- groups ---- */

static int by_group(const void *a, const void *b)
{
	const struct pcidev *x = *(const struct pcidev *const *)a,
			    *y = *(const struct pcidev *const *)b;

	if (x->iommu_group != y->iommu_group)
		return x->iommu_group < y->iommu_group ? -1 : 1;
	return bdf_cmp(x->bdf, y->bdf);
}

void topology_make_groups(struct topology *t)
{
	const struct pcidev **order = arena_alloc(&t->arena, (t->devs.n + 1) * sizeof(*order));
	VEC(struct iommu_group) groups = {0};
	size_t i, n = 0;

	for (i = 0; i < t->devs.n; i++)
		if (t->devs.v[i].iommu_group >= 0)
			order[n++] = &t->devs.v[i];
	if (n > 0)
		qsort(order, n, sizeof(*order), by_group);
	for (i = 0; i < n; i++) {
		if (i == 0 || order[i]->iommu_group != order[i - 1]->iommu_group)
			*vec_push(&groups) =
				(struct iommu_group){order[i]->iommu_group, "", "", &order[i], 0};
		groups.v[groups.n - 1].n++;
	}
	t->ngroups = groups.n;
	t->groups = arena_alloc(&t->arena, (groups.n + 1) * sizeof(*t->groups));
	for (i = 0; i < groups.n; i++)
		t->groups[i] = groups.v[i];
	vec_finish(&groups);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stored_machine.h"

#include "base/bdf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/snapshot.h"
#include "model/topology.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * A GPU with its audio function below a switch, an NVMe drive in their group, a switch port with more
 * than a picture has room for, another root port with a drive, and a domain of its own (VMD).
 */
static const struct part {
	const char *bdf, *parent; /* parent NULL: on a root bus */
	enum pcie_type type;
	uint32_t class_code;
	int group;
	unsigned width, width_max, speed, speed_max; /* of its link; width_max 0 = none */
	const char *driver, *name;
} parts[] = {
	{"0000:00:1f.0", NULL, PCIE_NOT, 0x060100, 1, 0, 0, 0, 0, "lpc_ich", "ISA bridge"},
	{"0000:3e:01.0", NULL, PCIE_ROOT_PORT, 0x060400, 10, 16, 16, 5, 5, "pcieport", "Root Port"},
	{"0000:3e:02.0", NULL, PCIE_ROOT_PORT, 0x060400, 11, 4, 4, 4, 4, "pcieport", "Root Port"},
	{"0000:3f:00.0", "0000:3e:01.0", PCIE_UPSTREAM, 0x060400, 12, 16, 16, 5, 5, "pcieport",
		"Switch"},
	{"0000:40:01.0", "0000:3f:00.0", PCIE_DOWNSTREAM, 0x060400, 13, 8, 16, 4, 5, "pcieport",
		"Switch"},
	{"0000:40:02.0", "0000:3f:00.0", PCIE_DOWNSTREAM, 0x060400, 14, 4, 4, 4, 4, "pcieport",
		"Switch"},
	{"0000:40:03.0", "0000:3f:00.0", PCIE_DOWNSTREAM, 0x060400, 15, 0, 4, 1, 4, "pcieport",
		"Switch"},
	{"0000:41:00.0", "0000:40:01.0", PCIE_ENDPOINT, 0x030000, 20, 8, 16, 4, 5, "vfio-pci",
		"NVIDIA Corporation AD102 [GeForce RTX 4090]"},
	{"0000:41:00.1", "0000:40:01.0", PCIE_ENDPOINT, 0x040300, 20, 8, 16, 4, 5, "vfio-pci",
		"NVIDIA Corporation AD102 High Definition Audio Controller"},
	{"0000:42:00.0", "0000:40:02.0", PCIE_ENDPOINT, 0x010802, 20, 4, 4, 4, 4, "nvme",
		"<img src=x onerror=alert(4)></li></ul><h1>owned</h1> \x1b[2J\xe2\x80\xae"},
	{"0000:c1:00.0", "0000:3e:02.0", PCIE_ENDPOINT, 0x010802, 21, 4, 4, 4, 4, "nvme", ""},
	{"10000:00:02.0", NULL, PCIE_ROOT_PORT, 0x060400, -1, 4, 4, 3, 4, "pcieport", "VMD Port"},
	{"10000:02:00.0", "10000:00:02.0", PCIE_ENDPOINT, 0x010802, -1, 4, 4, 3, 4, "", ""},
};

#define CAP      0x40 /* of the PCIe capability in config space */
#define CONF_LEN 256

/* Just what says what it is, and how wide its link. linux/pci_regs.h */
static void write_config(const struct part *part, uint8_t *conf)
{
	unsigned capable = part->speed_max | part->width_max << 4,
		 status = part->speed | part->width << 4;

	conf[0] = 0x86;
	conf[1] = 0x80;
	if (part->type == PCIE_NOT)
		return;
	conf[0x06] = 0x10; /* there are capabilities */
	conf[0x34] = CAP;
	conf[CAP] = 0x10;
	conf[CAP + 2] = (uint8_t)(1 | part->type << 4);
	conf[CAP + 0xc] = (uint8_t)capable;
	conf[CAP + 0xd] = (uint8_t)(capable >> 8);
	conf[CAP + 0x12] = (uint8_t)status;
	conf[CAP + 0x13] = (uint8_t)(status >> 8);
}

static struct pcidev device_of(const struct part *part)
{
	struct pcidev dev = {.vendor = 0x8086,
		.device = 0x1234,
		.class_code = part->class_code,
		.iommu_group = part->group,
		.numa_node = 0,
		.is_bridge = part->class_code >> 8 == 0x0604,
		.has_parent = part->parent != NULL};
	bool good = bdf_parse(part->bdf, &dev.bdf) &&
		(part->parent == NULL || bdf_parse(part->parent, &dev.parent));

	assert(good);
	(void)good;
	str_set(dev.driver, part->driver);
	str_set(dev.name, part->name);
	return dev;
}

char *stored_machine(size_t *len)
{
	static uint8_t conf[ARRAY_SIZE(parts)][CONF_LEN];
	struct pcidev devs[ARRAY_SIZE(parts)];
	struct pcifacts facts[ARRAY_SIZE(parts)];
	struct topology t = {.taken = "2026-11-21T04:00:00.000Z",
		.machine = {"rack7-node3", "6.12.9-amd64", "", "", "", "", "", ""},
		.devs = {devs, ARRAY_SIZE(parts)},
		.facts = facts};
	char *text = NULL;
	FILE *out;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		write_config(&parts[i], conf[i]);
		devs[i] = device_of(&parts[i]);
		facts[i] = (struct pcifacts){.conf = {conf[i], CONF_LEN},
			.drivers = "",
			.slot = "",
			.d3cold_allowed = -1};
	}
	topology_make_groups(&t);
	out = open_memstream(&text, len);
	snapshot_write(&t, "0.1.0", out);
	fclose(out);
	arena_finish(&t.arena);
	return text;
}

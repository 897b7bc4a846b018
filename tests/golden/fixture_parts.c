/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture_parts.h"

#define NONE (-1)

const struct pcidev fixture_gpu = {
	.bdf = {0, 0x41, 0, 0},
	.vendor = 0x10de,
	.device = 0x2684,
	.subvendor = 0x10de,
	.subdevice = 0x167c,
	.class_code = 0x030000,
	.revision = 0xa1,
	.name = "NVIDIA Corporation AD102 [GeForce RTX 4090]",
};

const struct pcidev fixture_gpu_audio = {
	.bdf = {0, 0x41, 0, 1},
	.vendor = 0x10de,
	.device = 0x22ba,
	.class_code = 0x040300,
	.revision = 0xa1,
	.name = "NVIDIA Corporation AD102 High Definition Audio Controller",
};

const struct pcidev fixture_nvme = {
	.bdf = {0x10000, 0x02, 0, 0},
	.vendor = 0x144d,
	.device = 0xa80a,
	.subvendor = 0x144d,
	.subdevice = 0xa801,
	.class_code = 0x010802,
};

const struct host_facts fixture_host = {
	.name = "rack7-node3",
	.kernel = "6.12.9-amd64",
	.cmdline = "root=/dev/nvme0n1p2 intel_iommu=on iommu=pt",
	.bios = "American Megatrends 2.4a 03/11/2026",
	.board = "Supermicro X13DEG-OA",
	.cpu = "Intel(R) Xeon(R) Platinum 8480+",
	.microcode = "0x2b000603",
	.qemu = "9.2.1",
	.libvirt = "11.0.0",
};

struct incident fixture_correctable(void)
{
	return (struct incident){
		.no = 1,
		.id = "aer.correctable",
		.severity = SEV_WARNING,
		.tolerated = true,
		.has_bdf = true,
		.bdf = fixture_nvme.bdf,
		.place = {.lane = 1, .cycle = 7, .step = "between", .step_index = NONE},
		.count = 12,
		.seen_by = "log,counters",
	};
}

struct incident fixture_slow_reset(void)
{
	return (struct incident){
		.no = 2,
		.id = "pci.reset-slow",
		.severity = SEV_INFO,
		.place = {.lane = 0, .cycle = 0, .step = "check", .step_index = 0},
		.count = 1,
		.seen_by = "log",
	};
}

struct incident fixture_dma_storm(void)
{
	return (struct incident){
		.no = 3,
		.id = "dmar.fault",
		.severity = SEV_FATAL,
		.over_budget = true,
		.has_bdf = true,
		.bdf = fixture_gpu.bdf,
		.place = {.lane = 0, .cycle = 7, .step = "reset", .step_index = 2, .late = true},
		.count = 1717,
		.count_is_lower_bound = true,
		.seen_by = "log",
	};
}

struct incident fixture_hostile(void)
{
	return (struct incident){
		.no = 4,
		.id = "aer.nonfatal",
		.severity = SEV_ERROR,
		.over_budget = true,
		.has_bdf = true,
		.has_reporter = true,
		.bdf = fixture_gpu_audio.bdf,
		.reporter = {0, 0x40, 1, 0},
		.place = {.lane = NONE, .candidates = 3, .cycle = NONE, .step_index = NONE},
		.count = 1,
		.seen_by = "log,counters,tracepoint",
	};
}

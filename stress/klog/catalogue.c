/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/catalogue.h"

#include "base/diags.h"
#include "base/vec.h"

/* The text of a rule file, put into .rodata by the assembler; CMake says where it is. */
#define FILE_TEXT(name)                                                                            \
	extern const char name##_begin[], name##_end[];                                            \
	__asm__(".pushsection .rodata\n" #name "_begin:\n.incbin \"" RULES_DIR "/" #name           \
		".yaml\"\n" #name "_end:\n.byte 0\n.popsection\n")

FILE_TEXT(aer);
FILE_TEXT(amdvi);
FILE_TEXT(dmar);
FILE_TEXT(dpc);
FILE_TEXT(driver);
FILE_TEXT(ghes);
FILE_TEXT(gpu);
FILE_TEXT(host);
FILE_TEXT(hotplug);
FILE_TEXT(iommu);
FILE_TEXT(log);
FILE_TEXT(pci);
FILE_TEXT(qemu);
FILE_TEXT(vfio);

static const struct {
	const char *name, *begin, *end;
} files[] = {
	{"rules/log.yaml", log_begin, log_end},
	{"rules/dmar.yaml", dmar_begin, dmar_end},
	{"rules/amdvi.yaml", amdvi_begin, amdvi_end},
	{"rules/iommu.yaml", iommu_begin, iommu_end},
	{"rules/aer.yaml", aer_begin, aer_end},
	{"rules/dpc.yaml", dpc_begin, dpc_end},
	{"rules/ghes.yaml", ghes_begin, ghes_end},
	{"rules/pci.yaml", pci_begin, pci_end},
	{"rules/hotplug.yaml", hotplug_begin, hotplug_end},
	{"rules/vfio.yaml", vfio_begin, vfio_end},
	{"rules/qemu.yaml", qemu_begin, qemu_end},
	{"rules/host.yaml", host_begin, host_end},
	{"rules/driver.yaml", driver_begin, driver_end},
	{"rules/gpu.yaml", gpu_begin, gpu_end},
};

size_t catalogue_count(void)
{
	return ARRAY_SIZE(files);
}

const struct source *catalogue_file(size_t i)
{
	return source_keep(files[i].name, files[i].begin, (size_t)(files[i].end - files[i].begin));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/rules.h"

#include <string.h>

/* Words for budgets that are no ids: AER errors by their severity, whoever found them. */
static const struct {
	const char *word;
	enum severity severity;
} aliases[] = {
	{"aer.correctable", SEV_WARNING},
	{"aer.fatal", SEV_FATAL},
	{"aer.nonfatal", SEV_ERROR},
};

bool klog_is_aer(const struct incident *inc)
{
	static const char *const ids[] = {
		"aer.bus-error", "aer.root-message", "aer.firmware-status", "aer.no-details"};
	const struct incident_field *section;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		if (strcmp(inc->id, ids[i]) == 0)
			return true;
	section = incident_field(inc, "section");
	return strcmp(inc->id, "ghes.header") == 0 && section != NULL &&
		strstr(section->text, "PCIe") != NULL;
}

bool klog_fault_matches(const char *wanted, const struct incident *inc)
{
	size_t n = strlen(wanted), i;

	if (strcmp(wanted, inc->id) == 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(wanted, aliases[i].word) == 0)
			return klog_is_aer(inc) && inc->severity == aliases[i].severity;
	if (n < 2 || strcmp(wanted + n - 2, ".*") != 0)
		return false;
	return strncmp(wanted, inc->id, n - 1) == 0 ||
		(strcmp(wanted, "aer.*") == 0 && klog_is_aer(inc));
}

bool klog_fault_known(const char *wanted, const struct rules *rules)
{
	size_t n = strlen(wanted), i;
	bool family = n >= 2 && strcmp(wanted + n - 2, ".*") == 0;

	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(wanted, aliases[i].word) == 0)
			return true;
	for (i = 0; i < rules_count(rules); i++) {
		const char *id = rules_at(rules, i)->id;

		if (rules_at(rules, i)->role != ROLE_CONTEXT &&
			(family ? strncmp(wanted, id, n - 1) == 0 : strcmp(wanted, id) == 0))
			return true;
	}
	return false;
}

/*
 * What a step makes the kernel say when all is well. `arg` NULL: whatever the argument. Every VFIO
 * open, and so every start, resets the device (vfio_pci_core_enable), and so does every close.
 */
static const struct {
	const char *step, *arg, *id;
} expectations[] = {
	{"destroy", NULL, "pci.reset-done"},
	{"destroy", NULL, "pci.resetting"},
	{"kill", NULL, "pci.reset-done"},
	{"kill", NULL, "pci.resetting"},
	{"reboot", NULL, "vfio.reset-recovery"},
	{"rebind", NULL, "pci.enable-device"},
	{"rebind", NULL, "pci.reset-done"},
	{"rebind", NULL, "pci.resetting"},
	/* a VM that still has it, or a driver that takes its time */
	{"rebind", NULL, "vfio.device-request"},
	/* a rung of the ladder (on-failure: recover), whichever */
	{"recover", NULL, "hotplug.card-absent"},
	{"recover", NULL, "hotplug.card-present"},
	{"recover", NULL, "hotplug.link-down"},
	{"recover", NULL, "hotplug.link-ignored"},
	{"recover", NULL, "hotplug.link-up"},
	{"recover", NULL, "iommu.group-add"},
	{"recover", NULL, "iommu.group-remove"},
	{"recover", NULL, "pci.enable-device"},
	{"recover", NULL, "pci.reset-done"},
	{"recover", NULL, "pci.resetting"},
	{"recover", NULL, "pci.resource-info"},
	{"rescan", NULL, "hotplug.card-absent"},
	{"rescan", NULL, "hotplug.card-present"},
	{"rescan", NULL, "hotplug.link-down"},
	{"rescan", NULL, "hotplug.link-up"},
	{"rescan", NULL, "iommu.group-add"},
	{"rescan", NULL, "iommu.group-remove"},
	{"rescan", NULL, "pci.enable-device"},
	{"rescan", NULL, "pci.resource-info"},
	/* the link goes down and up below a hotplug port */
	{"reset", "bus", "hotplug.card-absent"},
	{"reset", "bus", "hotplug.card-present"},
	{"reset", "bus", "hotplug.link-down"},
	{"reset", "bus", "hotplug.link-up"},
	{"reset", "cxl_bus", "hotplug.card-absent"},
	{"reset", "cxl_bus", "hotplug.link-down"},
	{"reset", "cxl_bus", "hotplug.link-up"},
	{"reset", "default", "hotplug.card-absent"},
	{"reset", "default", "hotplug.link-down"},
	{"reset", "default", "hotplug.link-up"},
	{"reset", "hot", "hotplug.card-absent"},
	{"reset", "hot", "hotplug.card-present"},
	{"reset", "hot", "hotplug.link-down"},
	{"reset", "hot", "hotplug.link-up"},
	{"reset", "slot", "hotplug.card-absent"},
	{"reset", "slot", "hotplug.card-present"},
	{"reset", "slot", "hotplug.link-down"},
	{"reset", "slot", "hotplug.link-up"},
	{"reset", "slot", "iommu.group-add"},
	{"reset", "slot", "iommu.group-remove"},
	{"reset", "slot", "pci.resource-info"},
	{"reset", "subordinate", "hotplug.card-absent"},
	{"reset", "subordinate", "hotplug.card-present"},
	{"reset", "subordinate", "hotplug.link-down"},
	{"reset", "subordinate", "hotplug.link-up"},
	{"reset", "subordinate", "iommu.group-add"},
	{"reset", "subordinate", "iommu.group-remove"},
	{"reset", "subordinate", "pci.resource-info"},
	{"reset", NULL, "hotplug.link-ignored"},
	{"reset", "bus", "iommu.group-remove"},
	{"reset", "cxl_bus", "iommu.group-remove"},
	{"reset", "default", "iommu.group-remove"},
	{"reset", "hot", "iommu.group-remove"},
	{"reset", NULL, "pci.enable-device"},
	{"reset", NULL, "pci.reset-done"},
	/* the list of methods is narrowed to the one that is meant, and put back */
	{"reset", NULL, "pci.reset-method"},
	{"reset", NULL, "pci.resetting"},
	{"shutdown", NULL, "pci.reset-done"},
	{"shutdown", NULL, "pci.resetting"},
	{"start", NULL, "pci.enable-device"},
	{"start", NULL, "pci.reset-done"},
	{"start", NULL, "pci.resetting"},
	{"start", NULL, "pci.rom-invalid"},
	{"start", NULL, "vfio.reset-recovery"},
	{"stop", NULL, "pci.reset-done"},
	{"stop", NULL, "pci.resetting"},
	{"vm-reset", NULL, "vfio.reset-recovery"},
};

/* How often is it normal of one device in one step? 0 = however often. */
static uint32_t most_of(const char *id)
{
	/* the firmware's and the driver's reset of it; more are a device that loses its state */
	return strcmp(id, "vfio.reset-recovery") == 0 ? 2 : 0;
}

bool klog_expected_in(const char *id, const char *step_word, const char *arg, uint32_t *most_out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expectations); i++)
		if (strcmp(expectations[i].step, step_word) == 0 &&
			strcmp(expectations[i].id, id) == 0 &&
			(expectations[i].arg == NULL || str_eq(expectations[i].arg, arg))) {
			*most_out = most_of(id);
			return true;
		}
	return false;
}

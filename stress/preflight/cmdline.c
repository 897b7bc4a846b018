/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/cmdline.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/check.h"
#include "preflight/facts.h"

#include <string.h>

/*
 * Words of the kernel's command line (Documentation/admin-guide/kernel-parameters.txt) and what they
 * mean here. A value is one of a comma-separated list, a beginning of one when it ends in '*', and
 * NULL stands for any.
 */
static const struct meaning {
	const char *word, *value;
	enum check_state state;
	const char *meaning, *advice;
} meanings[] = {
	{"amd_iommu", "off", CHECK_FAIL, "AMD's IOMMU is switched off.", "Take it away."},
	{"amd_iommu", "on", CHECK_OK, "No effect: AMD's IOMMU is on when the firmware has it.",
		NULL},
	{"default_hugepagesz", NULL, CHECK_OK, "Size of huge pages where none is named.", NULL},
	{"hugepages", NULL, CHECK_OK, "Huge pages set aside when the machine starts.", NULL},
	{"hugepagesz", NULL, CHECK_OK, "Size of the huge pages that follow.", NULL},
	{"initcall_blacklist", "sysfb_init", CHECK_OK,
		"The firmware's framebuffer is not used: the boot display stays free.", NULL},
	{"intel_iommu", "igfx_off", CHECK_OK,
		"The integrated GPU is not translated, and so cannot be passed through.", NULL},
	{"intel_iommu", "off", CHECK_FAIL, "VT-d is switched off.", "Take it away."},
	{"intel_iommu", "on", CHECK_OK, "VT-d is switched on.", NULL},
	{"intremap", "nosid", CHECK_WARN,
		"The sender of an interrupt is not verified: a guest's device can forge others'.",
		"Take it away."},
	{"intremap", "off", CHECK_WARN,
		"Interrupts are not remapped: VFIO refuses such a host, or is unsafe on it.",
		"Take it away."},
	{"iomem", "relaxed", CHECK_WARN,
		"Programs may write to the memory of devices that drivers use.",
		"Take it away on a host that is to be trusted."},
	{"iommu", "off", CHECK_FAIL, "The IOMMU is switched off.", "Take it away."},
	{"iommu", "pt", CHECK_OK,
		"The host's own devices are not translated, which is quicker. Guests' devices are "
		"isolated all the same.",
		NULL},
	{"iommu", "soft", CHECK_FAIL, "Bounce buffers in place of the IOMMU.", "Take it away."},
	{"iommu.passthrough", "1", CHECK_OK,
		"The host's own devices are not translated, which is quicker. Guests' devices are "
		"isolated all the same.",
		NULL},
	{"iommu.strict", "0", CHECK_OK,
		"A freed page stays in reach of the host's own devices for some milliseconds.",
		NULL},
	{"iommu.strict", "1", CHECK_OK, "A freed page is out of reach at once.", NULL},
	{"log_buf_len", NULL, CHECK_OK, "Size of the kernel's log in memory.", NULL},
	{"mitigations", "off", CHECK_WARN,
		"Guests may read memory of the host through the processor's side channels.",
		"Take it away where guests are not to be trusted."},
	{"modprobe.blacklist", NULL, CHECK_OK, "These modules are not loaded by themselves.", NULL},
	{"module_blacklist", NULL, CHECK_OK, "These modules are never loaded.", NULL},
	{"nox2apic", NULL, CHECK_OK, "Interrupts above processor 254 cannot be used.", NULL},
	{"pci", "disable_acs_redir=*", CHECK_WARN,
		"Devices below these ports talk to each other past the IOMMU, and share groups.",
		"Take it away unless peer-to-peer DMA is wanted."},
	{"pci", "noaer", CHECK_WARN,
		"The kernel does not handle PCIe errors: they go unseen or up to the firmware.",
		"Take it away: errors are half of what a test is about."},
	{"pci", "noats", CHECK_OK, "Devices do not cache translations.", NULL},
	{"pci", "nommconf", CHECK_WARN,
		"Beyond 256 bytes config space is out of reach: no AER, ACS or SR-IOV.",
		"Take it away."},
	{"pci", "nomsi", CHECK_WARN,
		"Devices interrupt by wires, which they share: most cannot be passed through.",
		"Take it away."},
	{"pci", "realloc*", CHECK_OK, "The kernel may place BARs anew.", NULL},
	{"pcie_acs_override", NULL, CHECK_WARN,
		"A patched kernel pretends that devices are isolated which are not. A guest's "
		"device can reach its neighbours' registers and memory past the IOMMU.",
		"Use slots with real isolation; never rely on this where guests are not trusted."},
	{"pcie_aspm", "force", CHECK_WARN,
		"Links sleep also where the firmware forbids it: a known source of link errors.",
		"Take it away before errors of a link are blamed on a device."},
	{"pcie_aspm", "off", CHECK_OK, "The kernel leaves the links' sleep states alone.", NULL},
	{"pcie_ports", "compat", CHECK_WARN,
		"Ports have no AER, hotplug or DPC services: errors go unseen.", "Take it away."},
	{"pcie_ports", "native", CHECK_OK,
		"The kernel handles errors and hotplug without asking the firmware.", NULL},
	{"rd.driver.blacklist", NULL, CHECK_OK,
		"These modules are not loaded while the machine starts.", NULL},
	{"rd.driver.pre", NULL, CHECK_OK, "These modules are loaded before others.", NULL},
	{"vfio-pci.disable_idle_d3", NULL, CHECK_OK, "Idle devices on vfio-pci stay in D0.", NULL},
	{"vfio-pci.ids", NULL, CHECK_OK,
		"vfio-pci takes every device of these kinds, twins too (see vfio.ids).", NULL},
	{"video", "efifb:off*", CHECK_OK,
		"The firmware's framebuffer is not used: the boot display stays free.", NULL},
};

static bool value_fits(const char *pattern, const char *value, size_t n)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return n + 1 >= len && strncmp(value, pattern, len - 1) == 0;
	return n == len && strncmp(value, pattern, n) == 0;
}

static bool fits(const struct meaning *m, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n;

	if (!cmdline_is(word, m->word))
		return false;
	if (m->value == NULL)
		return true;
	for (value = value ? value + 1 : ""; *value != '\0'; value += n + (value[n] == ',')) {
		n = strcspn(value, ",");
		if (value_fits(m->value, value, n))
			return true;
	}
	return false;
}

/* How many of the meanings it has. */
static size_t explain(struct look *l, const char *word)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct meaning *m = &meanings[i];
		struct finding *f;

		if (!fits(m, word))
			continue;
		f = answer(l, m->state, "%s", word);
		finding_item(l, f, m->word);
		finding_means(l, f, "%s", m->meaning);
		if (m->advice != NULL)
			finding_advises(l, f, "%s", m->advice);
		n++;
	}
	return n;
}

void check_command_line(struct look *l)
{
	char word[512];
	size_t at = 0, n = 0;

	if (hostfiles_text(&l->t->files, "/proc/cmdline") == NULL) {
		answer(l, CHECK_UNKNOWN, "/proc/cmdline is not readable");
		return;
	}
	while (cmdline_next(l->t, &at, word, sizeof(word)))
		n += explain(l, word);
	if (n == 0)
		answer(l, CHECK_OK, "no word of it concerns devices");
}

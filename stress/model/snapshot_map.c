/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot_map.h"

#include "model/topology.h"

static const char *const severities[] = {"info", "warning", "error", "fatal", NULL};
static const char *const user_kinds[] = {"domain", "process", "system", "idle", NULL};
static const char *const conf_states[] = {"read", "header only", "asleep", "stuck", "failed", NULL};

const struct jmap snapshot_head[] = {
	{"simulated", JMAP(struct topology, simulated, JMAP_BOOL)},
	{"taken", JMAP(struct topology, taken, JMAP_ARRAY)},
	{"boot_id", JMAP(struct topology, boot_id, JMAP_ARRAY)},
	{"libvirt", JMAP(struct topology, libvirt, JMAP_ARRAY)},
	{"qemu", JMAP(struct topology, qemu, JMAP_ARRAY)},
	{0},
};

const struct jmap snapshot_machine[] = {
	{"name", JMAP(struct machine_facts, name, JMAP_TEXT)},
	{"kernel", JMAP(struct machine_facts, kernel, JMAP_TEXT)},
	{"cmdline", JMAP(struct machine_facts, cmdline, JMAP_TEXT)},
	{"bios", JMAP(struct machine_facts, bios, JMAP_TEXT)},
	{"board", JMAP(struct machine_facts, board, JMAP_TEXT)},
	{"cpu", JMAP(struct machine_facts, cpu, JMAP_TEXT)},
	{"microcode", JMAP(struct machine_facts, microcode, JMAP_TEXT)},
	{0},
};

const struct jmap snapshot_file[] = {
	{"path", JMAP(struct hostfile, path, JMAP_TEXT)},
	{"text", JMAP(struct hostfile, text, JMAP_LONG)},
	{"errno", JMAP(struct hostfile, sys, JMAP_INT)},
	{"cut", JMAP(struct hostfile, cut, JMAP_BOOL)},
	{0},
};

const struct jmap snapshot_device[] = {
	{"bdf", JMAP(struct pcidev, bdf, JMAP_BDF)},
	{"vendor", JMAP(struct pcidev, vendor, JMAP_HEX), .digits = 4},
	{"device", JMAP(struct pcidev, device, JMAP_HEX), .digits = 4},
	{"subsystem_vendor", JMAP(struct pcidev, subvendor, JMAP_HEX), .digits = 4},
	{"subsystem_device", JMAP(struct pcidev, subdevice, JMAP_HEX), .digits = 4},
	{"revision", JMAP(struct pcidev, revision, JMAP_HEX), .digits = 2},
	{"class", JMAP(struct pcidev, class_code, JMAP_HEX), .digits = 6},
	{"name", JMAP(struct pcidev, name, JMAP_ARRAY)},
	{"bridge", JMAP(struct pcidev, is_bridge, JMAP_BOOL)},
	{"parent", JMAP(struct pcidev, parent, JMAP_BDF), JMAP_HAS(struct pcidev, has_parent)},
	{"secondary_bus", JMAP(struct pcidev, secondary_bus, JMAP_HEX), .digits = 2},
	{"subordinate_bus", JMAP(struct pcidev, subordinate_bus, JMAP_HEX), .digits = 2},
	{"physfn", JMAP(struct pcidev, physfn, JMAP_BDF), JMAP_HAS(struct pcidev, is_vf)},
	{"has_vfs", JMAP(struct pcidev, is_pf_with_vfs, JMAP_BOOL)},
	{"driver", JMAP(struct pcidev, driver, JMAP_ARRAY)},
	{"iommu_group", JMAP(struct pcidev, iommu_group, JMAP_INT)},
	{"numa_node", JMAP(struct pcidev, numa_node, JMAP_INT)},
	{"boot_vga", JMAP(struct pcidev, boot_vga, JMAP_BOOL)},
	{"reset_methods", JMAP(struct pcidev, reset_methods, JMAP_ARRAY)},
	{0},
};

const struct jmap snapshot_facts[] = {
	{"driver_override", JMAP(struct pcifacts, driver_override, JMAP_ARRAY)},
	{"drivers", JMAP(struct pcifacts, drivers, JMAP_TEXT)},
	{"slot", JMAP(struct pcifacts, slot, JMAP_TEXT)},
	{"power_state", JMAP(struct pcifacts, power_state, JMAP_ARRAY)},
	{"runtime_status", JMAP(struct pcifacts, runtime_status, JMAP_ARRAY)},
	{"runtime_control", JMAP(struct pcifacts, runtime_control, JMAP_ARRAY)},
	{"d3cold_allowed", JMAP(struct pcifacts, d3cold_allowed, JMAP_INT)},
	{0},
};

const struct jmap snapshot_config[] = {
	{"state", JMAP(struct pcifacts, conf_state, JMAP_WORD), .words = conf_states},
	{"errno", JMAP(struct pcifacts, conf_sys, JMAP_INT)},
	{"length", JMAP(struct pcifacts, conf.len, JMAP_COUNT)},
	{0},
};

const struct jmap snapshot_region[] = {
	{"index", JMAP(struct snapshot_region_row, index, JMAP_COUNT)},
	{"start", JMAP(struct snapshot_region_row, start, JMAP_HEX), .digits = 1},
	{"end", JMAP(struct snapshot_region_row, end, JMAP_HEX), .digits = 1},
	{"flags", JMAP(struct snapshot_region_row, flags, JMAP_HEX), .digits = 1},
	{0},
};

const struct jmap snapshot_user[] = {
	{"kind", JMAP(struct pci_user, kind, JMAP_WORD), .words = user_kinds},
	{"active", JMAP(struct pci_user, active, JMAP_BOOL)},
	{"name", JMAP(struct pci_user, name, JMAP_TEXT)},
	{"text", JMAP(struct pci_user, text, JMAP_TEXT)},
	{0},
};

const struct jmap snapshot_group[] = {
	{"number", JMAP(struct iommu_group, number, JMAP_INT)},
	{"type", JMAP(struct iommu_group, type, JMAP_TEXT)},
	{"reserved", JMAP(struct iommu_group, reserved, JMAP_LONG)},
	{0},
};

const struct jmap snapshot_domain[] = {
	{"name", JMAP(struct topology_domain, name, JMAP_TEXT)},
	{"state_known", JMAP(struct topology_domain, state_known, JMAP_BOOL)},
	{"active", JMAP(struct topology_domain, active, JMAP_BOOL)},
	{"autostart", JMAP(struct topology_domain, autostart, JMAP_BOOL)},
	{"problem", JMAP(struct topology_domain, problem, JMAP_REASON)},
	{"xml", JMAP(struct topology_domain, xml, JMAP_LONG)},
	{0},
};

const struct jmap snapshot_word[] = {
	{"id", JMAP(struct kernel_word, id, JMAP_TEXT)},
	{"incident", JMAP(struct kernel_word, incident, JMAP_BOOL)},
	{"severity", JMAP(struct kernel_word, severity, JMAP_WORD), .words = severities},
	{"bdf", JMAP(struct kernel_word, bdf, JMAP_BDF), JMAP_HAS(struct kernel_word, has_bdf)},
	{"count", JMAP(struct kernel_word, count, JMAP_COUNT)},
	{"text", JMAP(struct kernel_word, text, JMAP_TEXT)},
	{"meaning", JMAP(struct kernel_word, meaning, JMAP_TEXT)},
	{"advice", JMAP(struct kernel_word, advice, JMAP_TEXT)},
	{0},
};

const struct jmap snapshot_tail[] = {
	{"domains_unknown", JMAP(struct topology, domains_unknown, JMAP_REASON)},
	{"users_unknown", JMAP(struct topology, users_unknown, JMAP_REASON)},
	{"drivers_known", JMAP(struct topology, drivers_known, JMAP_BOOL)},
	{"log_unknown", JMAP(struct topology, log_unknown, JMAP_REASON)},
	{"log_from_boot", JMAP(struct topology, log_from_boot, JMAP_BOOL)},
	{0},
};

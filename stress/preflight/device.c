/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"
#include "preflight/quirks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void config(struct look *l);
static void users(struct look *l);
static void driver(struct look *l);
static void competitors(struct look *l);
static void bars(struct look *l);
static void rebar(struct look *l);
static void display(struct look *l);
static void numa(struct look *l);
static void interrupts(struct look *l);
static void power(struct look *l);
static void aer(struct look *l);
static void errors(struct look *l);
static void sriov(struct look *l);

const struct check checks_device[] = {
	{"device.config", CHECK_DEVICE, WEIGHT_REFUSES, "does it answer?",
		"Its config space reads all ones: it is gone from the bus, or hangs.",
		"Cut its power (a cold boot); when that does not help it is dead.", config},
	{"device.users", CHECK_DEVICE, WEIGHT_NORMAL, "who uses it now?",
		"Whoever uses it loses it when it is passed through or reset.",
		"End that first; the guard refuses a run as long as it lasts.", users},
	{"device.driver", CHECK_DEVICE, WEIGHT_NORMAL, "which driver has it?",
		"VFIO gets it only after that driver has let it go; some, of GPUs above all, "
		"hang when they are made to.",
		"Bind it to vfio-pci when the machine starts: driverctl set-override ADDRESS "
		"vfio-pci.",
		driver},
	{"device.competitors", CHECK_DEVICE, WEIGHT_NORMAL,
		"which other drivers would take it at the next boot?",
		"Who comes first has it: with an `ids=` rule and such a driver it is a race.",
		"`softdep DRIVER pre: vfio-pci` or `blacklist DRIVER` in /etc/modprobe.d, and "
		"renew the initramfs.",
		competitors},
	{"device.bars", CHECK_DEVICE, WEIGHT_NORMAL, "do all its BARs have addresses?",
		"The firmware found no room for a BAR: drivers and VFIO cannot use the device.",
		"Switch on 'Above 4G decoding' in the firmware's setup, or boot with "
		"`pci=realloc`.",
		bars},
	{"device.resizable-bar", CHECK_DEVICE, WEIGHT_NORMAL, "can its BARs grow?", "", "", rebar},
	{"device.boot-display", CHECK_DEVICE, WEIGHT_NORMAL,
		"does the host show its console on it?",
		"The kernel draws on it. A guest then gets a display in use, often with an image"
		" of its ROM that is not fresh, and the host goes blind when it is reset.",
		"Make another GPU the primary one in the firmware's setup, and boot with "
		"`video=efifb:off` or `initcall_blacklist=sysfb_init`.",
		display},
	{"device.numa", CHECK_DEVICE, WEIGHT_NORMAL, "which NUMA node is it on?",
		"The machine has several nodes and the firmware does not say which one it hangs "
		"on: a guest may sit on the wrong one.",
		"Look for a BIOS update, and find the node by the slot in the board's manual.",
		numa},
	{"device.interrupts", CHECK_DEVICE, WEIGHT_NORMAL, "how does it interrupt?",
		"It has a wire only, which it may share with others: VFIO must mask it each time, "
		"and refuses when it cannot.",
		"See /proc/interrupts for who shares it; use another slot.", interrupts},
	{"device.power", CHECK_DEVICE, WEIGHT_NORMAL, "is it awake?",
		"It is in D3cold though nobody put it there: the kernel cannot reach it.",
		"Cut its power (a cold boot); look in dmesg for 'Unable to change power state'.",
		power},
	{"device.aer", CHECK_DEVICE, WEIGHT_NORMAL, "who would hear of its PCIe errors?",
		"Nobody in the kernel: the firmware has kept error handling for itself, or the "
		"device reports none.",
		"Give the kernel control in the firmware's setup (native AER, 'OS first').", aer},
	{"device.errors", CHECK_DEVICE, WEIGHT_NORMAL, "has it had PCIe errors since the boot?",
		"It, its slot or its riser was in trouble before the test began.",
		"Reseat it and look again; `vfio-stress scan --kmsg` shows what was logged.",
		errors},
	{"device.sriov", CHECK_DEVICE, WEIGHT_NORMAL, "does it have virtual functions?",
		"A reset of the physical function takes its virtual functions along.",
		"Do not reset it while they are in use, or remove them first (sriov_numvfs).",
		sriov},
	{"device.quirks", CHECK_DEVICE, WEIGHT_NORMAL, "is anything known about this model?", "",
		"", quirks_tell},
	{0},
};

/* ---- is it there ---- */

static void config(struct look *l)
{
	const struct pcifacts *f = l->facts;
	struct finding *told;

	switch (f->conf_state) {
	case CONF_READ:
	case CONF_HEADER_ONLY:
		if (pciconf_all_ones(&f->conf, l->dev->is_vf)) {
			answer(l, CHECK_FAIL, "its config space reads all ones");
		} else if (f->conf_state == CONF_READ) {
			answer(l, CHECK_OK, "it answers");
		} else {
			told = answer(l, CHECK_UNKNOWN, "only the first 64 bytes are readable");
			finding_means(l, told, "Link, errors and isolation are not to be seen.");
			finding_advises(l, told, "Run as root.");
		}
		return;
	case CONF_ASLEEP:
		answer(l, CHECK_OK, "it sleeps in D3cold, and is left to");
		return;
	case CONF_STUCK:
		told = answer(l, CHECK_FAIL, "reading its config space does not end");
		finding_means(l, told, "A reset of it is under way, or it hangs.");
		return;
	case CONF_FAILED:
		told = answer(l, CHECK_UNKNOWN, "reading its config space fails: %s",
			strerror(f->conf_sys));
		finding_advises(l, told, "Look in dmesg; try again.");
		return;
	}
}

/* ---- who has it ---- */

static void users(struct look *l)
{
	struct str active = {0}, system = {0};
	size_t i;

	for (i = 0; i < l->facts->nusers; i++) {
		const struct pci_user *u = &l->facts->users[i];
		struct str *to = u->kind == USER_SYSTEM ? &system : &active;

		if (u->active)
			str_addf(to, "%s%s", to->len ? ", " : "", u->text);
	}
	if (system.len > 0)
		answer(l, CHECK_FAIL, "the host uses it: %s", system.s);
	else if (active.len > 0)
		answer(l, CHECK_WARN, "%s", active.s);
	else if (l->t->users_unknown != NULL)
		answer(l, CHECK_UNKNOWN, "%s", l->t->users_unknown);
	else
		answer(l, CHECK_OK, "nobody, as far as is known");
	str_finish(&active);
	str_finish(&system);
}

/* Does libvirt take it over by itself? The domain's name, or NULL. */
static const char *managed_by(const struct topology *t, struct bdf bdf)
{
	size_t i, j;

	for (i = 0; i < t->ndomains; i++) {
		const struct domdef *def = t->domains[i].def;

		for (j = 0; def != NULL && j < def->nhostdevs; j++)
			if (def->hostdevs[j].managed && bdf_eq(def->hostdevs[j].bdf, bdf))
				return t->domains[i].name;
	}
	return NULL;
}

/* Is it bound otherwise than its driver_override says? */
static bool is_overridden(struct look *l)
{
	const char *name = l->dev->driver, *override = l->facts->driver_override;
	struct finding *f;

	if (override[0] == '\0' || str_eq(override, name) ||
		(name[0] == '\0' && pcidev_vfio_driver(override)))
		return false;
	f = answer(l, CHECK_WARN, "bound to %s, but its driver_override is %s",
		name[0] ? name : "none", override);
	finding_means(l, f,
		"Only %s can be bound to it from now on: not what it has, nor vfio-pci by an "
		"`ids=` "
		"rule.",
		override);
	finding_advises(l, f,
		"Clear it (`driverctl unset-override ADDRESS`), or bind it as it says; a run sets "
		"it itself and puts it back.");
	return true;
}

static void driver(struct look *l)
{
	const char *name = l->dev->driver, *domain = managed_by(l->t, l->dev->bdf);
	struct finding *f;

	if (is_overridden(l))
		return;
	if (pcidev_vfio_driver(name)) {
		answer(l, CHECK_OK, "on %s", name);
	} else if (name[0] == '\0') {
		answer(l, CHECK_OK, "bound to none; libvirt or `run` binds it to vfio-pci");
	} else if (domain != NULL) {
		f = answer(l, CHECK_OK, "bound to %s; libvirt takes it over when domain %s starts",
			name, domain);
		finding_means(l, f, "It goes back to %s when the domain stops.", name);
	} else {
		answer(l, CHECK_WARN, "bound to %s", name);
	}
}

/* ---- who else would have it ---- */

static bool is_kept_away(const struct topology *t, const char *module)
{
	size_t at = 0, file = 0;
	char text[512], word[64];

	if (cmdline_has(t, "modprobe.blacklist", module) ||
		cmdline_has(t, "module_blacklist", module))
		return true;
	while (modprobe_next(t, &file, &at, text, sizeof(text)))
		if (sscanf(text, "blacklist %63s", word) == 1 && cmdline_is(word, module))
			return true;
		else if (sscanf(text, "softdep %63s", word) == 1 && cmdline_is(word, module) &&
			strstr(text, "vfio") != NULL)
			return true;
		else if (sscanf(text, "install %63s", word) == 1 && cmdline_is(word, module))
			return true;
	return false;
}

/* Is there a rule that binds it to vfio-pci by its kind? */
static bool has_rule(const struct topology *t, const struct pcidev *dev)
{
	size_t at = 0, file = 0;
	char text[512], id[16];

	snprintf(id, sizeof(id), "%04x:%04x", dev->vendor, dev->device);
	if (cmdline_has(t, "vfio-pci.ids", id))
		return true;
	while (modprobe_next(t, &file, &at, text, sizeof(text)))
		if (str_starts(text, "options vfio") && strstr(text, id) != NULL)
			return true;
	return false;
}

static void competitors(struct look *l)
{
	const char *s = l->facts->drivers;
	struct str names = {0};
	char name[64];

	if (!l->t->drivers_known) {
		answer(l, CHECK_UNKNOWN, "there is no modules.alias for this kernel");
		return;
	}
	for (; *s != '\0'; s += strcspn(s, " "), s += *s == ' ') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(s, " "), s);
		if (!pcidev_vfio_driver(name) && !is_kept_away(l->t, name))
			str_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	if (names.len == 0)
		answer(l, CHECK_OK, "no other%s",
			l->facts->drivers[0] ? " that is not kept away" : "");
	else if (has_rule(l->t, l->dev))
		answer(l, CHECK_WARN, "%s would take it, against an `ids=` rule", names.s);
	else
		answer(l, CHECK_OK, "%s would take it", names.s);
	str_finish(&names);
}

/* ---- BARs ---- */

#define LARGE_BAR (UINT64_C(256) << 20)
#define FOUR_GIB  (UINT64_C(1) << 32)

static uint64_t bar_bytes(const struct pci_region *r)
{
	return r->flags == 0 || r->end <= r->start ? 0 : r->end - r->start + 1;
}

static bool is_unassigned(const struct pci_region *r)
{
	return (r->flags & REGION_UNASSIGNED) || (r->start == 0 && (r->flags & REGION_MEMORY));
}

/* One that could be above 4 GiB, and is not? */
static bool is_crowding(const struct pci_region *r)
{
	return bar_bytes(r) >= LARGE_BAR && r->start < FOUR_GIB && (r->flags & REGION_64BIT);
}

/* "3, BAR 1: 32 GiB above 4 GiB" */
static void answer_bars(struct look *l)
{
	struct str large = {0};
	bool crowding = false;
	struct finding *f;
	char size[32];
	size_t i, n = 0;

	for (i = 0; i < REGION_BARS; i++) {
		const struct pci_region *r = &l->facts->regions[i];

		n += bar_bytes(r) > 0;
		crowding |= is_crowding(r);
		if (bar_bytes(r) >= LARGE_BAR)
			str_addf(&large, "%sBAR %zu: %s %s 4 GiB", large.len ? ", " : "", i,
				bytes_text(bar_bytes(r), size, sizeof(size)),
				r->start >= FOUR_GIB ? "above" : "below");
	}
	f = answer(l, crowding ? CHECK_WARN : CHECK_OK, "%zu have one%s%s", n, large.s ? "; " : "",
		large.s ? large.s : "");
	if (crowding)
		finding_means(l, f,
			"It takes room below 4 GiB from all others: with more such cards some will "
			"have none.");
	str_finish(&large);
}

static void bars(struct look *l)
{
	char size[32];
	size_t i;

	for (i = 0; i < REGION_BARS; i++) {
		const struct pci_region *r = &l->facts->regions[i];

		if (bar_bytes(r) == 0 || !is_unassigned(r))
			continue;
		answer(l, CHECK_FAIL, "BAR %zu (%s) has no address", i,
			bytes_text(bar_bytes(r), size, sizeof(size)));
		return;
	}
	answer_bars(l);
}

static void rebar(struct look *l)
{
	struct pcie_rebar r[REBARS_MAX];
	size_t n = pciconf_rebars(&l->facts->conf, r), i;
	struct str words = {0};
	char now[32], most[32];

	for (i = 0; i < n; i++)
		str_addf(&words, "%sBAR %u: %s of %s", words.len ? ", " : "", r[i].bar,
			bytes_text(UINT64_C(1) << (20 + r[i].size), now, sizeof(now)),
			bytes_text(UINT64_C(1) << (20 + r[i].size_max), most, sizeof(most)));
	if (n > 0)
		answer(l, CHECK_OK, "%s", words.s);
	str_finish(&words);
}

/* ---- where it sits ---- */

static void display(struct look *l)
{
	const char *fb = hostfiles_text(&l->t->files, "/proc/fb");

	if (!topology_is_gpu(l->dev))
		return;
	if (!l->dev->boot_vga)
		answer(l, CHECK_OK, "it is not the boot display");
	else if (fb != NULL && fb[0] != '\0')
		answer(l, CHECK_WARN, "it is the boot display, and has framebuffer %s", fb);
	else
		answer(l, CHECK_WARN, "it is the boot display");
}

static void numa(struct look *l)
{
	size_t nodes = numa_nodes(l->t);

	if (l->dev->numa_node >= 0)
		answer(l, CHECK_OK, "node %d of %zu nodes", l->dev->numa_node, nodes);
	else if (nodes > 1)
		answer(l, CHECK_WARN, "no node is named, of %zu", nodes);
	else
		answer(l, CHECK_OK, "there is only one node");
}

static void interrupts(struct look *l)
{
	struct pci_interrupts irq;

	if (l->facts->conf_state != CONF_READ)
		return;
	pciconf_interrupts(&l->facts->conf, &irq);
	if (irq.msix || irq.msi)
		answer(l, CHECK_OK, "%s%s%s", irq.msix ? "MSI-X" : "",
			irq.msix && irq.msi ? ", " : "", irq.msi ? "MSI" : "");
	else if (irq.pin)
		answer(l, CHECK_WARN, "by a wire only, with neither MSI nor MSI-X");
	else
		answer(l, CHECK_OK, "not at all");
}

static void power(struct look *l)
{
	const struct pcifacts *f = l->facts;
	bool suspended = str_eq(f->runtime_status, "suspended");
	struct finding *told;

	if (f->power_state[0] == '\0') {
		told = answer(l, CHECK_UNKNOWN, "there is no power_state");
		finding_means(l, told, "Linux tells from 5.11 on.");
		finding_advises(l, told, "`lspci -vv` shows it, and wakes the device by asking.");
	} else if (str_eq(f->power_state, "unknown")) {
		answer(l, CHECK_OK, "not known to the kernel: nobody has used it yet");
	} else if (str_eq(f->power_state, "D3cold") && !suspended) {
		answer(l, CHECK_WARN, "%s, though its runtime status is '%s'", f->power_state,
			f->runtime_status);
	} else {
		answer(l, CHECK_OK, "%s%s; runtime power management %s, D3cold %s", f->power_state,
			suspended ? " (suspended)" : "",
			str_eq(f->runtime_control, "auto") ? "on" : "off",
			f->d3cold_allowed > 0 ? "allowed" : "not allowed");
	}
}

/* ---- errors ---- */

static void aer(struct look *l)
{
	struct pcie_aer regs;
	struct finding *f;
	char masked[128];

	if (l->facts->conf_state != CONF_READ || pciconf_type(&l->facts->conf) == PCIE_NOT)
		return;
	if (!pciconf_aer(&l->facts->conf, &regs)) {
		f = answer(l, CHECK_OK, "it cannot report any (no AER)");
		finding_means(l, f, "Only the port above it can notice, and the kernel's log.");
		return;
	}
	pcie_aer_masked(&regs, masked, sizeof(masked));
	if (!l->facts->aer.known) {
		answer(l, CHECK_WARN, "the kernel has no counters for it");
	} else if (masked[0] != '\0') {
		f = answer(l, CHECK_WARN, "the kernel, but not of what is masked: %s", masked);
		finding_means(l, f, "These errors happen unseen.");
		finding_advises(l, f, "Find out who masks them: firmware, driver or a quirk.");
	} else {
		answer(l, CHECK_OK, "the kernel");
	}
}

/* "2 corrected, 1 fatal", as the kernel has counted them. */
static void add_counted(const struct aer_counters *aer, struct str *out)
{
	enum aer_class cls;

	for (cls = AER_CORRECTABLE; aer->known && cls < AER_CLASSES; cls++)
		if (aer->total[cls] > 0)
			str_addf(out, "%s%" PRIu64 " %s", out->len ? ", " : "", aer->total[cls],
				aer_class_word(cls));
}

static void errors(struct look *l)
{
	unsigned status = 0;
	struct str counted = {0};

	if (l->facts->conf_state != CONF_READ || !pciconf_device_status(&l->facts->conf, &status))
		return;
	add_counted(&l->facts->aer, &counted);
	/* the scan for devices that are not there sets the other bits at each boot */
	if (counted.len > 0)
		answer(l, CHECK_WARN, "the kernel has counted %s", counted.s);
	else if (status & DEVSTA_FATAL)
		answer(l, CHECK_WARN, "its status register says that a fatal one was seen");
	else
		answer(l, CHECK_OK, "none was counted");
	str_finish(&counted);
}

static void sriov(struct look *l)
{
	unsigned total = pciconf_total_vfs(&l->facts->conf);
	char bdf[BDF_LEN];
	size_t i, n = 0;

	for (i = 0; i < l->t->devs.n; i++)
		n += l->t->devs.v[i].is_vf && bdf_eq(l->t->devs.v[i].physfn, l->dev->bdf);
	if (l->dev->is_vf)
		answer(l, CHECK_OK, "it is one of %s", bdf_text(l->dev->physfn, bdf));
	else if (n > 0)
		answer(l, CHECK_WARN, "%zu virtual functions, of up to %u", n, total);
	else if (total > 0)
		answer(l, CHECK_OK, "none now, up to %u", total);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <stdio.h>
#include <string.h>

static void groups(struct look *l);
static void remapping(struct look *l);
static void domain_type(struct look *l);
static void noiommu(struct look *l);
static void gpu_groups(struct look *l);

const struct check checks_iommu[] = {
	{"iommu.groups", CHECK_HOST, WEIGHT_ESSENTIAL, "is the IOMMU on?",
		"Without IOMMU groups VFIO has nothing to work with: no device can be passed "
		"through.",
		"Switch on VT-d or AMD-Vi in the firmware's setup; with Intel also boot with "
		"`intel_iommu=on`.",
		groups},
	{"iommu.interrupt-remapping", CHECK_HOST, WEIGHT_ESSENTIAL,
		"are the interrupts of devices remapped?",
		"A guest's device could inject any interrupt into the host. VFIO refuses such a "
		"host unless it is told that this is accepted.",
		"Switch on interrupt remapping (x2APIC) in the firmware's setup, and take "
		"`intremap=off`, `nox2apic` and the like off the kernel's command line.",
		remapping},
	{"iommu.domain-type", CHECK_HOST, WEIGHT_NORMAL,
		"how are the devices of the host itself translated?",
		"Kernels before 5.11 do not tell.", "Look in dmesg for 'Default domain type'.",
		domain_type},
	{"iommu.noiommu-mode", CHECK_HOST, WEIGHT_NORMAL, "is VFIO's no-IOMMU mode off?",
		"Devices can be opened with no isolation at all, and the kernel is tainted by it.",
		"Take `enable_unsafe_noiommu_mode` out of the module options.", noiommu},
	{"iommu.gpu-groups", CHECK_HOST, WEIGHT_NORMAL, "is each GPU alone in its IOMMU group?",
		"A group goes to one guest as a whole: everybody in it must go along, or be left "
		"without a driver.",
		"Use another slot, or switch on ACS in the firmware's setup.", gpu_groups},
	{0},
};

/* ---- is it on ---- */

/* Words of the command line that switch it off. */
static const struct {
	const char *word, *value;
} switches[] = {
	{"intel_iommu", "off"},
	{"amd_iommu", "off"},
	{"iommu", "off"},
	{"iommu", "soft"},
};

static void say_why_off(struct look *l, struct finding *f)
{
	char value[64];
	size_t i;

	for (i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (cmdline_has(l->t, switches[i].word, switches[i].value)) {
			finding_advises(l, f, "Take `%s=%s` off the kernel's command line.",
				switches[i].word, switches[i].value);
			return;
		}
	if (hostfiles_find(&l->t->files, "/sys/firmware/acpi/tables/DMAR") != NULL &&
		!cmdline_value(l->t, "intel_iommu", value, sizeof(value)))
		finding_advises(l, f,
			"Add `intel_iommu=on` to the kernel's command line: the firmware has "
			"VT-d, and this kernel does not use it by itself.");
}

/* "dmar0, dmar1" */
static void add_units(const struct topology *t, struct str *out)
{
	static const char *const ends[] = {"/intel-iommu/cap", "/amd-iommu/cap"};
	const char *begin = "/sys/class/iommu/";
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const struct hostfile *f = NULL;

		while ((f = hostfiles_next(&t->files, f, begin, ends[i])) != NULL)
			str_addf(out, "%s%.*s", out->len ? ", " : "; ",
				(int)(strlen(f->path) - strlen(begin) - strlen(ends[i])),
				f->path + strlen(begin));
	}
}

static void groups(struct look *l)
{
	struct str units = {0};
	size_t i, grouped = 0;

	for (i = 0; i < l->t->devs.n; i++)
		grouped += l->t->devs.v[i].iommu_group >= 0;
	if (l->t->ngroups == 0) {
		say_why_off(l, answer(l, CHECK_FAIL, "there are no IOMMU groups"));
		return;
	}
	add_units(l->t, &units);
	answer(l, CHECK_OK, "%zu groups with %zu of %zu functions%s", l->t->ngroups, grouped,
		l->t->devs.n, units.s ? units.s : "");
	str_finish(&units);
}

/* ---- interrupts ---- */

#define UNSAFE "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

static const struct kernel_word *said(const struct topology *t, const char *id)
{
	size_t i;

	for (i = 0; i < t->nwords; i++)
		if (str_eq(t->words[i].id, id))
			return &t->words[i];
	return NULL;
}

static void remapping(struct look *l)
{
	const char *chips = hostfiles_text(&l->t->files, "/proc/interrupts");
	const struct kernel_word *no = said(l->t, "dmar-ir.disabled");
	bool unsafe = module_flag(l->t, UNSAFE), on;
	struct finding *f;

	if (l->t->ngroups == 0)
		return;
	if (chips == NULL || chips[0] == '\0') {
		answer(l, CHECK_UNKNOWN, "/proc/interrupts is not readable");
		return;
	}
	on = str_starts(chips, "IR-") || strstr(chips, "\nIR-") != NULL;
	if (on && unsafe) {
		f = answer(
			l, CHECK_WARN, "they are remapped, but `allow_unsafe_interrupts` is set");
		finding_means(
			l, f, "VFIO would go on without remapping, should a later boot lack it.");
		finding_advises(l, f, "Take `allow_unsafe_interrupts` out of the module options.");
	} else if (on) {
		answer(l, CHECK_OK, "they are remapped (%.*s)", (int)strcspn(chips, "\n"), chips);
	} else if (unsafe) {
		answer(l, CHECK_WARN,
			"they are not remapped, and `allow_unsafe_interrupts` accepts that");
	} else {
		answer(l, CHECK_FAIL, "no interrupt controller here is remapped%s%s",
			no ? "; the kernel says: " : "", no ? no->text : "");
	}
}

/* ---- the host's own devices ---- */

static const struct {
	const char *type, *words, *meaning;
} types[] = {
	{"DMA", "translated, strict", "The safest: a freed page is out of reach at once."},
	{"DMA-FQ", "translated, lazy",
		"A freed page of the host stays in reach of its own devices for some "
		"milliseconds. Guests' devices are always strict."},
	{"identity", "not translated (passthrough)",
		"The host's own devices reach all memory, which is quick and not isolated. "
		"Guests' devices are isolated all the same."},
};

static void domain_type(struct look *l)
{
	size_t i, j, n, known = 0;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct finding *f;

		for (n = 0, j = 0; j < l->t->ngroups; j++)
			n += str_eq(l->t->groups[j].type, types[i].type);
		known += n;
		if (n == 0)
			continue;
		f = answer(l, CHECK_OK, "%s: %zu of %zu groups (%s)", types[i].words, n,
			l->t->ngroups, types[i].type);
		finding_item(l, f, types[i].type);
		finding_means(l, f, "%s", types[i].meaning);
	}
	if (known == 0 && l->t->ngroups > 0)
		answer(l, CHECK_UNKNOWN, "the groups have no `type`");
}

static void noiommu(struct look *l)
{
	if (module_flag(l->t, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"))
		answer(l, CHECK_WARN, "`enable_unsafe_noiommu_mode` is set");
	else
		answer(l, CHECK_OK, "it is off");
}

/* ---- groups with GPUs ---- */

/* Somebody who is neither a bridge nor of a GPU's own slot. */
static bool is_stranger(const struct iommu_group *g, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (topology_is_gpu(g->members[i]) && topology_same_slot(g->members[i], dev))
			return false;
	return !dev->is_bridge;
}

/* GPUs of different slots: two functions of one card are one. */
static size_t count_gpus(const struct iommu_group *g)
{
	size_t i, j, n = 0;

	for (i = 0; i < g->n; i++) {
		if (!topology_is_gpu(g->members[i]))
			continue;
		for (j = 0; j < i; j++)
			if (topology_is_gpu(g->members[j]) &&
				topology_same_slot(g->members[i], g->members[j]))
				break;
		n += j == i;
	}
	return n;
}

static void judge_group(struct look *l, const struct iommu_group *g, size_t gpus)
{
	struct str all = {0}, strange = {0};
	struct namelist members = {&all, 0, 6}, strangers = {&strange, 0, 4};
	struct finding *f;
	char item[24];
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (!g->members[i]->is_bridge)
			namelist_add(&members, g->members[i]);
		if (is_stranger(g, g->members[i]))
			namelist_add(&strangers, g->members[i]);
	}
	namelist_end(&members);
	namelist_end(&strangers);
	if (strangers.n > 0)
		f = answer(l, CHECK_WARN, "group %d: %s, and with it %s", g->number,
			gpus > 1 ? "several GPUs" : "a GPU", strange.s);
	else if (gpus > 1)
		f = answer(l, CHECK_WARN, "group %d has %zu GPUs: %s", g->number, gpus, all.s);
	else
		f = answer(l, CHECK_OK, "group %d: %s", g->number, all.s);
	snprintf(item, sizeof(item), "group %d", g->number);
	finding_item(l, f, item);
	str_finish(&all);
	str_finish(&strange);
}

static void gpu_groups(struct look *l)
{
	size_t i, gpus;

	for (i = 0; i < l->t->ngroups; i++) {
		gpus = count_gpus(&l->t->groups[i]);
		if (gpus > 0)
			judge_group(l, &l->t->groups[i], gpus);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void modules(struct look *l);
static void parameters(struct look *l);
static void ids(struct look *l);
static void nodes(struct look *l);
static void memlock(struct look *l);

const struct check checks_vfio[] = {
	{"vfio.modules", CHECK_HOST, WEIGHT_NORMAL, "is VFIO loaded?",
		"It is loaded when it is needed, if the kernel has it.",
		"`modprobe vfio-pci`; with an initramfs that takes devices early, add it there.",
		modules},
	{"vfio.parameters", CHECK_HOST, WEIGHT_NORMAL, "how is vfio-pci set up?", "", "",
		parameters},
	{"vfio.ids", CHECK_HOST, WEIGHT_NORMAL, "which devices do the `ids=` rules take?",
		"A rule takes every device of its kind at boot, also the one that the host needs.",
		"Use driver_override for the one address (driverctl), not `ids=`.", ids},
	{"vfio.nodes", CHECK_HOST, WEIGHT_NORMAL, "who may open VFIO's nodes?",
		"Whoever may open a group's node has its devices, and DMA through them.",
		"`chmod 0600`, and give it to QEMU's user only (libvirt does this by itself).",
		nodes},
	{"vfio.memlock", CHECK_HOST, WEIGHT_NORMAL, "how much memory may be locked?",
		"A guest with a passed-through device has all its memory locked.",
		"Raise `ulimit -l` for whoever starts QEMU by hand.", memlock},
	{0},
};

static void modules(struct look *l)
{
	bool pci = module_loaded(l->t, "vfio_pci"), type1 = module_loaded(l->t, "vfio_iommu_type1"),
	     iommufd = hostfiles_find(&l->t->files, "/dev/iommu") != NULL;

	if (pci)
		answer(l, CHECK_OK, "vfio-pci%s%s", type1 ? ", vfio_iommu_type1" : "",
			iommufd ? ", iommufd" : "");
	else
		answer(l, CHECK_OK, "not loaded; libvirt and `run` load it when they need it");
}

/* Parameters that change how devices are treated, with the value that one starts with. */
static const struct {
	const char *module, *name, *usual, *words;
} parameters_known[] = {
	{"vfio_pci", "disable_idle_d3", "N", "idle devices stay in D0"},
	{"vfio_pci", "disable_vga", "N", "no legacy VGA access"},
	{"vfio_pci", "enable_sriov", "N", "vfio-pci may make virtual functions"},
	{"vfio_pci", "nointxmask", "N", "no sharing of interrupt wires"},
	{"vfio_iommu_type1", "disable_hugepages", "N", "no huge IOMMU pages"},
};

static void parameters(struct look *l)
{
	struct str set = {0};
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parameters_known); i++) {
		const char *value;

		snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s",
			parameters_known[i].module, parameters_known[i].name);
		value = hostfiles_text(&l->t->files, path);
		if (value != NULL && !str_eq(value, parameters_known[i].usual))
			str_addf(&set, "%s%s=%s (%s)", set.len ? ", " : "",
				parameters_known[i].name, value, parameters_known[i].words);
	}
	answer(l, CHECK_OK, "%s", set.s ? set.s : "as it comes");
	str_finish(&set);
}

/* ---- ids= ---- */

static void judge_id(struct look *l, const char *id)
{
	struct str names = {0};
	struct namelist list = {&names, 0, 6};
	const struct pcidev *display = NULL;
	struct finding *f;
	size_t i;

	for (i = 0; i < l->t->devs.n; i++) {
		const struct pcidev *dev = &l->t->devs.v[i];

		if (!pcidev_matches(dev, id))
			continue;
		namelist_add(&list, dev);
		display = dev->boot_vga ? dev : display;
	}
	namelist_end(&list);
	if (list.n == 0) {
		f = answer(l, CHECK_WARN, "%s: there is no such device", id);
		finding_means(l, f, "The rule does nothing: was a card replaced?");
		finding_advises(l, f, "Take it away, or correct it.");
	} else if (display != NULL) {
		f = answer(l, CHECK_WARN, "%s takes %s, and with it the boot display", id, names.s);
	} else if (list.n > 1) {
		f = answer(l, CHECK_WARN, "%s takes %zu devices: %s", id, list.n, names.s);
	} else {
		f = answer(l, CHECK_OK, "%s takes %s", id, names.s);
	}
	finding_item(l, f, id);
	str_finish(&names);
}

/* "10de:2684,10de:22ba"; a rule may go on with subsystem and class, which narrow it. */
static size_t judge_ids(struct look *l, const char *list)
{
	size_t n, count = 0;
	char id[32];

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ", \"");
		snprintf(id, sizeof(id), "%.*s", n < 9 ? (int)n : 9, list);
		if (strlen(id) == 9)
			judge_id(l, id);
		count++;
		if (list[n] != ',')
			break;
	}
	return count;
}

static void ids(struct look *l)
{
	size_t at = 0, file = 0, n = 0;
	char text[512], *s;

	while (cmdline_next(l->t, &at, text, sizeof(text)))
		if (cmdline_is(text, "vfio-pci.ids") && (s = strchr(text, '=')) != NULL)
			n += judge_ids(l, s + 1);
	at = 0;
	while (modprobe_next(l->t, &file, &at, text, sizeof(text)))
		if ((str_starts(text, "options vfio-pci ") ||
			    str_starts(text, "options vfio_pci ")) &&
			(s = strstr(text, " ids=")) != NULL)
			n += judge_ids(l, s + strlen(" ids="));
	if (n == 0)
		answer(l, CHECK_OK, "there are no rules");
}

/* ---- nodes ---- */

static void nodes(struct look *l)
{
	const struct hostfile *f = NULL;
	size_t n = 0, bad = 0;

	while ((f = hostfiles_next(&l->t->files, f, "/dev/vfio/", "")) != NULL) {
		const char *name = f->path + strlen("/dev/vfio/");
		unsigned mode = 0;

		/* the container alone gives nothing away; it is 0666 by intent */
		if (str_eq(name, "vfio") || f->sys != 0 || f->text[0] == 'd' ||
			sscanf(f->text, "%*c %o", &mode) != 1)
			continue;
		n++;
		if (mode & 06) {
			finding_item(l,
				answer(l, CHECK_WARN, "%s is open to everybody (%04o)", f->path,
					mode),
				f->path);
			bad++;
		}
	}
	if (bad == 0 && n > 0)
		answer(l, CHECK_OK, "%zu group%s, none open to everybody", n, n == 1 ? "" : "s");
	else if (bad == 0)
		answer(l, CHECK_OK, "there are no groups' nodes yet");
}

static void memlock(struct look *l)
{
	const char *limits = hostfiles_text(&l->t->files, "/proc/self/limits");
	const char *s = limits ? strstr(limits, "Max locked memory") : NULL;
	struct finding *f;
	char soft[32];
	uint64_t bytes;

	if (s == NULL || sscanf(s, "Max locked memory %31s", soft) != 1) {
		answer(l, CHECK_UNKNOWN, "/proc/self/limits does not say");
		return;
	}
	if (str_to_u64(soft, 10, UINT64_MAX, &bytes)) {
		f = answer(l, CHECK_OK, "%s for programs started from here",
			bytes_text(bytes, soft, sizeof(soft)));
		finding_means(l, f,
			"libvirt raises it for its guests; a QEMU started by hand has this limit.");
	} else {
		answer(l, CHECK_OK, "any amount");
	}
}

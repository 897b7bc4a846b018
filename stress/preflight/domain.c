/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void definition(struct look *l);
static void devices(struct look *l);
static void slots(struct look *l);
static void managed(struct look *l);
static void shared(struct look *l);
static void memory(struct look *l);
static void hugepages(struct look *l);
static void numa(struct look *l);
static void machine(struct look *l);
static void firmware(struct look *l);
static void cpu(struct look *l);
static void balloon(struct look *l);
static void agent(struct look *l);
static void console(struct look *l);
static void autostart(struct look *l);

const struct check checks_domain[] = {
	{"domain.definition", CHECK_DOMAIN, WEIGHT_NORMAL, "is its definition understood?",
		"Nothing more is known of this domain.", "Send its XML with a report of this.",
		definition},
	{"domain.devices", CHECK_DOMAIN, WEIGHT_NORMAL, "are all its devices there?",
		"It cannot start. After a BIOS update or a new card the addresses may be others.",
		"Correct the addresses (`virsh edit`); `vfio-stress devices` shows today's.",
		devices},
	{"domain.slots", CHECK_DOMAIN, WEIGHT_NORMAL, "does it have all functions of each slot?",
		"VFIO resets a slot only when it holds all of its functions: without the others "
		"the guest's device is not reset between its starts.",
		"Pass the missing functions through as well.", slots},
	{"domain.managed", CHECK_DOMAIN, WEIGHT_NORMAL, "does libvirt bind its devices?",
		"With managed='no' a device must be on vfio-pci before the domain starts; else the "
		"start fails.",
		"Set managed='yes', or bind it to vfio-pci when the machine starts.", managed},
	{"domain.shared", CHECK_DOMAIN, WEIGHT_NORMAL, "does another domain have its devices too?",
		"Only one of them can run, and autostart or somebody else may start the other.",
		"Take the device out of one of them.", shared},
	{"domain.memory", CHECK_DOMAIN, WEIGHT_NORMAL, "is there memory enough for it?",
		"With a passed-through device all of a guest's memory is pinned when it starts: it "
		"cannot be overcommitted.",
		"Give the guest less, or stop others.", memory},
	{"domain.hugepages", CHECK_DOMAIN, WEIGHT_NORMAL, "are there huge pages enough for it?",
		"It cannot start: it asks for huge pages that are not free.",
		"Set more aside: `hugepagesz=` and `hugepages=` on the kernel's command line, or "
		"vm.nr_hugepages.",
		hugepages},
	{"domain.numa", CHECK_DOMAIN, WEIGHT_NORMAL, "does it run on its devices' NUMA node?",
		"Each access of the device to the guest's memory goes through the link between the "
		"processors: slower, and not the same from run to run.",
		"Pin it: <vcpupin> to that node's processors, <numatune> to its memory.", numa},
	{"domain.machine", CHECK_DOMAIN, WEIGHT_NORMAL, "is it a PCIe machine (q35)?",
		"An i440fx machine has no PCIe: the guest sees no extended config space, no AER, "
		"and some drivers do not start.",
		"Define it with machine='q35'.", machine},
	{"domain.firmware", CHECK_DOMAIN, WEIGHT_NORMAL, "does it boot by UEFI (OVMF)?",
		"SeaBIOS has no room for large BARs, and runs a GPU's legacy ROM.",
		"<os firmware='efi'>, for GPUs at least.", firmware},
	{"domain.cpu", CHECK_DOMAIN, WEIGHT_NORMAL, "does it see the host's processor?",
		"The guest sees a processor that does not exist, with a physical address size that "
		"may be too small for large BARs.",
		"<cpu mode='host-passthrough'/>.", cpu},
	{"domain.balloon", CHECK_DOMAIN, WEIGHT_NORMAL, "is ballooning off?",
		"Its memory is pinned, so a balloon gives nothing back.",
		"<memballoon model='none'/>.", balloon},
	{"domain.agent", CHECK_DOMAIN, WEIGHT_NORMAL, "does it have a guest agent's channel?",
		"`guest` steps and the proof of a boot by the agent are not possible.",
		"Add a channel org.qemu.guest_agent.0, and install qemu-guest-agent in the guest.",
		agent},
	{"domain.console", CHECK_DOMAIN, WEIGHT_NORMAL, "does it have a serial console?",
		"A boot cannot be proved by its console, and a guest's last words are lost.",
		"Add <serial type='pty'/>, and console=ttyS0 in the guest.", console},
	{"domain.autostart", CHECK_DOMAIN, WEIGHT_NORMAL, "does nobody start it by itself?",
		"After a crash of the host libvirt starts it before anybody has looked.",
		"`virsh autostart --disable` for the time of the test.", autostart},
	{0},
};

static void definition(struct look *l)
{
	if (l->dom->def == NULL)
		answer(l, CHECK_UNKNOWN, "%s", l->dom->problem);
	else
		answer(l, CHECK_OK, "%zu device%s%s", l->dom->def->nhostdevs,
			l->dom->def->nhostdevs == 1 ? "" : "s",
			!l->dom->state_known     ? ""
				: l->dom->active ? ", running"
						 : ", shut off");
}

/* ---- its devices ---- */

static void devices(struct look *l)
{
	const struct domdef *def = l->dom->def;
	struct str missing = {0};
	char bdf[BDF_LEN];
	size_t i;

	if (def == NULL)
		return;
	for (i = 0; i < def->nhostdevs; i++)
		if (pcidev_find(&l->t->devs, def->hostdevs[i].bdf) == NULL)
			str_addf(&missing, "%s%s", missing.len ? ", " : "",
				bdf_text(def->hostdevs[i].bdf, bdf));
	if (missing.len > 0)
		answer(l, CHECK_FAIL, "there is no %s", missing.s);
	else
		answer(l, CHECK_OK, "all %zu are there", def->nhostdevs);
	str_finish(&missing);
}

static bool passes(const struct domdef *def, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < def->nhostdevs; i++)
		if (bdf_eq(def->hostdevs[i].bdf, bdf))
			return true;
	return false;
}

/* Is it of the slot of a device that is passed, below a port, and not passed itself? */
static bool is_missing(const struct topology *t, const struct domdef *def, const struct pcidev *dev)
{
	size_t i;

	if (dev->is_vf || dev->is_bridge || !dev->has_parent || passes(def, dev->bdf))
		return false;
	for (i = 0; i < def->nhostdevs; i++) {
		const struct pcidev *mine = pcidev_find(&t->devs, def->hostdevs[i].bdf);

		if (mine != NULL && !mine->is_vf && topology_same_slot(mine, dev))
			return true;
	}
	return false;
}

static void slots(struct look *l)
{
	struct str names = {0};
	struct namelist list = {&names, 0, 7};
	size_t i;

	if (l->dom->def == NULL)
		return;
	for (i = 0; i < l->t->devs.n; i++)
		if (is_missing(l->t, l->dom->def, &l->t->devs.v[i]))
			namelist_add(&list, &l->t->devs.v[i]);
	namelist_end(&list);
	if (list.n > 0)
		answer(l, CHECK_WARN, "a slot is not whole: %s is missing", names.s);
	else
		answer(l, CHECK_OK, "all functions of each slot");
	str_finish(&names);
}

static void managed(struct look *l)
{
	const struct domdef *def = l->dom->def;
	struct str bad = {0};
	char bdf[BDF_LEN];
	size_t i, by_hand = 0;

	if (def == NULL)
		return;
	for (i = 0; i < def->nhostdevs; i++) {
		const struct pcidev *dev = pcidev_find(&l->t->devs, def->hostdevs[i].bdf);

		by_hand += !def->hostdevs[i].managed;
		if (dev != NULL && !def->hostdevs[i].managed && !pcidev_vfio_driver(dev->driver))
			str_addf(&bad, "%s%s (%s)", bad.len ? ", " : "", bdf_text(dev->bdf, bdf),
				dev->driver[0] ? dev->driver : "no driver");
	}
	if (bad.len > 0)
		answer(l, CHECK_FAIL, "managed='no', and not on vfio-pci: %s", bad.s);
	else if (by_hand > 0)
		answer(l, CHECK_OK, "managed='no', and on vfio-pci");
	else
		answer(l, CHECK_OK, "managed='yes'");
	str_finish(&bad);
}

static void shared(struct look *l)
{
	const struct domdef *def = l->dom->def;
	struct str names = {0};
	bool active = false;
	size_t i, j;

	if (def == NULL)
		return;
	for (i = 0; i < l->t->ndomains; i++) {
		const struct topology_domain *other = &l->t->domains[i];

		if (other == l->dom || other->def == NULL)
			continue;
		for (j = 0; j < def->nhostdevs; j++)
			if (passes(other->def, def->hostdevs[j].bdf))
				break;
		if (j == def->nhostdevs)
			continue;
		str_addf(&names, "%s%s", names.len ? ", " : "", other->name);
		active |= other->active;
	}
	if (names.len > 0)
		answer(l, active ? CHECK_FAIL : CHECK_WARN, "in %s too%s", names.s,
			active ? ", which runs" : "");
	else
		answer(l, CHECK_OK, "in no other domain");
	str_finish(&names);
}

/* ---- memory and place ---- */

static uint64_t meminfo_kib(const struct topology *t, const char *key)
{
	const char *info = hostfiles_text(&t->files, "/proc/meminfo");
	char value[32];
	uint64_t n;

	if (info == NULL || !hostfile_value(info, key, value, sizeof(value)))
		return 0;
	value[strcspn(value, " ")] = '\0';
	return str_to_u64(value, 10, UINT64_MAX, &n) ? n : 0;
}

static void memory(struct look *l)
{
	const struct domdef *def = l->dom->def;
	uint64_t free = meminfo_kib(l->t, "MemAvailable");

	/* what runs has its memory, and huge pages are counted apart */
	if (def == NULL || l->dom->active || def->placement.hugepages)
		return;
	if (free == 0 || def->memory_kib == 0)
		answer(l, CHECK_UNKNOWN, "how much it takes, or how much there is, is not known");
	else
		answer(l, def->memory_kib > free ? CHECK_FAIL : CHECK_OK,
			"it takes %" PRIu64 " MiB, %" PRIu64 " MiB are available",
			def->memory_kib / 1024, free / 1024);
}

static void hugepages(struct look *l)
{
	const struct domdef *def = l->dom->def;
	uint64_t kib, need, free = 0;
	char path[128], size[32];

	if (def == NULL || l->dom->active || !def->placement.hugepages)
		return;
	kib = def->placement.hugepage_kib ? def->placement.hugepage_kib
					  : meminfo_kib(l->t, "Hugepagesize");
	if (kib == 0) {
		answer(l, CHECK_UNKNOWN, "the size of a huge page is not known");
		return;
	}
	snprintf(path, sizeof(path),
		"/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", kib);
	if (!hostfiles_number(&l->t->files, path, &free)) {
		answer(l, CHECK_FAIL, "the host has no pages of %s",
			bytes_text(kib * 1024, size, sizeof(size)));
		return;
	}
	need = (def->memory_kib + kib - 1) / kib;
	answer(l, need > free ? CHECK_FAIL : CHECK_OK,
		"it takes %" PRIu64 " pages of %s, %" PRIu64 " are free", need,
		bytes_text(kib * 1024, size, sizeof(size)), free);
}

#define CPUS_MAX 8192 /* CONFIG_NR_CPUS of distributions */

/* Is every processor of `cpus` one of the node's? */
static bool all_on_node(const struct topology *t, const char *cpus, int node)
{
	const char *own;
	char path[96];
	unsigned i;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	own = hostfiles_text(&t->files, path);
	for (i = 0; own != NULL && i < CPUS_MAX; i++)
		if (cpulist_has(cpus, i) && !cpulist_has(own, i))
			return false;
	return true;
}

static void judge_node(struct look *l, const struct pcidev *dev)
{
	const struct domdef_placement *p = &l->dom->def->placement;
	int node = dev->numa_node;
	char bdf[BDF_LEN];

	bdf_text(dev->bdf, bdf);
	if (p->cpus[0] == '\0')
		answer(l, CHECK_WARN, "%s is on node %d, the guest is not pinned", bdf, node);
	else if (!all_on_node(l->t, p->cpus, node))
		answer(l, CHECK_WARN, "%s is on node %d, the guest runs on processors %s", bdf,
			node, p->cpus);
	else if (p->nodes[0] != '\0' && !cpulist_has(p->nodes, (unsigned)node))
		answer(l, CHECK_WARN, "%s is on node %d, the guest's memory on %s", bdf, node,
			p->nodes);
	else
		answer(l, CHECK_OK, "%s and the guest are on node %d", bdf, node);
}

static void numa(struct look *l)
{
	size_t i;

	if (l->dom->def == NULL || numa_nodes(l->t) < 2)
		return;
	for (i = 0; i < l->dom->def->nhostdevs; i++) {
		const struct pcidev *dev = pcidev_find(&l->t->devs, l->dom->def->hostdevs[i].bdf);

		if (dev != NULL && dev->numa_node >= 0) {
			judge_node(l, dev);
			return;
		}
	}
}

/* ---- how it is built ---- */

static void machine(struct look *l)
{
	const char *name = l->dom->def ? l->dom->def->machine : "";

	if (l->dom->def == NULL)
		return;
	answer(l, strstr(name, "q35") || strstr(name, "virt") ? CHECK_OK : CHECK_WARN, "%s",
		name[0] ? name : "none is named");
}

static bool has_gpu(const struct topology *t, const struct domdef *def)
{
	size_t i;

	for (i = 0; i < def->nhostdevs; i++) {
		const struct pcidev *dev = pcidev_find(&t->devs, def->hostdevs[i].bdf);

		if (dev != NULL && topology_is_gpu(dev))
			return true;
	}
	return false;
}

static void firmware(struct look *l)
{
	if (l->dom->def == NULL)
		return;
	if (l->dom->def->uefi)
		answer(l, CHECK_OK, "it boots by UEFI");
	else
		answer(l, has_gpu(l->t, l->dom->def) ? CHECK_WARN : CHECK_OK,
			"it boots by SeaBIOS");
}

static void cpu(struct look *l)
{
	const char *mode = l->dom->def ? l->dom->def->cpu_mode : "";

	/* an emulated guest has no host's processor to see */
	if (l->dom->def == NULL || !str_eq(l->dom->def->type, "kvm"))
		return;
	answer(l, str_starts(mode, "host-") || str_eq(mode, "maximum") ? CHECK_OK : CHECK_WARN,
		"processor mode '%s'", mode[0] ? mode : "default");
}

static void balloon(struct look *l)
{
	if (l->dom->def == NULL)
		return;
	if (str_eq(l->dom->def->balloon, "none"))
		answer(l, CHECK_OK, "it has no balloon");
	else
		answer(l, CHECK_WARN, "it has a %s balloon",
			l->dom->def->balloon[0] ? l->dom->def->balloon : "virtio");
}

static void agent(struct look *l)
{
	if (l->dom->def == NULL)
		return;
	if (l->dom->def->has_agent)
		answer(l, CHECK_OK, "it has the channel");
	else
		answer(l, CHECK_WARN, "it has no channel for a guest agent");
}

static void console(struct look *l)
{
	if (l->dom->def == NULL)
		return;
	if (l->dom->def->nserials > 0)
		answer(l, CHECK_OK, "it has one (%s)", l->dom->def->serials[0].type);
	else
		answer(l, CHECK_WARN, "it has no serial console");
}

static void autostart(struct look *l)
{
	if (l->dom->autostart)
		answer(l, CHECK_WARN, "libvirt starts it by itself (autostart)");
	else
		answer(l, CHECK_OK, "it is not started by itself");
}

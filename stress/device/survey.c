/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/survey.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/confread.h"
#include "device/users.h"
#include "world/modalias.h"
#include "world/sysattr.h"
#include "world/vmlist.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- each function ---- */

#define RESOURCE_TEXT 2048 /* 17 lines of 57 bytes */

/* "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200", one range a line. */
static void read_regions(int dirfd, struct pcifacts *f)
{
	auto_close int fd = openat(dirfd, "resource", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[RESOURCE_TEXT], *s = text, *end;
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	size_t i;

	text[n > 0 ? n : 0] = '\0';
	for (i = 0; i < REGIONS_MAX && *s != '\0'; i++) {
		struct pci_region r;

		r.start = strtoull(s, &end, 16);
		r.end = strtoull(end, &end, 16);
		r.flags = strtoull(end, &end, 16);
		if (*end != '\n' && *end != '\0')
			return;
		f->regions[i] = r;
		s = end + (*end == '\n');
	}
}

static void read_facts(
	const struct host *host, int devices_fd, const struct pcidev *dev, struct pcifacts *f)
{
	char bdf[BDF_LEN], text[SYSATTR_MAX];
	auto_close int dirfd =
		openat(devices_fd, bdf_text(dev->bdf, bdf), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	sysattr_text(dirfd, "power_state", f->power_state, sizeof(f->power_state));
	sysattr_text(dirfd, "power/runtime_status", f->runtime_status, sizeof(f->runtime_status));
	sysattr_text(dirfd, "power/control", f->runtime_control, sizeof(f->runtime_control));
	f->d3cold_allowed = -1;
	if (sysattr_text(dirfd, "d3cold_allowed", text, sizeof(text))[0] != '\0')
		f->d3cold_allowed = str_eq(text, "1");
	f->drivers = f->slot = "";
	read_regions(dirfd, f);
	if (sysattr_exists(dirfd, "aer_dev_correctable") ||
		sysattr_exists(dirfd, "aer_rootport_total_err_cor"))
		aer_read(host, dev->bdf, &f->aer);
}

static void read_functions(const struct host *host, struct topology *t)
{
	char path[HOST_PATH_MAX];
	auto_close int fd = open(
		host_path(host, path, "/sys/bus/pci/devices"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	t->facts = arena_alloc(&t->arena, (t->devs.n + 1) * sizeof(*t->facts));
	for (i = 0; i < t->devs.n; i++)
		read_facts(host, fd, &t->devs.v[i], &t->facts[i]);
}

/* The physical slots that the firmware or a hotplug driver knows: "0000:41:00" is in slot "3". */
static void read_slots(const struct host *host, struct topology *t)
{
	char path[HOST_PATH_MAX], address[32], bdf[BDF_LEN + 2], name[32];
	DIR *dir = opendir(host_path(host, path, "/sys/bus/pci/slots"));
	struct dirent *entry;
	const char *slot;
	size_t i;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		auto_close int fd =
			openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct bdf at;

		sysattr_text(fd, "address", address, sizeof(address));
		snprintf(bdf, sizeof(bdf), "%.20s.0", address);
		if (entry->d_name[0] == '.' || !bdf_parse(bdf, &at))
			continue;
		str_printable(name, sizeof(name), entry->d_name, strlen(entry->d_name));
		slot = arena_strdup(&t->arena, name);
		for (i = 0; i < t->devs.n; i++)
			if (t->devs.v[i].bdf.domain == at.domain &&
				t->devs.v[i].bdf.bus == at.bus && t->devs.v[i].bdf.dev == at.dev)
				t->facts[i].slot = slot;
	}
	if (dir != NULL)
		closedir(dir);
}

static void read_drivers(const struct host *host, struct topology *t)
{
	auto_free const char **names = xcalloc(t->devs.n + 1, sizeof(*names));
	size_t i;

	t->drivers_known = modalias_drivers(host, &t->devs, &t->arena, names);
	for (i = 0; i < t->devs.n; i++)
		t->facts[i].drivers = names[i];
}

/* ---- groups ---- */

#define GROUP_TEXT 4096

static const char *group_text(
	const struct host *host, struct arena *arena, int number, const char *name)
{
	char path[HOST_PATH_MAX], text[GROUP_TEXT];
	struct err ignored;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/%s", number, name);
	if (host_read(host, path, text, sizeof(text), &ignored) != 0)
		return "";
	return arena_strdup(arena, text);
}

static void read_groups(const struct host *host, struct topology *t)
{
	size_t i;

	topology_make_groups(t);
	for (i = 0; i < t->ngroups; i++) {
		struct iommu_group *g = &t->groups[i];
		const char *type;

		type = group_text(host, &t->arena, g->number, "type");
		g->type = arena_printable(&t->arena, type, strlen(type));
		g->reserved = group_text(host, &t->arena, g->number, "reserved_regions");
	}
}

/* ---- domains ---- */

static void take_domain(
	struct topology *t, const struct vmlist_domain *from, struct topology_domain *out)
{
	struct domdef *def = arena_alloc(&t->arena, sizeof(*def));
	struct err err = {0};

	*out = (struct topology_domain){
		.name = arena_printable(&t->arena, from->name, strlen(from->name)),
		.xml = from->xml,
		.state_known = from->state_known,
		.active = from->active,
		.autostart = from->autostart,
	};
	if (domdef_parse(from->xml, strlen(from->xml), def, &err) == 0)
		out->def = def;
	else
		out->problem = arena_strdup(&t->arena, err.msg);
}

static void read_domains(const struct host *host, const char *uri, struct topology *t)
{
	struct vmlist list = {0};
	struct err err = {0};
	size_t i;

	if (vmlist_read(host, uri, &t->arena, &list, &err) != 0) {
		t->domains_unknown = arena_strdup(&t->arena, err.msg);
		return;
	}
	t->domains = arena_alloc(&t->arena, (list.n + 1) * sizeof(*t->domains));
	t->ndomains = list.n;
	for (i = 0; i < list.n; i++)
		take_domain(t, &list.v[i], &t->domains[i]);
	str_set(t->libvirt, list.libvirt);
	str_set(t->qemu, list.qemu);
}

int survey_take(const struct host *host, const char *uri, struct topology *out, struct err *err)
{
	struct topology t = {.simulated = host->simulated};

	clock_rfc3339(clock_wall_ns(), t.taken, sizeof(t.taken));
	host_boot_id(host, t.boot_id);
	if (pcidev_scan(host, &t.devs, err) != 0)
		return -1;
	read_functions(host, &t);
	confread_all(host, &t);
	read_slots(host, &t);
	read_drivers(host, &t);
	read_groups(host, &t);
	hostfiles_read(host, &t.arena, &t.files);
	machine_facts_read(host, &t.arena, &t.machine);
	read_domains(host, uri, &t);
	users_find(host, &t);
	*out = t;
	return 0;
}

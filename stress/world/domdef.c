/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/domdef.h"

#include "base/str.h"
#include "world/xmldoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multipliers of <memory unit=...> (libvirt's virScaleInteger). */
static const struct {
	const char *unit;
	uint64_t bytes;
} units[] = {
	{"", 1024},
	{"b", 1},
	{"bytes", 1},
	{"KB", 1000},
	{"k", 1024},
	{"KiB", 1024},
	{"MB", 1000000},
	{"M", 1 << 20},
	{"MiB", 1 << 20},
	{"GB", 1000000000},
	{"G", 1 << 30},
	{"GiB", 1 << 30},
	{"TB", UINT64_C(1000000000000)},
	{"T", UINT64_C(1) << 40},
	{"TiB", UINT64_C(1) << 40},
};

/* An amount in a unit, as KiB. */
static bool to_kib(const char *text, const char *unit, uint64_t *out)
{
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_eq(units[i].unit, unit))
			continue;
		if (!str_to_u64(text, 10, UINT64_MAX / units[i].bytes, &n))
			return false;
		*out = n * units[i].bytes / 1024;
		return true;
	}
	return false;
}

static int read_memory(const struct xmlelem *dom, struct domdef *def, struct err *err)
{
	const struct xmlelem *e = xml_child(dom, "memory");
	char text[32], unit[16];

	if (!xml_text(e, text, sizeof(text)))
		return 0;
	xml_attr(e, "unit", unit, sizeof(unit));
	if (to_kib(text, unit, &def->memory_kib))
		return 0;
	return err_set(
		err, ERR_INPUT, 0, "<memory unit='%s'>%s</memory> is not an amount", unit, text);
}

static void read_backing(const struct xmlelem *dom, struct domdef_placement *p)
{
	const struct xmlelem *backing = xml_child(dom, "memoryBacking"),
			     *huge = xml_child(backing, "hugepages");
	const struct xmlelem *page = xml_child(huge, "page");
	char text[32], unit[16];

	p->locked = xml_child(backing, "locked") != NULL;
	p->hugepages = huge != NULL;
	if (!xml_attr(page, "size", text, sizeof(text)))
		return;
	xml_attr(page, "unit", unit, sizeof(unit));
	if (!to_kib(text, unit, &p->hugepage_kib))
		p->hugepage_kib = 0;
}

/* Joins lists of processors; what no longer fits is left out. */
static void add_cpus(struct domdef_placement *p, const char *cpus)
{
	size_t len = strlen(p->cpus);

	if (len + strlen(cpus) + 2 > sizeof(p->cpus))
		return;
	snprintf(p->cpus + len, sizeof(p->cpus) - len, "%s%s", len ? "," : "", cpus);
}

static void read_placement(const struct xmlelem *dom, struct domdef_placement *p)
{
	const struct xmlelem *vcpu = xml_child(dom, "vcpu"), *tune = xml_child(dom, "cputune"), *e;
	char text[DOMDEF_CPUS_MAX];
	uint64_t n;

	if (xml_text(vcpu, text, sizeof(text)) && str_to_u64(text, 10, UINT16_MAX, &n))
		p->vcpus = (unsigned)n;
	for (e = xml_child(tune, "vcpupin"); e != NULL; e = xml_next(e, "vcpupin"))
		if (xml_attr(e, "cpuset", text, sizeof(text)))
			add_cpus(p, text);
	if (p->cpus[0] == '\0' && xml_attr(vcpu, "cpuset", text, sizeof(text)))
		add_cpus(p, text);
	xml_attr(xml_child(xml_child(dom, "numatune"), "memory"), "nodeset", p->nodes,
		sizeof(p->nodes));
}

/* UEFI: chosen by <os firmware='efi'>, or a loader in flash. */
static void read_machine(const struct xmlelem *dom, struct domdef *def)
{
	const struct xmlelem *os = xml_child(dom, "os");
	char text[24];

	xml_attr(xml_child(os, "type"), "machine", def->machine, sizeof(def->machine));
	def->uefi = xml_attr(os, "firmware", text, sizeof(text)) && str_eq(text, "efi");
	if (xml_attr(xml_child(os, "loader"), "type", text, sizeof(text)))
		def->uefi |= str_eq(text, "pflash");
	xml_attr(xml_child(dom, "cpu"), "mode", def->cpu_mode, sizeof(def->cpu_mode));
}

static bool address_part(const struct xmlelem *e, const char *name, uint64_t max, uint64_t *out)
{
	char text[24];

	return xml_attr(e, name, text, sizeof(text)) && str_to_u64(text, 0, max, out);
}

static int read_address(const struct xmlelem *e, struct bdf *out, struct err *err)
{
	uint64_t domain = 0, bus = 0, dev = 0, fn = 0;
	char text[24];

	if (xml_attr(e, "domain", text, sizeof(text)) && !str_to_u64(text, 0, UINT32_MAX, &domain))
		return err_set(err, ERR_INPUT, 0, "'%s' is not a PCI domain", text);
	if (!address_part(e, "bus", 0xff, &bus) || !address_part(e, "slot", 0x1f, &dev) ||
		!address_part(e, "function", 7, &fn))
		return err_set(err, ERR_INPUT, 0,
			"a PCI device's <address> lacks a valid bus, slot or function");
	*out = (struct bdf){(uint32_t)domain, (uint8_t)bus, (uint8_t)dev, (uint8_t)fn};
	return 0;
}

/* Does the device's element pass a PCI function of the host through? Yields its <source>. */
static const struct xmlelem *pci_source(const struct xmlelem *e)
{
	const struct xmlelem *source = xml_child(e, "source");
	char type[24];

	xml_attr(e, "type", type, sizeof(type));
	if (str_eq(xml_name(e), "hostdev"))
		return str_eq(type, "pci") ? source : NULL;
	if (str_eq(xml_name(e), "interface") && str_eq(type, "hostdev")) {
		xml_attr(xml_child(source, "address"), "type", type, sizeof(type));
		return str_eq(type, "pci") ? source : NULL;
	}
	return str_eq(xml_name(e), "disk") && str_eq(type, "nvme") ? source : NULL;
}

static int read_hostdev(const struct xmlelem *e, struct domdef *def, struct err *err)
{
	const struct xmlelem *source = pci_source(e);
	struct domdef_hostdev dev = {0};
	char managed[8];
	size_t i;

	if (source == NULL)
		return 0;
	if (read_address(xml_child(source, "address"), &dev.bdf, err) != 0)
		return err_wrap(err, "<%s>", xml_name(e));
	/* a disk has the attribute at its source (libvirt, "Network and NVMe disks") */
	xml_attr(str_eq(xml_name(e), "disk") ? source : e, "managed", managed, sizeof(managed));
	dev.managed = str_eq(managed, "yes");
	str_set(dev.element, xml_name(e));
	for (i = 0; i < def->nhostdevs; i++)
		if (bdf_eq(def->hostdevs[i].bdf, dev.bdf))
			return 0;
	if (def->nhostdevs == DOMDEF_HOSTDEVS_MAX)
		return err_set(err, ERR_INPUT, 0, "more than %d PCI devices are passed through",
			DOMDEF_HOSTDEVS_MAX);
	def->hostdevs[def->nhostdevs++] = dev;
	return 0;
}

static enum serial_kind serial_kind(const char *type)
{
	return str_eq(type, "pty")     ? SERIAL_PTY
		: str_eq(type, "unix") ? SERIAL_UNIX
		: str_eq(type, "file") ? SERIAL_FILE
				       : SERIAL_OTHER;
}

static void read_serial(const struct xmlelem *e, struct domdef *def)
{
	struct domdef_serial *s = &def->serials[def->nserials];
	const struct xmlelem *source = xml_child(e, "source");
	char text[24];

	/* the first <console> only repeats the first <serial> */
	xml_attr(xml_child(e, "target"), "type", text, sizeof(text));
	if (str_eq(xml_name(e), "console") && (text[0] == '\0' || str_eq(text, "serial")) &&
		def->nserials > 0)
		return;
	if (def->nserials == DOMDEF_SERIALS_MAX)
		return;
	xml_attr(e, "type", s->type, sizeof(s->type));
	s->kind = serial_kind(s->type);
	xml_attr(source, "path", s->path, sizeof(s->path));
	xml_attr(source, "mode", text, sizeof(text));
	s->listens = str_eq(text, "bind");
	xml_attr(xml_child(e, "log"), "file", s->log, sizeof(s->log));
	def->nserials++;
}

static void read_channel(const struct xmlelem *e, struct domdef *def)
{
	char name[40];

	xml_attr(xml_child(e, "target"), "name", name, sizeof(name));
	if (str_eq(name, "org.qemu.guest_agent.0"))
		def->has_agent = true;
}

static int cmp_hostdevs(const void *a, const void *b)
{
	const struct domdef_hostdev *x = a, *y = b;

	return bdf_cmp(x->bdf, y->bdf);
}

static int read_devices(const struct xmlelem *devices, struct domdef *def, struct err *err)
{
	const struct xmlelem *e;

	/* two passes, because a <console> counts only when no <serial> came before */
	for (e = xml_child(devices, "serial"); e != NULL; e = xml_next(e, "serial"))
		read_serial(e, def);
	for (e = xml_child(devices, NULL); e != NULL; e = xml_next(e, NULL)) {
		if (str_eq(xml_name(e), "console"))
			read_serial(e, def);
		else if (str_eq(xml_name(e), "channel"))
			read_channel(e, def);
		else if (str_eq(xml_name(e), "panic"))
			def->has_panic = true;
		else if (str_eq(xml_name(e), "memballoon"))
			xml_attr(e, "model", def->balloon, sizeof(def->balloon));
		else if (read_hostdev(e, def, err) != 0)
			return -1;
	}
	qsort(def->hostdevs, def->nhostdevs, sizeof(def->hostdevs[0]), cmp_hostdevs);
	return 0;
}

static int read_domain(const struct xmlelem *dom, struct domdef *def, struct err *err)
{
	if (!str_eq(xml_name(dom), "domain"))
		return err_set(err, ERR_INPUT, 0, "the XML is not a domain's");
	xml_attr(dom, "type", def->type, sizeof(def->type));
	xml_text(xml_child(dom, "uuid"), def->uuid, sizeof(def->uuid));
	if (!xml_text(xml_child(dom, "name"), def->name, sizeof(def->name)) || def->name[0] == '\0')
		return err_set(err, ERR_INPUT, 0,
			"the domain has no name, or one that is longer than %d",
			DOMDEF_NAME_MAX - 1);
	xml_text(xml_child(dom, "on_poweroff"), def->on_poweroff, sizeof(def->on_poweroff));
	xml_text(xml_child(dom, "on_reboot"), def->on_reboot, sizeof(def->on_reboot));
	xml_text(xml_child(dom, "on_crash"), def->on_crash, sizeof(def->on_crash));
	if (read_memory(dom, def, err) != 0)
		return -1;
	read_backing(dom, &def->placement);
	read_placement(dom, &def->placement);
	read_machine(dom, def);
	return read_devices(xml_child(dom, "devices"), def, err);
}

int domdef_parse(const char *xml, size_t len, struct domdef *out, struct err *err)
{
	struct domdef def = {0};
	struct xmldoc *doc;
	int res;

	if (xmldoc_parse(xml, len, &doc, err) != 0)
		return -1;
	res = read_domain(xmldoc_root(doc), &def, err);
	xmldoc_free(doc);
	if (res == 0)
		*out = def;
	return res;
}

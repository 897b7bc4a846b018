/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/domdef.h"

#include "base/str.h"

#include "cmocka_all.h"
#include <string.h>

static int parse(const char *xml, struct domdef *def, struct err *err)
{
	return domdef_parse(xml, strlen(xml), def, err);
}

#define ADDRESS(b, s, f)                                                                           \
	"<source><address domain='0x0000' bus='" b "' slot='" s "' function='" f "'/></source>"

static void everything_of_a_gpu_domain_is_found(void **state)
{
	static const char xml[] =
		"<domain type='kvm' id='3'><name>gpu-vm</name>"
		"<uuid>1f2a4f5e-0000-4000-8000-00000000aa01</uuid>"
		"<memory unit='GiB'>64</memory><currentMemory unit='KiB'>1</currentMemory>"
		"<on_reboot>restart</on_reboot><on_crash>preserve</on_crash>"
		"<devices>"
		"<hostdev mode='subsystem' type='pci' managed='yes'>" ADDRESS("0x41", "0x00",
			"0x1") "</hostdev>"
			       "<hostdev mode='subsystem' type='pci'>" ADDRESS("0x41", "0x00",
				       "0x0") "</hostdev>"
					      "<hostdev mode='subsystem' "
					      "type='usb'><source><vendor "
					      "id='0x1'/></source></hostdev>"
					      "<interface type='hostdev' managed='yes'><source>"
					      "<address type='pci' domain='0x10000' bus='5' "
					      "slot='2' function='3'/></source>"
					      "</interface>"
					      "<interface type='network'><source "
					      "network='default'/></interface>"
					      "<disk type='nvme' device='disk'><source type='pci' "
					      "managed='no' namespace='1'>"
					      "<address domain='0x0000' bus='0x01' slot='0x00' "
					      "function='0x0'/></source></disk>"
					      "<disk type='file'><source file='/x'/>"
					      "<address type='pci' domain='0' bus='9' slot='9' "
					      "function='0'/></disk>"
					      "<console type='pty' tty='/dev/pts/3'><source "
					      "path='/dev/pts/3'/>"
					      "<target type='serial' port='0'/></console>"
					      "<serial type='pty'><source path='/dev/pts/3'/><log "
					      "file='/var/log/c.log'/>"
					      "<target type='isa-serial' port='0'/></serial>"
					      "<console type='unix'><source mode='bind' "
					      "path='/run/c'/><target type='virtio'/>"
					      "</console>"
					      "<channel type='unix'><target type='virtio' "
					      "name='org.qemu.guest_agent.0'/></channel>"
					      "<panic model='isa'/></devices></domain>";
	struct domdef def;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, &def, &err), 0);
	assert_string_equal(def.type, "kvm");
	assert_string_equal(def.name, "gpu-vm");
	assert_string_equal(def.uuid, "1f2a4f5e-0000-4000-8000-00000000aa01");
	assert_int_equal(def.memory_kib, 64u << 20);
	assert_string_equal(def.on_poweroff, "");
	assert_string_equal(def.on_reboot, "restart");
	assert_string_equal(def.on_crash, "preserve");
	assert_true(def.has_agent);
	assert_true(def.has_panic);

	assert_int_equal(def.nhostdevs, 4);
	assert_true(bdf_eq(def.hostdevs[0].bdf, (struct bdf){0, 1, 0, 0}));
	assert_string_equal(def.hostdevs[0].element, "disk");
	assert_false(def.hostdevs[0].managed);
	assert_true(bdf_eq(def.hostdevs[1].bdf, (struct bdf){0, 0x41, 0, 0}));
	assert_false(def.hostdevs[1].managed);
	assert_true(bdf_eq(def.hostdevs[2].bdf, (struct bdf){0, 0x41, 0, 1}));
	assert_true(def.hostdevs[2].managed);
	assert_true(bdf_eq(def.hostdevs[3].bdf, (struct bdf){0x10000, 5, 2, 3}));

	assert_int_equal(def.nserials, 2);
	assert_int_equal(def.serials[0].kind, SERIAL_PTY);
	assert_string_equal(def.serials[0].path, "/dev/pts/3");
	assert_string_equal(def.serials[0].log, "/var/log/c.log");
	assert_int_equal(def.serials[1].kind, SERIAL_UNIX);
	assert_true(def.serials[1].listens);
}

static void a_device_named_twice_counts_once(void **state)
{
	static const char xml[] = "<domain><name>x</name><devices>"
				  "<hostdev type='pci'>" ADDRESS("1", "2",
					  "3") "</hostdev>"
					       "<hostdev type='pci'>" ADDRESS(
						       "0x1", "0x2", "0x3") "</hostdev>"
									    "</devices></domain>";
	struct domdef def;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, &def, &err), 0);
	assert_int_equal(def.nhostdevs, 1);
}

static void bad_xml_is_refused_and_leaves_the_output_alone(void **state)
{
	static const struct {
		const char *xml, *says;
	} bad[] = {
		{"", "XML"},
		{"<domain><name>x</name>", "XML line 1"},
		{"<network><name>x</name></network>", "not a domain's"},
		{"<domain/>", "no name"},
		{"<domain><name/></domain>", "no name"},
		{"<domain><name>x</name><memory unit='parsec'>1</memory></domain>",
			"not an amount"},
		{"<domain><name>x</name><memory unit='TiB'>99999999999</memory></domain>",
			"not an amount"},
		{"<domain><name>x</name><devices><hostdev type='pci'><source/></hostdev></devices>"
		 "</domain>",
			"lacks a valid bus"},
		{"<domain><name>x</name><devices><hostdev type='pci'>" ADDRESS(
			 "0x100", "0", "0") "</hostdev></devices></domain>",
			"lacks a valid bus"},
		{"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
		 "<domain><name>&a;</name></domain>",
			"document type"},
		{"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		 "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY e '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
		 "<domain type='&e;'><name>&e;</name></domain>",
			"XML"},
	};
	struct domdef def = {.name = "untouched"};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].xml, &def, &err), -1);
		if (strstr(err.msg, bad[i].says) == NULL)
			fail_msg("'%s' lacks '%s'", err.msg, bad[i].says);
		assert_string_equal(def.name, "untouched");
	}
}

static void amounts_are_bounded(void **state)
{
	struct str xml = {0};
	struct domdef def;
	struct err err;
	int i;

	(void)state;
	str_add(&xml, "<domain><name>x</name><devices>");
	for (i = 0; i < DOMDEF_HOSTDEVS_MAX + 1; i++)
		str_addf(&xml,
			"<hostdev type='pci'><source><address bus='%d' slot='0' function='0'/>"
			"</source></hostdev>",
			i);
	str_add(&xml, "</devices></domain>");
	assert_int_equal(parse(xml.s, &def, &err), -1);
	assert_string_equal(err.msg, "more than 64 PCI devices are passed through");

	str_reset(&xml);
	for (i = 0; i < 100000; i++)
		str_add(&xml, "<a>");
	assert_int_equal(parse(xml.s, &def, &err), -1);

	str_reset(&xml);
	str_add(&xml, "<domain><name>");
	for (i = 0; i < 5 << 20; i++)
		str_add(&xml, "x");
	str_add(&xml, "</name></domain>");
	assert_int_equal(parse(xml.s, &def, &err), -1);
	str_finish(&xml);
}

static void machine_and_placement_are_known(void **state)
{
	static const char xml[] =
		"<domain type='kvm'><name>x</name><memory>4194304</memory>"
		"<os firmware='efi'><type machine='pc-q35-9.0'>hvm</type></os>"
		"<cpu mode='host-passthrough'/>"
		"<vcpu placement='static' cpuset='0-63'>8</vcpu>"
		"<cputune><vcpupin vcpu='0' cpuset='8-9'/><vcpupin vcpu='1' cpuset='12'/></cputune>"
		"<numatune><memory mode='strict' nodeset='1'/></numatune>"
		"<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages><locked/>"
		"</memoryBacking><devices><memballoon model='none'/></devices></domain>";
	static const char plain[] =
		"<domain type='kvm'><name>y</name><vcpu cpuset='3'>1</vcpu><os>"
		"<loader type='pflash'>/x</loader><type>hvm</type></os>"
		"<memoryBacking><hugepages><page size='x' unit='y'/></hugepages></memoryBacking>"
		"</domain>";
	struct domdef def;
	struct err err;

	(void)state;
	assert_int_equal(parse(xml, &def, &err), 0);
	assert_string_equal(def.machine, "pc-q35-9.0");
	assert_true(def.uefi);
	assert_string_equal(def.cpu_mode, "host-passthrough");
	assert_string_equal(def.balloon, "none");
	assert_int_equal(def.placement.vcpus, 8);
	assert_string_equal(def.placement.cpus, "8-9,12");
	assert_string_equal(def.placement.nodes, "1");
	assert_true(def.placement.hugepages && def.placement.locked);
	assert_int_equal(def.placement.hugepage_kib, 2048);
	assert_int_equal(parse(plain, &def, &err), 0);
	assert_true(def.uefi && def.placement.hugepages && !def.placement.locked);
	assert_string_equal(def.placement.cpus, "3");
	assert_int_equal(def.placement.hugepage_kib, 0);
	assert_string_equal(def.machine, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_of_a_gpu_domain_is_found),
		cmocka_unit_test(machine_and_placement_are_known),
		cmocka_unit_test(a_device_named_twice_counts_once),
		cmocka_unit_test(bad_xml_is_refused_and_leaves_the_output_alone),
		cmocka_unit_test(amounts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

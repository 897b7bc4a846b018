/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/preflight.h"

#include "base/str.h"
#include "base/vec.h"
#include "device/survey.h"
#include "fakehost.h"
#include "preflight/words.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A host that is looked at: its tree, and all that was answered about it. */
struct looked {
	struct topology t;
	const struct pcidev *devs[32];
	struct preflight p;
};

/* Everything about the devices of these addresses (comma-separated), "" = about none. */
static void look_at(const struct fakehost *fake, const char *addresses, struct looked *out)
{
	char copy[512], *word, *rest = copy;
	struct err err = {0};
	size_t n = 0;

	if (survey_take(fakehost_host(fake), NULL, &out->t, &err) != 0)
		fail_msg("%s", err.msg);
	words_read(fakehost_host(fake), &out->t);
	str_set(copy, addresses);
	while ((word = strsep(&rest, ",")) != NULL) {
		struct bdf bdf;

		if (!bdf_parse(word, &bdf))
			continue;
		out->devs[n] = pcidev_find(&out->t.devs, bdf);
		assert_non_null(out->devs[n++]);
	}
	preflight_look(&out->t, out->devs, n, &out->p);
}

static void finish(struct looked *l)
{
	preflight_finish(&l->p);
	topology_finish(&l->t);
}

static const struct finding *find(const struct looked *l, const char *id)
{
	vec_foreach (f, &l->p)
		if (str_eq(f->check->id, id))
			return f;
	return NULL;
}

/* The first answer of a check: this state, and this among its words. */
static void says(const struct looked *l, const char *id, enum check_state state, const char *words)
{
	const struct finding *f = find(l, id);

	if (f == NULL)
		fail_msg("%s gave no answer", id);
	if (f->state != state || strstr(f->seen, words) == NULL)
		fail_msg("%s: %s: %s", id, check_state_name(f->state), f->seen);
	if (f->state == CHECK_FAIL || f->state == CHECK_WARN)
		assert_true(f->meaning[0] != '\0' || f->advice[0] != '\0');
}

/* A healthy host with an IOMMU: a port with a GPU of two functions, and an NVMe drive. */
#define HEALTHY                                                                                    \
	FAKE_DEV("0000:00:01.0", .secondary = 1, .group = 1, .driver = "pcieport"),                \
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .vendor = 0x10de,               \
			.device = 0x2684, .group = 12, .driver = "vfio-pci"),                      \
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .vendor = 0x10de,               \
			.device = 0x22ba, .class_code = 0x040300, .group = 12,                     \
			.driver = "vfio-pci"),                                                     \
		FAKE_DEV(                                                                          \
			"0000:00:03.0", .class_code = 0x010802, .group = 13, .methods = "flr bus")

static struct fakehost *with(struct fakehost *fake)
{
	fakehost_write(fake, "/proc/cmdline", "root=/dev/sda1 intel_iommu=on iommu=pt\n");
	fakehost_write(fake, "/proc/cpuinfo", "processor\t: 0\nmodel name\t: CPU\nflags\t: vmx\n");
	fakehost_write(fake, "/proc/interrupts", "  0:  9  IR-IO-APIC  2-edge  timer\n");
	fakehost_write(fake, "/proc/meminfo",
		"MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 0 kB\n"
		"SwapFree: 0 kB\nHugepagesize: 2048 kB\n");
	fakehost_write(fake, "/sys/firmware/acpi/tables/FACP", "FACP");
	fakehost_write(fake, "/sys/firmware/acpi/tables/DMAR", "DMAR");
	return fake;
}

/* A domain with these functions of 0000:01:00, managed or not; `more` goes into its XML. */
static void domain(const struct fakehost *fake, const char *functions, bool managed,
	const char *more, const char *devices)
{
	struct str xml = {0};

	str_addf(&xml,
		"<domain type='kvm'><name>vm</name><memory unit='GiB'>2</memory>"
		"<os><type machine='pc-q35-9.0'>hvm</type></os>%s<devices>%s",
		more, devices);
	for (; *functions != '\0'; functions++)
		str_addf(&xml,
			"<hostdev mode='subsystem' type='pci' managed='%s'><source><address "
			"domain='0' bus='1' slot='0' function='%c'/></source></hostdev>",
			managed ? "yes" : "no", *functions);
	str_add(&xml, "</devices></domain>");
	fakehost_write(fake, "/etc/libvirt/qemu/vm.xml", xml.s);
	str_finish(&xml);
}

static void a_healthy_host_has_nothing_that_fails(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/dev/kvm", "");
	domain(fake, "01", true, "", "<memballoon model='none'/><serial type='pty'/>");
	look_at(fake, "0000:01:00.0,0000:01:00.1", &l);
	vec_foreach (f, &l.p)
		if (f->state == CHECK_FAIL)
			fail_msg("%s: %s", f->check->id, f->seen);
	says(&l, "processor.virtualization", CHECK_OK, "vmx");
	says(&l, "iommu.groups", CHECK_OK, "3 groups with 4 of 4");
	says(&l, "iommu.interrupt-remapping", CHECK_OK, "IR-IO-APIC");
	says(&l, "iommu.gpu-groups", CHECK_OK, "group 12");
	says(&l, "device.group", CHECK_OK, "0000:01:00.1");
	says(&l, "device.driver", CHECK_OK, "vfio-pci");
	says(&l, "domain.slots", CHECK_OK, "all functions");
	says(&l, "domain.machine", CHECK_OK, "q35");
	finish(&l);
	fakehost_free(fake);
}

static void without_groups_the_reason_is_looked_for(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:03.0")));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/cmdline", "quiet intel_iommu=off\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "iommu.groups", CHECK_FAIL, "no IOMMU groups");
	assert_non_null(strstr(find(&l, "iommu.groups")->advice, "intel_iommu=off"));
	says(&l, "kernel.command-line", CHECK_FAIL, "intel_iommu=off");
	says(&l, "device.group", CHECK_FAIL, "no IOMMU group");
	assert_null(find(&l, "iommu.interrupt-remapping"));
	assert_int_equal(preflight_verdict(&l.p), CHECK_FAIL);
	finish(&l);
	fakehost_write(fake, "/proc/cmdline", "quiet\n");
	look_at(fake, "", &l);
	assert_non_null(strstr(find(&l, "iommu.groups")->advice, "Add `intel_iommu=on`"));
	finish(&l);
	fakehost_remove(fake, "/sys/firmware/acpi/tables/DMAR");
	look_at(fake, "", &l);
	says(&l, "firmware.tables", CHECK_FAIL, "neither");
	finish(&l);
	fakehost_free(fake);
}

static void interrupts_that_are_not_remapped_fail_unless_that_is_accepted(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/interrupts", "  0:  9  IO-APIC  2-edge  timer\n");
	look_at(fake, "", &l);
	says(&l, "iommu.interrupt-remapping", CHECK_FAIL, "remapped");
	finish(&l);
	fakehost_write(
		fake, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
	look_at(fake, "", &l);
	says(&l, "iommu.interrupt-remapping", CHECK_WARN, "allow_unsafe_interrupts");
	finish(&l);
	fakehost_free(fake);
}

static void a_stranger_in_the_group_is_named_with_its_driver(void **state)
{
	struct fakehost *fake = with(FAKEHOST(
		FAKE_DEV("0000:00:02.0", .class_code = 0x030000, .group = 5, .methods = "flr"),
		FAKE_DEV("0000:00:03.0", .class_code = 0x020000, .group = 5, .driver = "e1000e"),
		FAKE_DEV("0000:00:04.0", .class_code = 0x030000, .group = 6, .methods = "flr"),
		FAKE_DEV("0000:00:05.0", .class_code = 0x030000, .group = 6)));
	struct looked l;

	(void)state;
	look_at(fake, "0000:00:02.0", &l);
	says(&l, "device.group", CHECK_FAIL, "0000:00:03.0 (e1000e)");
	says(&l, "iommu.gpu-groups", CHECK_WARN, "0000:00:03.0 (e1000e)");
	finish(&l);
	look_at(fake, "0000:00:04.0", &l);
	says(&l, "device.group", CHECK_WARN, "0000:00:05.0");
	assert_string_equal(find(&l, "iommu.gpu-groups")[1].seen,
		"group 6 has 2 GPUs: 0000:00:04.0, 0000:00:05.0");
	finish(&l);
	fakehost_free(fake);
}

static void a_function_that_stays_behind_is_missed(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	domain(fake, "0", true, "", "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.slots", CHECK_WARN, "0000:01:00.1");
	says(&l, "domain.balloon", CHECK_WARN, "virtio");
	says(&l, "domain.agent", CHECK_WARN, "agent");
	says(&l, "domain.console", CHECK_WARN, "serial");
	finish(&l);
	fakehost_free(fake);
}

static void an_override_that_is_not_followed_is_told(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .driver = "nouveau")));
	const char *file = "/sys/bus/pci/devices/0000:01:00.0/driver_override";
	struct looked l;

	(void)state;
	fakehost_write(fake, file, "vfio-pci\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.driver", CHECK_WARN, "nouveau, but its driver_override is vfio-pci");
	finish(&l);
	fakehost_write(fake, file, "nouveau\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.driver", CHECK_WARN, "bound to nouveau");
	assert_null(strstr(find(&l, "device.driver")->seen, "override"));
	finish(&l);
	fakehost_free(fake);
}

static void models_that_misbehave_are_told(void **state)
{
	static const struct {
		uint16_t vendor, device;
		enum check_state state;
		const char *seen;
	} models[] = {
		{0x1002, 0x6fdf, CHECK_WARN, "Polaris 20"},
		{0x14c3, 0x0616, CHECK_WARN, "FLR hangs it"},
		{0x168c, 0x0031, CHECK_OK, "nothing against"},
		{0x168c, 0x0032, CHECK_WARN, "bus reset does not work"},
		{0x1b21, 0x1164, CHECK_WARN, "bus reset does not work"},
		{0x10de, 0x237f, CHECK_WARN, "bus reset does not work"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
			FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0",
				.vendor = models[i].vendor, .device = models[i].device)));
		struct looked l;

		look_at(fake, "0000:01:00.0", &l);
		says(&l, "device.quirks", models[i].state, models[i].seen);
		finish(&l);
		fakehost_free(fake);
	}
}

static void an_unmanaged_device_must_be_on_vfio(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .driver = "nouveau")));
	struct looked l;

	(void)state;
	domain(fake, "0", false, "", "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.managed", CHECK_FAIL, "nouveau");
	says(&l, "device.driver", CHECK_WARN, "nouveau");
	finish(&l);
	domain(fake, "02", true, "", "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.managed", CHECK_OK, "yes");
	says(&l, "device.driver", CHECK_OK, "domain vm");
	says(&l, "domain.devices", CHECK_FAIL, "0000:01:00.2");
	finish(&l);
	fakehost_free(fake);
}

static void huge_pages_must_be_free(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	const char *more = "<memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages>"
			   "</memoryBacking>";
	const char *free = "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages";
	struct looked l;

	(void)state;
	domain(fake, "01", true, more, "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.hugepages", CHECK_FAIL, "no pages of 1 GiB");
	assert_null(find(&l, "domain.memory"));
	finish(&l);
	fakehost_write(fake, free, "1\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.hugepages", CHECK_FAIL, "2 pages of 1 GiB, 1 are free");
	finish(&l);
	fakehost_write(fake, free, "2\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.hugepages", CHECK_OK, "2 are free");
	finish(&l);
	fakehost_free(fake);
}

static void memory_that_is_pinned_must_be_there(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	domain(fake, "01", true, "", "");
	fakehost_write(fake, "/proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 1048576 kB\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.memory", CHECK_FAIL, "2048 MiB, 1024 MiB");
	finish(&l);
	fakehost_free(fake);
}

static void a_guest_belongs_on_its_devices_node(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/sys/devices/system/node/node0/cpulist", "0-7,16-23\n");
	fakehost_write(fake, "/sys/devices/system/node/node1/cpulist", "8-15,24-31\n");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:01:00.0/numa_node", "1\n");
	domain(fake, "01", true, "", "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.numa", CHECK_WARN, "not pinned");
	says(&l, "device.numa", CHECK_OK, "node 1 of 2");
	finish(&l);
	domain(fake, "01", true,
		"<cputune><vcpupin vcpu='0' cpuset='8-9'/><vcpupin vcpu='1' cpuset='7'/></cputune>",
		"");
	look_at(fake, "0000:01:00.1,0000:01:00.0", &l);
	says(&l, "domain.numa", CHECK_WARN, "8-9,7");
	says(&l, "device.numa", CHECK_WARN, "no node");
	finish(&l);
	domain(fake, "01", true,
		"<vcpu cpuset='8-11'>4</vcpu><numatune><memory nodeset='0'/></numatune>", "");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "domain.numa", CHECK_WARN, "memory on 0");
	finish(&l);
	fakehost_free(fake);
}

static void who_has_no_reset_is_told_what_is_left(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .methods = "bus"),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0"), FAKE_DEV("0000:00:03.0"),
		FAKE_DEV("0000:00:04.0", .methods = "pm"),
		FAKE_DEV("0000:00:05.0", .old_kernel = true)));
	struct looked l;

	(void)state;
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.reset", CHECK_WARN, "others share the bus");
	finish(&l);
	look_at(fake, "0000:01:00.1", &l);
	says(&l, "device.reset", CHECK_WARN, "hot reset");
	finish(&l);
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.reset", CHECK_FAIL, "root bus");
	finish(&l);
	look_at(fake, "0000:00:04.0", &l);
	says(&l, "device.reset", CHECK_OK, "D3hot");
	finish(&l);
	look_at(fake, "0000:00:05.0", &l);
	says(&l, "device.reset", CHECK_OK, "default");
	finish(&l);
	fakehost_free(fake);
}

static void whoever_uses_it_is_named(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY,
		FAKE_DEV("0000:00:05.0", .driver = "nvme", .block = "nvme0n1", .group = 20)));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/swaps", "Filename Type\n/dev/nvme0n1 partition\n");
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/12");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.users", CHECK_WARN, "qemu-system-x86 (process 4711)");
	finish(&l);
	look_at(fake, "0000:00:05.0", &l);
	says(&l, "device.users", CHECK_FAIL, "disk nvme0n1 -> swap");
	finish(&l);
	fakehost_free(fake);
}

static void a_rule_by_kind_says_whom_it_takes(void **state)
{
	struct fakehost *fake = with(FAKEHOST(
		FAKE_DEV("0000:00:02.0", .vendor = 0x10de, .device = 0x2684, .boot_vga = true),
		FAKE_DEV("0000:00:03.0", .vendor = 0x10de, .device = 0x2684)));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/cmdline", "vfio-pci.ids=10de:2684,8086:ffff\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "vfio.ids", CHECK_WARN, "boot display");
	assert_non_null(strstr(find(&l, "vfio.ids")[1].seen, "8086:ffff: there is no such"));
	says(&l, "device.twins", CHECK_WARN, "0000:00:02.0");
	finish(&l);
	fakehost_write(fake, "/proc/cmdline", "quiet\n");
	fakehost_write(fake, "/etc/modprobe.d/v.conf", "options vfio-pci ids=10de:2684\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "vfio.ids", CHECK_WARN, "10de:2684");
	says(&l, "device.twins", CHECK_OK, "0000:00:02.0");
	finish(&l);
	fakehost_free(fake);
}

static void a_driver_that_competes_is_named_unless_it_is_kept_away(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:02.0", .vendor = 0x10de,
		.device = 0x2684, .driver = "vfio-pci", .group = 3)));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/sys/kernel/osrelease", "6.1.0\n");
	fakehost_write(fake, "/lib/modules/6.1.0/modules.alias",
		"alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau\n"
		"alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia\n");
	fakehost_write(fake, "/etc/modprobe.d/v.conf",
		"options vfio-pci ids=10de:2684\nblacklist nouveau\n");
	look_at(fake, "0000:00:02.0", &l);
	says(&l, "device.competitors", CHECK_WARN, "nvidia would take it, against");
	finish(&l);
	fakehost_write(fake, "/etc/modprobe.d/w.conf", "softdep nvidia pre: vfio-pci\n");
	look_at(fake, "0000:00:02.0", &l);
	says(&l, "device.competitors", CHECK_OK, "kept away");
	finish(&l);
	fakehost_free(fake);
}

static void a_device_that_is_gone_ends_everything(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;
	size_t i;

	(void)state;
	for (i = 0; i < 256; i++)
		fakehost_config(fake, "0000:00:03.0", i, 0xff);
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.config", CHECK_FAIL, "all ones");
	assert_int_equal(find(&l, "device.config")->check->weight, WEIGHT_REFUSES);
	finish(&l);
	fakehost_free(fake);
}

static void memory_that_the_firmware_keeps_bars_it(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/sys/kernel/iommu_groups/13/reserved_regions",
		"0x00000000bdf6e000 0x00000000bdf84fff direct\n"
		"0x00000000fee00000 0x00000000feefffff msi\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.reserved-memory", CHECK_FAIL, "bdf6e000");
	finish(&l);
	fakehost_free(fake);
}

static void a_bar_without_an_address_is_told(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	const char *path = "/sys/bus/pci/devices/0000:00:03.0/resource";
	struct looked l;

	(void)state;
	fakehost_write(fake, path,
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x00000003ffffffff 0x000000002014220c\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.bars", CHECK_FAIL, "BAR 1 (16 GiB)");
	finish(&l);
	fakehost_write(fake, path, "0x00000000c0000000 0x00000000cfffffff 0x000000000014220c\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.bars", CHECK_WARN, "256 MiB below 4 GiB");
	finish(&l);
	fakehost_write(fake, path, "0x0000380000000000 0x00003807ffffffff 0x000000000014220c\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.bars", CHECK_OK, "32 GiB above 4 GiB");
	finish(&l);
	fakehost_free(fake);
}

/* Makes a PCIe function of this type with a link: so many lanes of at most so many, generation. */
static void give_link(const struct fakehost *fake, const char *bdf, unsigned type, unsigned width,
	unsigned width_max, unsigned generation)
{
	const unsigned capable = width_max << 4 | 4, status = width << 4 | generation;

	fakehost_config(fake, bdf, 0x62, (uint8_t)(type << 4 | 1));
	fakehost_config(fake, bdf, 0x6c, (uint8_t)capable);
	fakehost_config(fake, bdf, 0x6d, (uint8_t)(capable >> 8));
	fakehost_config(fake, bdf, 0x72, (uint8_t)status);
	fakehost_config(fake, bdf, 0x73, (uint8_t)(status >> 8));
}

static void a_narrow_link_is_found_wherever_it_is_on_the_way(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .secondary = 2),
		FAKE_DEV("0000:02:00.0", .parent = "0000:01:00.0", .secondary = 3),
		FAKE_DEV("0000:03:00.0", .parent = "0000:02:00.0")));
	struct looked l;

	(void)state;
	give_link(fake, "0000:00:01.0", PCIE_ROOT_PORT, 16, 16, 4);
	give_link(fake, "0000:01:00.0", PCIE_UPSTREAM, 16, 16, 4);
	give_link(fake, "0000:02:00.0", PCIE_DOWNSTREAM, 16, 16, 1);
	give_link(fake, "0000:03:00.0", PCIE_ENDPOINT, 16, 16, 1);
	look_at(fake, "0000:03:00.0", &l);
	says(&l, "device.link", CHECK_OK, "x16, 2.5 GT/s of 16 GT/s");
	finish(&l);
	give_link(fake, "0000:01:00.0", PCIE_UPSTREAM, 8, 16, 4);
	give_link(fake, "0000:02:00.0", PCIE_DOWNSTREAM, 8, 8, 4);
	give_link(fake, "0000:03:00.0", PCIE_ENDPOINT, 8, 16, 4);
	look_at(fake, "0000:03:00.0", &l);
	says(&l, "device.link", CHECK_WARN, "port 0000:02:00.0 has x8, 0000:03:00.0 could do x16");
	says(&l, "device.link", CHECK_WARN,
		"0000:00:01.0 to 0000:01:00.0 runs x8, both ends can do x16");
	finish(&l);
	fakehost_free(fake);
}

static void isolation_is_asked_of_every_port_above(void **state)
{
	struct fakehost *fake = with(FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .group = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .group = 2)));
	struct looked l;

	(void)state;
	give_link(fake, "0000:00:01.0", PCIE_ROOT_PORT, 16, 16, 4);
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.acs", CHECK_OK, "0000:00:01.0: no ACS; nobody else");
	finish(&l);
	fakehost_write(fake, "/proc/cmdline", "pcie_acs_override=downstream,multifunction\n");
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.acs", CHECK_WARN, "pcie_acs_override");
	says(&l, "kernel.command-line", CHECK_WARN, "pcie_acs_override");
	finish(&l);
	/* an ACS capability at 0x100, everything on but upstream forwarding */
	fakehost_config(fake, "0000:00:01.0", 0x100, 0x0d);
	fakehost_config(fake, "0000:00:01.0", 0x102, 0x01);
	fakehost_config(fake, "0000:00:01.0", 0x104, 0x1d);
	fakehost_config(fake, "0000:00:01.0", 0x106, 0x0d);
	fakehost_config(fake, "0000:00:01.0", 0x107, 0x00);
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.acs", CHECK_WARN, "no UpstreamFwd");
	finish(&l);
	fakehost_config(fake, "0000:00:01.0", 0x106, 0x1d);
	look_at(fake, "0000:01:00.0", &l);
	says(&l, "device.acs", CHECK_OK, "at every port");
	finish(&l);
	fakehost_free(fake);
}

static void errors_of_before_are_counted_and_masks_told(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_config(fake, "0000:00:03.0", 0x100, 0x01); /* AER */
	fakehost_config(fake, "0000:00:03.0", 0x102, 0x01);
	fakehost_config(fake, "0000:00:03.0", 0x10a, 0x10); /* mask: unsupported request */
	fakehost_config(fake, "0000:00:03.0", 0x147, 0x00);
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.aer", CHECK_WARN, "no counters");
	says(&l, "device.errors", CHECK_OK, "none");
	finish(&l);
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:03.0/aer_dev_correctable",
		"RxErr 3\nTOTAL_ERR_COR 3\n");
	look_at(fake, "0000:00:03.0", &l);
	says(&l, "device.aer", CHECK_WARN, "UnsupReq");
	says(&l, "device.errors", CHECK_WARN, "3 correct");
	finish(&l);
	fakehost_free(fake);
}

static void the_kernels_own_state_is_judged(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/sys/kernel/tainted", "4609\n"); /* P, W, O */
	fakehost_write(fake, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	fakehost_write(fake, "/proc/sys/kernel/hung_task_panic", "1\n");
	fakehost_write(fake, "/proc/sys/kernel/printk_devkmsg", "off\n");
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-1", "x");
	fakehost_write(fake, "/proc/vmcore", "x");
	look_at(fake, "", &l);
	says(&l, "kernel.taint", CHECK_WARN, "a proprietary module, a warning, a module from");
	says(&l, "kernel.lockdown", CHECK_WARN, "integrity");
	says(&l, "kernel.panic", CHECK_WARN, "kernel.hung_task_panic = 1");
	says(&l, "kernel.log-ring", CHECK_FAIL, "devkmsg=off");
	says(&l, "kernel.old-crash", CHECK_WARN, "dmesg-erst-1");
	says(&l, "kernel.crash-kernel", CHECK_FAIL, "vmcore");
	finish(&l);
	fakehost_free(fake);
}

static void what_brings_a_dead_host_back_is_told(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct looked l;

	(void)state;
	fakehost_write(fake, "/proc/sys/kernel/panic", "0\n");
	look_at(fake, "", &l);
	says(&l, "kernel.come-back", CHECK_WARN,
		"it stays as it is; management controller: none seen");
	finish(&l);
	fakehost_write(fake, "/dev/ipmi0", "");
	look_at(fake, "", &l);
	says(&l, "kernel.come-back", CHECK_OK, "management controller: there (IPMI)");
	finish(&l);
	fakehost_write(fake, "/proc/sys/kernel/panic", "30\n");
	fakehost_write(fake, "/proc/sys/kernel/softlockup_panic", "1\n");
	fakehost_write(fake, "/proc/sys/kernel/hardlockup_panic", "1\n");
	fakehost_write(fake, "/sys/class/watchdog/watchdog0/identity", "iTCO_wdt\n");
	fakehost_write(fake, "/sys/class/watchdog/watchdog0/state", "inactive\n");
	look_at(fake, "", &l);
	says(&l, "kernel.come-back", CHECK_OK,
		"reboots in 30 s; panics: a soft lockup, a hard lockup; watchdog: iTCO_wdt "
		"(inactive)");
	finish(&l);
	fakehost_free(fake);
}

static void the_log_of_before_is_read(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct host host = *fakehost_host(fake);
	char path[HOST_PATH_MAX];
	struct topology t;
	struct preflight p;
	struct err err = {0};
	size_t i, seen = 0;

	(void)state;
	fakehost_write(fake, "/log",
		"[    0.000000] Linux version 6.1.0 (x)\n"
		"[    0.010000] DMAR: IOMMU enabled\n"
		"[    0.020000] kvm: disabled by bios\n"
		"[    9.000000] DMAR: DRHD: handling fault status reg 2\n"
		"[    9.000001] DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr "
		"0x1000 [fault reason 0x05] PTE Write access is not set\n");
	host_path(&host, path, "/log");
	host.kmsg = path;
	assert_int_equal(survey_take(&host, NULL, &t, &err), 0);
	words_read(&host, &t);
	assert_null(t.log_unknown);
	assert_true(t.log_from_boot);
	preflight_look(&t, NULL, 0, &p);
	for (i = 0; i < p.n; i++) {
		seen += str_eq(p.v[i].check->id, "log.errors") && p.v[i].state == CHECK_WARN &&
			strstr(p.v[i].seen, "dmar.dma-fault of 0000:01:00.0");
		seen += str_eq(p.v[i].check->id, "log.iommu") &&
			str_eq(p.v[i].seen, "DMAR: IOMMU enabled");
		seen += str_eq(p.v[i].check->id, "processor.virtualization") &&
			p.v[i].state == CHECK_FAIL && strstr(p.v[i].seen, "disabled by bios");
	}
	assert_int_equal(seen, 3);
	preflight_finish(&p);
	topology_finish(&t);
	fakehost_free(fake);
}

static void what_cannot_be_told_is_not_good(void **state)
{
	struct fakehost *fake = with(FAKEHOST(HEALTHY));
	struct host host = *fakehost_host(fake);
	struct topology t;
	struct preflight p;
	struct err err = {0};

	(void)state;
	host.kmsg = "/nonexistent";
	fakehost_write(fake, "/dev/kvm", "");
	assert_int_equal(survey_take(&host, NULL, &t, &err), 0);
	words_read(&host, &t);
	preflight_look(&t, NULL, 0, &p);
	assert_int_equal(p.count[CHECK_FAIL], 0);
	assert_int_equal(preflight_verdict(&p), CHECK_UNKNOWN);
	preflight_finish(&p);
	topology_finish(&t);
	fakehost_free(fake);
}

static void devices_that_are_meant_suggest_themselves(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .class_code = 0x020000),
		FAKE_DEV("0000:00:03.0"), FAKE_DEV("0000:00:03.1", .class_code = 0x040300));
	const struct pcidev *devs[8];
	struct topology t;
	struct err err = {0};

	(void)state;
	assert_int_equal(survey_take(fakehost_host(fake), NULL, &t, &err), 0);
	assert_int_equal(preflight_suggest(&t, devs), 2);
	assert_int_equal(devs[1]->bdf.fn, 1);
	str_set(t.devs.v[0].driver, "vfio-pci");
	assert_int_equal(preflight_suggest(&t, devs), 1);
	assert_int_equal(devs[0]->bdf.dev, 2);
	topology_finish(&t);
	fakehost_free(fake);
}

static void ids_are_unique_and_every_section_is_known(void **state)
{
	const struct check *const *table, *c, *const *other, *d;

	(void)state;
	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++) {
			size_t same = 0;

			for (other = check_tables; *other != NULL; other++)
				for (d = *other; d->id != NULL; d++)
					same += str_eq(c->id, d->id);
			assert_int_equal(same, 1);
			assert_string_not_equal(check_section(c), "other");
			assert_true(str_ends(c->asks, "?") && c->meaning && c->advice && c->look);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_host_has_nothing_that_fails),
		cmocka_unit_test(without_groups_the_reason_is_looked_for),
		cmocka_unit_test(interrupts_that_are_not_remapped_fail_unless_that_is_accepted),
		cmocka_unit_test(a_stranger_in_the_group_is_named_with_its_driver),
		cmocka_unit_test(a_function_that_stays_behind_is_missed),
		cmocka_unit_test(an_override_that_is_not_followed_is_told),
		cmocka_unit_test(models_that_misbehave_are_told),
		cmocka_unit_test(an_unmanaged_device_must_be_on_vfio),
		cmocka_unit_test(huge_pages_must_be_free),
		cmocka_unit_test(memory_that_is_pinned_must_be_there),
		cmocka_unit_test(a_guest_belongs_on_its_devices_node),
		cmocka_unit_test(who_has_no_reset_is_told_what_is_left),
		cmocka_unit_test(whoever_uses_it_is_named),
		cmocka_unit_test(a_rule_by_kind_says_whom_it_takes),
		cmocka_unit_test(a_driver_that_competes_is_named_unless_it_is_kept_away),
		cmocka_unit_test(a_device_that_is_gone_ends_everything),
		cmocka_unit_test(memory_that_the_firmware_keeps_bars_it),
		cmocka_unit_test(a_bar_without_an_address_is_told),
		cmocka_unit_test(a_narrow_link_is_found_wherever_it_is_on_the_way),
		cmocka_unit_test(isolation_is_asked_of_every_port_above),
		cmocka_unit_test(errors_of_before_are_counted_and_masks_told),
		cmocka_unit_test(the_kernels_own_state_is_judged),
		cmocka_unit_test(what_brings_a_dead_host_back_is_told),
		cmocka_unit_test(the_log_of_before_is_read),
		cmocka_unit_test(what_cannot_be_told_is_not_good),
		cmocka_unit_test(devices_that_are_meant_suggest_themselves),
		cmocka_unit_test(ids_are_unique_and_every_section_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/survey.h"

#include "base/str.h"
#include "fakehost.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void take(const struct fakehost *fake, struct topology *t)
{
	struct err err = {0};

	if (survey_take(fakehost_host(fake), NULL, t, &err) != 0)
		fail_msg("%s", err.msg);
}

static const struct pcidev *get(const struct topology *t, const char *bdf)
{
	const struct pcidev *dev;
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	dev = pcidev_find(&t->devs, b);
	assert_non_null(dev);
	return dev;
}

static const struct pcifacts *facts(const struct topology *t, const char *bdf)
{
	return topology_facts(t, get(t, bdf));
}

static bool has_user(const struct pcifacts *f, const char *text)
{
	size_t i;

	for (i = 0; i < f->nusers; i++)
		if (str_eq(f->users[i].text, text))
			return true;
	return false;
}

static void every_function_has_its_config_space_and_ranges(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .vendor = 0x10de,
			.device = 0x2684));
	const struct pcifacts *f;
	struct topology t;

	(void)state;
	fakehost_write(fake, "/sys/bus/pci/slots/7/address", "0000:01:00\n");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci\n");
	take(fake, &t);
	f = facts(&t, "0000:01:00.0");
	assert_int_equal(f->conf_state, CONF_READ);
	assert_int_equal(pciconf_16(&f->conf, 0), 0x10de);
	assert_string_equal(f->power_state, "D0");
	assert_string_equal(f->runtime_status, "active");
	assert_int_equal(f->regions[0].start, 0xfe000000);
	assert_int_equal(f->regions[0].end, 0xfe00ffff);
	assert_int_equal(f->regions[1].flags, 0);
	assert_string_equal(f->slot, "7");
	assert_string_equal(f->driver_override, "vfio-pci");
	assert_string_equal(facts(&t, "0000:00:01.0")->driver_override, "");
	assert_ptr_equal(topology_parent(&t, get(&t, "0000:01:00.0")), get(&t, "0000:00:01.0"));
	topology_finish(&t);
	fakehost_free(fake);
}

static void groups_know_their_members(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:01.0", .group = 4), FAKE_DEV("0000:00:02.0", .group = 1),
			FAKE_DEV("0000:00:03.0", .group = 4), FAKE_DEV("0000:00:04.0"));
	const struct iommu_group *g;
	struct topology t;

	(void)state;
	fakehost_write(fake, "/sys/kernel/iommu_groups/4/type", "DMA-FQ\n");
	take(fake, &t);
	assert_int_equal(t.ngroups, 2);
	g = topology_group(&t, get(&t, "0000:00:03.0"));
	assert_int_equal(g->number, 4);
	assert_int_equal(g->n, 2);
	assert_string_equal(g->type, "DMA-FQ");
	assert_ptr_equal(g->members[0], get(&t, "0000:00:01.0"));
	assert_null(topology_group(&t, get(&t, "0000:00:04.0")));
	topology_finish(&t);
	fakehost_free(fake);
}

static void a_sleeping_function_is_not_woken(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .power = "D3cold"), FAKE_DEV("0000:00:03.0"));
	char path[HOST_PATH_MAX];
	struct topology t;

	(void)state;
	/* whoever tried to read it would fail */
	host_dev_path(fakehost_host(fake), path, (struct bdf){0, 0, 2, 0}, "config");
	unlink(path);
	take(fake, &t);
	assert_int_equal(facts(&t, "0000:00:02.0")->conf_state, CONF_ASLEEP);
	assert_int_equal(facts(&t, "0000:00:02.0")->conf.len, 0);
	assert_int_equal(facts(&t, "0000:00:03.0")->conf_state, CONF_READ);
	topology_finish(&t);
	fakehost_free(fake);
}

static void what_cannot_be_read_says_so(void **state)
{
	struct fakehost *fake = FAKEHOST(
		FAKE_DEV("0000:00:02.0"), FAKE_DEV("0000:00:03.0"), FAKE_DEV("0000:00:04.0"));
	char path[HOST_PATH_MAX];
	struct topology t;

	(void)state;
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:00:02.0/config");
	host_dev_path(fakehost_host(fake), path, (struct bdf){0, 0, 3, 0}, "config");
	assert_int_equal(truncate(path, PCICONF_HEADER), 0);
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:04.0/resource",
		"0x1 zz\n\xff\xff 0xffffffffffffffffffffffff 3\n");
	take(fake, &t);
	assert_int_equal(facts(&t, "0000:00:02.0")->conf_state, CONF_FAILED);
	assert_int_equal(facts(&t, "0000:00:02.0")->conf_sys, ENOENT);
	assert_int_equal(facts(&t, "0000:00:03.0")->conf_state, CONF_HEADER_ONLY);
	assert_int_equal(facts(&t, "0000:00:04.0")->regions[0].flags, 0);
	assert_non_null(t.domains_unknown);
	assert_false(t.drivers_known);
	topology_finish(&t);
	fakehost_free(fake);
}

static void users_are_found_wherever_they_are(void **state)
{
	struct fakehost *fake = FAKEHOST(
		FAKE_DEV("0000:00:02.0", .driver = "nvme", .block = "nvme0n1"),
		FAKE_DEV("0000:00:03.0", .driver = "e1000e", .netdev = "eth0", .net_up = true),
		FAKE_DEV("0000:00:04.0", .driver = "vfio-pci", .group = 9),
		FAKE_DEV("0000:00:04.1", .driver = "vfio-pci", .group = 9),
		FAKE_DEV("0000:00:05.0", .driver = "nvidia"),
		FAKE_DEV("0000:00:06.0", .driver = "nvidia"));
	struct topology t;

	(void)state;
	fakehost_write(
		fake, "/proc/self/mountinfo", "36 35 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n");
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/9");
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/9");
	fakehost_holder(fake, 4712, "python3", "/dev/nvidia1");
	fakehost_write(fake, "/proc/driver/nvidia/gpus/0000:00:05.0/information",
		"Model: \t\t x\nDevice Minor: \t 0\n");
	fakehost_write(fake, "/proc/driver/nvidia/gpus/0000:00:06.0/information",
		"Model: \t\t x\nDevice Minor: \t 1\n");
	fakehost_write(fake, "/etc/libvirt/qemu/gpu-vm.xml",
		"<domain type='kvm'><name>gpu-vm</name><devices>"
		"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' "
		"bus='0' slot='4' function='1'/></source></hostdev></devices></domain>");
	fakehost_link(fake, "/etc/libvirt/qemu/autostart/gpu-vm.xml", "../gpu-vm.xml");
	fakehost_write(fake, "/etc/libvirt/qemu/broken.xml", "<domain>");
	take(fake, &t);
	assert_true(has_user(facts(&t, "0000:00:02.0"), "disk nvme0n1 -> mounted on /data"));
	assert_true(has_user(facts(&t, "0000:00:03.0"), "network interface eth0 -> is up"));
	assert_true(has_user(
		facts(&t, "0000:00:04.0"), "qemu-system-x86 (process 4711) has /dev/vfio/9 open"));
	assert_int_equal(facts(&t, "0000:00:04.0")->nusers, 1);
	assert_true(has_user(facts(&t, "0000:00:04.1"), "domain gpu-vm"));
	assert_int_equal(facts(&t, "0000:00:04.1")->nusers, 2);
	assert_int_equal(facts(&t, "0000:00:05.0")->nusers, 0);
	assert_true(has_user(
		facts(&t, "0000:00:06.0"), "python3 (process 4712) has /dev/nvidia1 open"));
	assert_int_equal(t.ndomains, 2);
	assert_null(t.domains[0].def);
	assert_non_null(t.domains[0].problem);
	assert_true(t.domains[1].autostart && !t.domains[1].state_known);
	topology_finish(&t);
	fakehost_free(fake);
}

static void drivers_that_compete_are_known(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .vendor = 0x10de,
						 .device = 0x2684, .class_code = 0x030000),
		FAKE_DEV(
			"0000:00:03.0", .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000),
		FAKE_DEV("0000:00:04.0", .vendor = 0x10de, .device = 0x2684,
			.class_code = 0x030000));
	struct topology t;

	(void)state;
	fakehost_write(fake, "/proc/sys/kernel/osrelease", "6.1.0\n");
	fakehost_write(fake, "/lib/modules/6.1.0/modules.alias",
		"# Aliases extracted from modules themselves.\n"
		"alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau\n"
		"alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia\n"
		"alias pci:v000010DEd*sv*sd*bc03sc02i00* nvidia\n"
		"alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
		"alias pci:v*d*sv*sd*bc03sc*i* anygpu\n"
		"alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
		"alias pci:v\n");
	take(fake, &t);
	assert_true(t.drivers_known);
	assert_string_equal(facts(&t, "0000:00:02.0")->drivers, "nouveau nvidia anygpu");
	assert_string_equal(facts(&t, "0000:00:03.0")->drivers, "e1000e");
	assert_string_equal(facts(&t, "0000:00:04.0")->drivers, "nouveau nvidia anygpu");
	topology_finish(&t);
	fakehost_free(fake);
}

static void candidates_are_no_parts_of_the_board(void **state)
{
	const struct pcidev gpu = {.class_code = 0x030200}, smbus = {.class_code = 0x0c0500},
			    usb = {.class_code = 0x0c0330}, iommu = {.class_code = 0x080600},
			    port = {.class_code = 0x060400, .is_bridge = true};

	(void)state;
	assert_true(topology_is_candidate(&gpu) && topology_is_gpu(&gpu));
	assert_true(topology_is_candidate(&usb) && !topology_is_gpu(&usb));
	assert_false(topology_is_candidate(&smbus) || topology_is_candidate(&iommu) ||
		topology_is_candidate(&port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_has_its_config_space_and_ranges),
		cmocka_unit_test(groups_know_their_members),
		cmocka_unit_test(a_sleeping_function_is_not_woken),
		cmocka_unit_test(what_cannot_be_read_says_so),
		cmocka_unit_test(users_are_found_wherever_they_are),
		cmocka_unit_test(drivers_that_compete_are_known),
		cmocka_unit_test(candidates_are_no_parts_of_the_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pcidev.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct pcidev *get(const struct pcidev_list *list, const char *bdf)
{
	const struct pcidev *dev;
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	dev = pcidev_find(list, b);
	assert_non_null(dev);
	return dev;
}

static void scan(const struct fakehost *fake, struct pcidev_list *list)
{
	struct err err = {0};

	if (pcidev_scan(fakehost_host(fake), list, &err) != 0)
		fail_msg("%s", err.msg);
}

static void a_scan_knows_every_function(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .group = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .vendor = 0x10de,
			.device = 0x2684, .revision = 0xa1, .driver = "vfio-pci", .group = 12,
			.methods = "flr bus", .boot_vga = true),
		FAKE_DEV("0000:00:02.0", .class_code = 0x020000));
	struct pcidev_list list = {0};
	const struct pcidev *dev;

	(void)state;
	scan(fake, &list);
	assert_int_equal(list.n, 3);
	dev = get(&list, "0000:01:00.0");
	assert_int_equal(dev->vendor, 0x10de);
	assert_int_equal(dev->device, 0x2684);
	assert_int_equal(dev->subvendor, 0x1af4);
	assert_int_equal(dev->class_code, 0x030000);
	assert_int_equal(dev->revision, 0xa1);
	assert_int_equal(dev->iommu_group, 12);
	assert_int_equal(dev->numa_node, -1);
	assert_string_equal(dev->driver, "vfio-pci");
	assert_string_equal(dev->reset_methods, "flr bus");
	assert_true(dev->has_parent && bdf_eq(dev->parent, (struct bdf){0, 0, 1, 0}));
	assert_true(dev->boot_vga && !dev->is_bridge && !dev->is_vf);
	dev = get(&list, "0000:00:02.0");
	assert_false(dev->has_parent);
	assert_string_equal(dev->driver, "");
	assert_string_equal(dev->reset_methods, "");
	assert_int_equal(dev->iommu_group, -1);
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void names_come_from_the_list_of_ids(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .vendor = 0x8086, .device = 0x10d3),
			FAKE_DEV("0000:00:03.0", .vendor = 0xfffe, .device = 0xfffe));
	struct pcidev_list list = {0};

	(void)state;
	if (access("/usr/share/misc/pci.ids", R_OK) != 0)
		skip_for("there is no /usr/share/misc/pci.ids (package pci.ids)");
	scan(fake, &list);
	assert_non_null(strstr(get(&list, "0000:00:02.0")->name, "82574L"));
	assert_string_equal(get(&list, "0000:00:03.0")->name, "");
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void bridges_know_the_buses_below(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .secondary = 2),
		FAKE_DEV("0000:02:00.0", .parent = "0000:01:00.0", .secondary = 3),
		FAKE_DEV("0000:02:01.0", .parent = "0000:01:00.0", .secondary = 7),
		FAKE_DEV("0000:03:00.0", .parent = "0000:02:00.0"),
		FAKE_DEV("0000:00:02.0", .secondary = 9));
	struct pcidev_list list = {0};

	(void)state;
	scan(fake, &list);
	assert_int_equal(get(&list, "0000:00:01.0")->secondary_bus, 1);
	assert_int_equal(get(&list, "0000:00:01.0")->subordinate_bus, 7);
	assert_int_equal(get(&list, "0000:02:00.0")->subordinate_bus, 3);
	assert_int_equal(get(&list, "0000:02:01.0")->subordinate_bus, 7);
	assert_int_equal(get(&list, "0000:00:02.0")->subordinate_bus, 9);
	assert_true(pcidev_is_below(
		&list, get(&list, "0000:03:00.0"), get(&list, "0000:00:01.0")->bdf));
	assert_false(pcidev_is_below(
		&list, get(&list, "0000:03:00.0"), get(&list, "0000:02:01.0")->bdf));
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void virtual_functions_know_their_pf(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0"),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .physfn = "0000:01:00.0"));
	struct pcidev_list list = {0};

	(void)state;
	scan(fake, &list);
	assert_true(get(&list, "0000:01:00.0")->is_pf_with_vfs);
	assert_true(get(&list, "0000:01:00.1")->is_vf);
	assert_true(bdf_eq(get(&list, "0000:01:00.1")->physfn, (struct bdf){0, 1, 0, 0}));
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void a_domain_behind_a_function_has_it_as_parent(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:0e.0"), FAKE_DEV("10000:e0:06.0"));
	struct pcidev_list list = {0};

	(void)state;
	/* VMD: /sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0 */
	fakehost_link(fake, "/sys/bus/pci/devices/10000:e0:06.0",
		"../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0");
	fakehost_write(fake,
		"/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/vendor", "0x8086");
	scan(fake, &list);
	assert_true(get(&list, "10000:e0:06.0")->has_parent);
	assert_true(bdf_eq(get(&list, "10000:e0:06.0")->parent, (struct bdf){0, 0, 0x0e, 0}));
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void old_kernels_offer_default_alone(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .old_kernel = true), FAKE_DEV("0000:00:03.0"));
	struct pcidev_list list = {0};

	(void)state;
	scan(fake, &list);
	assert_string_equal(get(&list, "0000:00:02.0")->reset_methods, "default");
	assert_string_equal(get(&list, "0000:00:03.0")->reset_methods, "");
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void a_method_is_a_whole_word(void **state)
{
	struct pcidev dev = {.reset_methods = "af_flr cxl_bus pm"};

	(void)state;
	assert_true(pcidev_offers(&dev, "af_flr"));
	assert_true(pcidev_offers(&dev, "pm"));
	assert_false(pcidev_offers(&dev, "flr"));
	assert_false(pcidev_offers(&dev, "bus"));
	assert_false(pcidev_offers(&dev, "p"));
}

/* What hostile or half-gone attributes must not do: crash, hang, or put escapes on a terminal. */
static void hostile_attributes_do_no_harm(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .methods = "flr"),
		FAKE_DEV("0000:00:03.0", .methods = "bus"), FAKE_DEV("0000:00:04.0"));
	char longer[2000], path[HOST_PATH_MAX];
	struct pcidev_list list = {0};
	const struct pcidev *dev;

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/class", "0xffffffffffffffffffff\n");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/revision", "\xff\xfe");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/reset_method", longer);
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/numa_node", "-9223372036854775809");
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0/driver", "x/\x1b[2Jevil");
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0/iommu_group", "x/99999999999");
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0/physfn", "../not-an-address");
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:00:03.0/vendor");
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:00:04.0/vendor");
	host_path(fakehost_host(fake), path, "/sys/bus/pci/devices/0000:00:04.0/vendor");
	assert_int_equal(mkfifo(path, 0644), 0);
	fakehost_write(fake, "/sys/bus/pci/devices/lost+found", "");
	scan(fake, &list);
	assert_int_equal(list.n, 1);
	dev = &list.v[0];
	assert_int_equal(dev->class_code, 0);
	assert_int_equal(dev->revision, 0);
	assert_int_equal(dev->iommu_group, -1);
	assert_false(dev->is_vf);
	assert_string_equal(dev->driver, "\\x1b[2Jevil");
	assert_string_equal(dev->reset_methods + strlen(dev->reset_methods) - 3, "...");
	pcidev_list_finish(&list);
	fakehost_free(fake);
}

static void a_function_that_cannot_be_looked_at_is_not_left_out(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0"), FAKE_DEV("0000:00:02.0"));
	struct pcidev_list list = {0};
	struct err err = {0};

	(void)state;
	/* gone since its name was read */
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0", "nowhere");
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &list, &err), 0);
	assert_int_equal(list.n, 1);
	pcidev_list_finish(&list);
	/* a link to itself cannot be opened, as when a process may open no more files */
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0", "0000:00:02.0");
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &list, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, "0000:00:02.0"));
	fakehost_free(fake);
}

static void a_machine_without_pci_is_an_error(void **state)
{
	const struct host nowhere = {.root = "/nonexistent", .kmsg = "/dev/null"};
	struct pcidev_list list = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(pcidev_scan(&nowhere, &list, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_null(list.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scan_knows_every_function),
		cmocka_unit_test(names_come_from_the_list_of_ids),
		cmocka_unit_test(bridges_know_the_buses_below),
		cmocka_unit_test(virtual_functions_know_their_pf),
		cmocka_unit_test(a_domain_behind_a_function_has_it_as_parent),
		cmocka_unit_test(old_kernels_offer_default_alone),
		cmocka_unit_test(a_method_is_a_whole_word),
		cmocka_unit_test(hostile_attributes_do_no_harm),
		cmocka_unit_test(a_function_that_cannot_be_looked_at_is_not_left_out),
		cmocka_unit_test(a_machine_without_pci_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

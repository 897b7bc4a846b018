/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/hostfiles.h"

#include "base/mem.h"
#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/stat.h>

static void read_all(const struct fakehost *fake, struct arena *arena, struct hostfiles *f)
{
	hostfiles_read(fakehost_host(fake), arena, f);
}

static void each_file_is_reduced_to_what_is_looked_at(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0"));
	struct arena arena = {0};
	struct hostfiles f;
	char value[32];
	uint64_t n;

	(void)state;
	fakehost_write(fake, "/proc/cmdline", "root=/dev/vda intel_iommu=on\n");
	fakehost_write(fake, "/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
	fakehost_write(fake, "/proc/sys/kernel/tainted", "4097\n");
	fakehost_write(fake, "/boot/config-6.1.0-9-amd64",
		"# CONFIG_IOMMUFD is not set\nCONFIG_VFIO_PCI=m\nCONFIG_X=y\nCONFIG_IRQ_REMAP=y\n");
	fakehost_write(
		fake, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx\n\nprocessor\t: 1\n");
	fakehost_write(fake, "/proc/modules", "vfio_pci 16384 0 - Live 0x0\nkvm 1 2 - Live 0x0\n");
	fakehost_write(fake, "/etc/modprobe.d/vfio.conf",
		"# ours\n\n  options vfio-pci ids=10de:2684  \nblacklist nouveau");
	fakehost_write(fake, "/proc/interrupts",
		"           CPU0\n  0:    9  IR-IO-APIC    2-edge  timer\n"
		" 24:  7  IR-PCI-MSI-0000:00:01.0    0-edge  PME\n"
		" 25:  7  IR-PCI-MSI 524288-edge  eth0\nNMI:   0   Non-maskable interrupts\n");
	fakehost_write(fake, "/sys/firmware/acpi/tables/DMAR", "DMAR\x01");
	read_all(fake, &arena, &f);
	assert_string_equal(hostfiles_text(&f, "/proc/cmdline"), "root=/dev/vda intel_iommu=on");
	assert_true(hostfiles_number(&f, "/proc/sys/kernel/tainted", &n));
	assert_int_equal(n, 4097);
	assert_string_equal(hostfiles_text(&f, "/boot/config-6.1.0-9-amd64"),
		"CONFIG_VFIO_PCI=m\nCONFIG_IRQ_REMAP=y");
	assert_null(strstr(hostfiles_text(&f, "/proc/cpuinfo"), "processor\t: 1"));
	assert_string_equal(hostfiles_text(&f, "/proc/modules"), "vfio_pci\nkvm");
	assert_string_equal(hostfiles_text(&f, "/etc/modprobe.d/vfio.conf"),
		"options vfio-pci ids=10de:2684\nblacklist nouveau");
	assert_string_equal(hostfiles_text(&f, "/proc/interrupts"), "IR-IO-APIC\nIR-PCI-MSI");
	assert_string_equal(hostfiles_text(&f, "/sys/firmware/acpi/tables/DMAR"), "444d415201");
	assert_null(hostfiles_text(&f, "/sys/firmware/acpi/tables/IVRS"));
	assert_true(
		hostfile_value(hostfiles_text(&f, "/proc/cpuinfo"), "flags", value, sizeof(value)));
	assert_string_equal(value, "fpu vmx");
	assert_false(hostfile_value("flagship: 1", "flags", value, sizeof(value)));
	arena_finish(&arena);
	fakehost_free(fake);
}

static void a_pattern_finds_all_that_fit(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0"));
	const char *begin = "/sys/devices/system/node/", *end = "/free_hugepages";
	const struct hostfile *file;
	struct arena arena = {0};
	struct hostfiles f;

	(void)state;
	fakehost_write(fake,
		"/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "7\n");
	fakehost_write(fake,
		"/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/free_hugepages",
		"3\n");
	fakehost_write(fake, "/sys/devices/system/node/possible", "0-1\n");
	fakehost_write(fake, "/etc/modprobe.d/a*b.conf", "blacklist x\n");
	read_all(fake, &arena, &f);
	file = hostfiles_next(&f, NULL, begin, end);
	assert_non_null(file);
	assert_string_equal(file->text, "3");
	file = hostfiles_next(&f, file, begin, end);
	assert_string_equal(file->text, "7");
	assert_null(hostfiles_next(&f, file, begin, end));
	assert_null(hostfiles_next(&f, NULL, "/etc/modprobe.d/", ".conf"));
	arena_finish(&arena);
	fakehost_free(fake);
}

static void a_node_tells_its_mode(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0"));
	struct arena arena = {0};
	char path[HOST_PATH_MAX];
	struct hostfiles f;

	(void)state;
	chmod(host_path(fakehost_host(fake), path, "/dev/vfio/vfio"), 0666);
	read_all(fake, &arena, &f);
	assert_memory_equal(hostfiles_text(&f, "/dev/vfio/vfio"), "- 0666 ", 7);
	arena_finish(&arena);
	fakehost_free(fake);
}

static void hostile_files_are_cut_and_do_not_block(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0"));
	auto_free char *longer = xcalloc(1, HOSTFILE_MAX + 100);
	struct arena arena = {0};
	char path[HOST_PATH_MAX];
	struct hostfiles f;

	(void)state;
	memset(longer, 'x', HOSTFILE_MAX + 99);
	fakehost_write(fake, "/proc/cmdline", longer);
	fakehost_write(fake, "/proc/interrupts", "  1:\n:\n 3: 4 5 -6-7-\n 4: \xff-\xfe\n");
	fakehost_write(fake, "/proc/config.gz", "\x1f\x8b\x08 no gzip");
	fakehost_write(fake, "/proc/sys/kernel/osrelease", "../../etc\n");
	assert_int_equal(
		mkfifo(host_path(fakehost_host(fake), path, "/proc/sys/kernel/panic"), 0644), 0);
	read_all(fake, &arena, &f);
	assert_true(hostfiles_find(&f, "/proc/cmdline")->cut);
	assert_int_equal(strlen(hostfiles_text(&f, "/proc/cmdline")), HOSTFILE_MAX);
	assert_string_equal(hostfiles_text(&f, "/proc/config.gz"), "");
	assert_string_equal(hostfiles_text(&f, "/proc/sys/kernel/panic"), "");
	arena_finish(&arena);
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_reduced_to_what_is_looked_at),
		cmocka_unit_test(a_pattern_finds_all_that_fit),
		cmocka_unit_test(a_node_tells_its_mode),
		cmocka_unit_test(hostile_files_are_cut_and_do_not_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

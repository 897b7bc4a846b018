/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/survey.h"

#include "base/str.h"
#include "base/vec.h"
#include "use_machine.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORT "/sys/devices/pci0000:00/0000:00:01.0"
#define GPU  PORT "/0000:01:00.0"
#define DISK "/sys/devices/pci0000:00/0000:00:02.0"

/* A small machine: a port, a GPU below it, a disk; `text` is where no input says otherwise. */
static const struct entry {
	const char *path, *text;
	bool link; /* to what the text says */
	bool fixed; /* it could lead out of the tree */
} entries[] = {
	{PORT "/vendor", "0x8086", false, false},
	{PORT "/device", "0x1234", false, false},
	{PORT "/class", "0x060400", false, false},
	{PORT "/revision", "0x01", false, false},
	{PORT "/config", "", false, false},
	{PORT "/pci_bus/0000:01/power", "", false, false},
	{GPU "/vendor", "0x10de", false, false},
	{GPU "/device", "0x2684", false, false},
	{GPU "/class", "0x030000", false, false},
	{GPU "/subsystem_vendor", "0x10de", false, false},
	{GPU "/config", "", false, false},
	{GPU "/resource", "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200", false, false},
	{GPU "/reset_method", "flr bus", false, false},
	{GPU "/numa_node", "0", false, false},
	{GPU "/power_state", "D0", false, false},
	{GPU "/power/control", "on", false, false},
	{GPU "/driver_override", "vfio-pci", false, false},
	{GPU "/aer_dev_correctable", "RxErr 1\nTOTAL_ERR_COR 1", false, false},
	{GPU "/iommu_group", "../../../../kernel/iommu_groups/7", true, false},
	{GPU "/driver", "../../../../bus/pci/drivers/vfio-pci", true, false},
	{GPU "/physfn", "../0000:00:02.0", true, false},
	{DISK "/vendor", "0x144d", false, false},
	{DISK "/device", "0xa808", false, false},
	{DISK "/class", "0x010802", false, false},
	{DISK "/config", "", false, false},
	{DISK "/driver", "../../../bus/pci/drivers/nvme", true, false},
	{DISK "/nvme/nvme0/nvme0n1/dev", "259:0", false, false},
	{DISK "/nvme/nvme0/nvme0n1/subsystem", "../../../../../../class/block", true, false},
	{DISK "/nvme/nvme0/nvme0n1/uevent", "DEVNAME=nvme0n1", false, false},
	{"/sys/bus/pci/devices/0000:00:01.0", "../../../devices/pci0000:00/0000:00:01.0", true,
		true},
	{"/sys/bus/pci/devices/0000:01:00.0",
		"../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0", true, true},
	{"/sys/bus/pci/devices/0000:00:02.0", "../../../devices/pci0000:00/0000:00:02.0", true,
		true},
	{"/sys/bus/pci/slots/3/address", "0000:01:00", false, false},
	{"/sys/kernel/iommu_groups/7/type", "DMA-FQ", false, false},
	{"/sys/kernel/iommu_groups/7/reserved_regions", "0xfee00000 0xfeefffff msi", false, false},
	{"/proc/cmdline", "intel_iommu=on vfio-pci.ids=10de:2684", false, false},
	{"/proc/cpuinfo", "flags : vmx\n\nflags : vmx", false, false},
	{"/proc/interrupts", " 24: 0 IR-PCI-MSI-0000:00:01.0 0-edge", false, false},
	{"/proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB", false, false},
	{"/proc/modules", "vfio_pci 1 0 - Live", false, false},
	{"/proc/self/mountinfo", "36 35 259:0 / /data rw - ext4 /dev/nvme0n1 rw", false, false},
	{"/proc/swaps", "Filename Type\n/dev/nvme0n1p2 partition", false, false},
	{"/proc/sys/kernel/osrelease", "6.1.0", false, false},
	{"/proc/sys/kernel/hostname", "fuzz", false, false},
	{"/proc/sys/kernel/tainted", "0", false, false},
	{"/lib/modules/6.1.0/modules.alias", "alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau",
		false, false},
	{"/etc/modprobe.d/x.conf", "options vfio-pci ids=10de:2684", false, false},
	{"/etc/libvirt/qemu/vm.xml",
		"<domain type='kvm'><name>vm</name><devices><hostdev mode='subsystem' type='pci'>"
		"<source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev>"
		"</devices></domain>",
		false, false},
	{"/sys/devices/system/node/node0/cpulist", "0-3", false, false},
	{"/sys/class/dmi/id/bios_version", "1.0", false, false},
};

static char root[64];

static void make_folders(char *path)
{
	char *slash = path + strlen(root);

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static void put(const struct entry *e, const char *text, size_t n)
{
	char path[256], target[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", root, e->path);
	unlink(path);
	if (e->link) {
		snprintf(target, sizeof(target), "%.*s", (int)(n < 200 ? n : 200), text);
		(void)!symlink(target, path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
}

static void clean_up(void)
{
	size_t i;

	/* the folders are a few, and in memory: only what takes room goes */
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s%s", root, entries[i].path);
		unlink(path);
	}
}

static void make_tree(void)
{
	char path[256];
	size_t i;

	snprintf(root, sizeof(root), "%s/vfio-stress-fuzz.XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(root) == NULL)
		abort();
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		snprintf(path, sizeof(path), "%s%s", root, entries[i].path);
		make_folders(path);
		put(&entries[i], entries[i].text, strlen(entries[i].text));
	}
	atexit(clean_up);
}

/*
 * Entries with other contents: which, how long (two bytes), what. Whatever sysfs and the files around
 * it say, the machine is read, and everything can be said of it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool changed[ARRAY_SIZE(entries)] = {0};
	const struct host host = {.root = root, .kmsg = "/dev/null", .simulated = true};
	struct topology t;
	struct err err = {0};
	size_t i;

	if (root[0] == '\0')
		make_tree();
	while (size > 3) {
		size_t which = data[0] % ARRAY_SIZE(entries), n = data[1] | (data[2] & 0xf) << 8;

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		if (!entries[which].fixed) {
			put(&entries[which], (const char *)data, n);
			changed[which] = true;
		}
		data += n;
		size -= n;
	}
	if (survey_take(&host, NULL, &t, &err) == 0) {
		use_machine(&t);
		topology_finish(&t);
	}
	for (i = 0; i < ARRAY_SIZE(entries); i++)
		if (changed[i])
			put(&entries[i], entries[i].text, strlen(entries[i].text));
	return 0;
}

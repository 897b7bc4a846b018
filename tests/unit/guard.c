/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/guard.h"

#include "device/lock.h"
#include "device/scope.h"
#include "model/scenario.h"

#include "fakehost.h"
#include "fakewrite.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GPU "0000:01:00.0"

/* Asks the guard about one function's own reset. "" = allowed, else "message | hint". */
static const char *ask(
	const struct fakehost *fake, const char *bdf, const struct guard_friends *friends)
{
	static char answer[1024];
	struct pcidev_list all = {0};
	struct bdf_set set = {0};
	struct err err = {0};
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &all, &err), 0);
	scope_disturbed(&all, pcidev_find(&all, b), SCOPE_FUNCTION, &set);
	answer[0] = '\0';
	if (guard_check(fakehost_host(fake), &all, set.v, set.n, friends, &err) != 0) {
		snprintf(answer, sizeof(answer), "%s | %s", err.msg, err.hint);
		assert_true(err.code == ERR_REFUSED);
		assert_true(err.hint[0] != '\0');
	}
	bdf_set_finish(&set);
	pcidev_list_finish(&all);
	return answer;
}

static const struct guard_friends nobody;
static const struct guard_friends bound = {.while_bound = true};

#define allowed(fake, bdf, friends) assert_string_equal(ask(fake, bdf, friends), "")
/* Refused, naming the function and all of these words. */
#define refused(fake, bdf, friends, ...)                                                           \
	check_refused(ask(fake, bdf, friends), (const char *const[]){bdf, __VA_ARGS__, NULL})

static void check_refused(const char *answer, const char *const *words)
{
	assert_true(answer[0] != '\0');
	for (; *words != NULL; words++)
		if (strstr(answer, *words) == NULL)
			fail_msg("no '%s' in: %s", *words, answer);
}

/* One function on vfio-pci, or on `driver`. */
static struct fakehost *one(const char *driver)
{
	return FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = driver, .group = 12,
			.methods = "flr"));
}

static void an_unbound_function_is_allowed(void **state)
{
	struct fakehost *fake = one(NULL);

	(void)state;
	allowed(fake, GPU, &nobody);
	fakehost_free(fake);
}

static void a_function_on_vfio_that_nobody_holds_is_allowed(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_holder(fake, 99, "bash", "/dev/pts/0");
	fakehost_holder(fake, 99, "bash", "/dev/vfio/vfio");
	fakehost_holder(fake, 99, "bash", "/dev/vfio/1");
	allowed(fake, GPU, &nobody);
	fakehost_free(fake);
}

static void a_bridge_that_stays_is_allowed(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	allowed(fake, "0000:00:01.0", &nobody);
	fakehost_free(fake);
	fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "switchtec"));
	refused(fake, "0000:00:01.0", &nobody, "switchtec");
	fakehost_free(fake);
}

static void what_we_have_open_ourselves_is_no_stranger(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_holder(fake, getpid(), "vfio-stress", "/dev/vfio/12");
	allowed(fake, GPU, &nobody);
	fakehost_free(fake);
}

static void what_cannot_be_looked_through_refuses(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "e1000e", .netdev = "eth0"),
			FAKE_DEV("0000:00:03.0", .driver = "hydra"));

	(void)state;
	allowed(fake, "0000:00:02.0", &bound);
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:00:02.0/net/eth0/flags");
	refused(fake, "0000:00:02.0", &bound, "eth0", "does not say");
	allowed(fake, "0000:00:03.0", &bound);
	fakehost_write(fake,
		"/sys/bus/pci/devices/0000:00:03.0/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/dev", "1:1");
	refused(fake, "0000:00:03.0", &bound, "cannot prove", "more than can be looked at");
	fakehost_free(fake);
}

static void a_vm_that_holds_the_group_refuses(void **state)
{
	const struct guard_friends its_lane = {.qemu = 4711};
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/12");
	refused(fake, GPU, &nobody, "qemu-system-x86", "4711", "/dev/vfio/12", "while-running");
	allowed(fake, GPU, &its_lane);
	fakehost_holder(fake, 4712, "other-vm", "/dev/vfio/12");
	refused(fake, GPU, &its_lane, "other-vm", "4712");
	fakehost_free(fake);
}

static void a_device_opened_without_its_group_refuses(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_write(fake, "/sys/bus/pci/devices/" GPU "/vfio-dev/vfio3/dev", "511:3");
	fakehost_holder(fake, 815, "cloud-hyperviso", "/dev/vfio/devices/vfio3");
	refused(fake, GPU, &nobody, "cloud-hyperviso", "vfio3");
	fakehost_free(fake);
}

static void a_group_held_by_a_dying_process_refuses(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fake_open_fails("/dev/vfio/12", EBUSY);
	refused(fake, GPU, &nobody, "/dev/vfio/12", "dying");
	fake_writes_work();
	fake_open_fails("/dev/vfio/12", EACCES);
	refused(fake, GPU, &nobody, "cannot prove", "run as root");
	fake_writes_work();
	fakehost_free(fake);
}

static void only_the_groups_of_the_lanes_qemu_need_no_proof(void **state)
{
	const struct bdf gpu = {0, 1, 0, 0};
	const struct guard_friends its_lane = {.lane = &gpu, .nlane = 1, .qemu = 4711};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "vfio-pci", .group = 12),
		FAKE_DEV("0000:01:00.1", .physfn = GPU, .driver = "vfio-pci", .group = 13));

	(void)state;
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/12");
	fake_open_fails("/dev/vfio/12", EBUSY);
	allowed(fake, GPU, &its_lane);
	/* another VM is dying in the kernel with the VF */
	fake_open_fails("/dev/vfio/13", EBUSY);
	check_refused(ask(fake, GPU, &its_lane),
		(const char *const[]){"0000:01:00.1", "/dev/vfio/13", "dying", NULL});
	fake_writes_work();
	fakehost_free(fake);
}

static void variants_of_vfio_are_vfio(void **state)
{
	struct fakehost *fake = one("mlx5_vfio_pci");

	(void)state;
	allowed(fake, GPU, &nobody);
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/12");
	refused(fake, GPU, &nobody, "qemu-system-x86");
	fakehost_free(fake);
}

static void a_native_driver_refuses_unless_asked_for(void **state)
{
	struct fakehost *fake = one("snd_hda_intel");

	(void)state;
	refused(fake, GPU, &nobody, "snd_hda_intel", "while-bound");
	allowed(fake, GPU, &bound);
	fakehost_free(fake);
}

static void the_root_disk_refuses(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "virtio-pci", .block = "vda"),
			FAKE_DEV("0000:00:03.0", .driver = "nvme", .block = "nvme0n1"));

	(void)state;
	allowed(fake, "0000:00:02.0", &bound);
	allowed(fake, "0000:00:03.0", &bound);
	fakehost_write(fake, "/proc/self/mountinfo",
		"21 1 259:0 / / rw,relatime - ext4 /dev/root rw\n"
		"22 1 0:30 /@ /home rw - btrfs /dev/nvme0n1 rw\n");
	refused(fake, "0000:00:02.0", &bound, "disk vda -> mounted on /");
	refused(fake, "0000:00:03.0", &bound, "disk nvme0n1 -> mounted on /home");
	fakehost_free(fake);
}

static void a_partition_that_is_mounted_refuses(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "ahci", .block = "sda"));
	const char *part = "/sys/bus/pci/devices/0000:00:02.0/block/sda/sda1/";
	char path[HOST_PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%sdev", part);
	fakehost_write(fake, path, "8:1");
	snprintf(path, sizeof(path), "%spartition", part);
	fakehost_write(fake, path, "1");
	snprintf(path, sizeof(path), "%ssubsystem", part);
	fakehost_link(fake, path, "/sys/class/block");
	allowed(fake, "0000:00:02.0", &bound);
	fakehost_write(fake, "/proc/self/mountinfo",
		"21 1 8:1 / /var/lib rw,relatime shared:1 - ext4 /dev/mapper/x rw\n");
	refused(fake, "0000:00:02.0", &bound, "partition sda1 -> mounted on /var/lib");
	fakehost_free(fake);
}

static void swap_md_and_exclusive_owners_refuse(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "ahci", .block = "sda"));

	(void)state;
	fakehost_write(fake, "/proc/swaps", "Filename Type Size\n/dev/sda\tpartition\t1\n");
	refused(fake, "0000:00:02.0", &bound, "disk sda -> swap");
	fakehost_write(fake, "/proc/swaps", "");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/block/sda/holders/dm-0", "");
	refused(fake, "0000:00:02.0", &bound, "disk sda -> dm-0");
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:00:02.0/block/sda/holders/dm-0");
	fake_open_fails("/dev/sda", EBUSY);
	refused(fake, "0000:00:02.0", &bound, "sda", "in use");
	fake_writes_work();
	fakehost_remove(fake, "/dev/sda");
	refused(fake, "0000:00:02.0", &bound, "/dev/sda", "cannot prove");
	fakehost_free(fake);
}

static void a_multipath_disk_is_found_elsewhere(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "nvme"));

	(void)state;
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:02.0/nvme/nvme3/nvme0c3n1/subsystem",
		"/sys/class/block");
	refused(fake, "0000:00:02.0", &bound, "nvme0n1", "hidden");
	fakehost_write(fake, "/sys/class/block/nvme0n1/dev", "259:7");
	fakehost_write(fake, "/dev/nvme0n1", "");
	allowed(fake, "0000:00:02.0", &bound);
	fakehost_write(fake, "/proc/self/mountinfo", "21 1 259:7 / / rw - xfs /dev/root rw\n");
	refused(fake, "0000:00:02.0", &bound, "nvme0n1", "mounted on /");
	fakehost_free(fake);
}

static void a_network_interface_in_use_refuses(void **state)
{
	struct fakehost *fake = FAKEHOST(
		FAKE_DEV("0000:00:02.0", .driver = "e1000e", .netdev = "eth0", .net_up = true),
		FAKE_DEV("0000:00:03.0", .driver = "e1000e", .netdev = "eth1"));

	(void)state;
	refused(fake, "0000:00:02.0", &bound, "network interface eth0 -> is up");
	allowed(fake, "0000:00:03.0", &bound);
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:03.0/net/eth1/upper_br0", "../br0");
	refused(fake, "0000:00:03.0", &bound, "eth1 -> br0");
	fakehost_free(fake);
}

static void an_interface_in_another_namespace_refuses(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "e1000e"));

	(void)state;
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/net/.keep", "");
	refused(fake, "0000:00:02.0", &bound, "namespace");
	fakehost_free(fake);
}

static void an_open_node_of_the_driver_refuses(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "amdgpu", .node = "dri/card1"),
			FAKE_DEV("0000:00:03.0", .driver = "nvidia"));

	(void)state;
	allowed(fake, "0000:00:02.0", &bound);
	fakehost_holder(fake, 77, "Xorg", "/dev/dri/card1");
	refused(fake, "0000:00:02.0", &bound, "Xorg", "77", "/dev/dri/card1");
	allowed(fake, "0000:00:03.0", &bound);
	fakehost_holder(fake, 78, "nvidia-persiste", "/dev/nvidia0");
	refused(fake, "0000:00:03.0", &bound, "nvidia-persiste", "/dev/nvidia0");
	fakehost_free(fake);
}

/* A container has it by another name. */
static void an_open_node_is_known_by_its_number(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "amdgpu", .node = "dri/card1"));

	(void)state;
	fakehost_holder(fake, 77, "Xorg", "/dev/null");
	allowed(fake, "0000:00:02.0", &bound);
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:02.0/misc/node0/dev", "1:3\n");
	refused(fake, "0000:00:02.0", &bound, "Xorg", "has /dev/null open");
	fakehost_free(fake);
}

static void displays_and_consoles_refuse(void **state)
{
	struct fakehost *fake = FAKEHOST(
		FAKE_DEV("0000:00:02.0", .driver = "i915", .boot_vga = true),
		FAKE_DEV("0000:00:03.0", .boot_vga = true),
		FAKE_DEV("0000:00:04.0", .driver = "nouveau"),
		FAKE_DEV("0000:00:05.0", .driver = "serial", .node = "ttyS4"),
		FAKE_DEV("0000:00:06.0", .driver = "vfio-pci", .group = 6, .boot_vga = true),
		FAKE_DEV("0000:00:07.0", .driver = "pci-stub", .boot_vga = true));

	(void)state;
	refused(fake, "0000:00:02.0", &bound, "boot display");
	allowed(fake, "0000:00:03.0", &nobody);
	allowed(fake, "0000:00:07.0", &nobody);
	fakehost_write(fake, "/proc/fb", "0 EFI VGA\n");
	refused(fake, "0000:00:03.0", &nobody, "0 EFI VGA");
	refused(fake, "0000:00:07.0", &nobody, "0 EFI VGA");
	allowed(fake, "0000:00:06.0", &nobody);
	allowed(fake, "0000:00:04.0", &bound);
	fakehost_link(fake, "/sys/bus/pci/devices/0000:00:04.0/graphics/fb0/subsystem",
		"/sys/class/graphics");
	refused(fake, "0000:00:04.0", &bound, "fb0");
	allowed(fake, "0000:00:05.0", &bound);
	fakehost_write(fake, "/proc/consoles", "ttyS4 -W- (EC p a)  226:3\n");
	refused(fake, "0000:00:05.0", &bound, "ttyS4", "console");
	fakehost_free(fake);
}

static void usb_devices_and_busy_dma_refuse(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "xhci_hcd"),
		FAKE_DEV("0000:00:03.0", .driver = "ioatdma"));
	const char *hub = "/sys/bus/pci/devices/0000:00:02.0/usb1/";
	char path[HOST_PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%sbusnum", hub);
	fakehost_write(fake, path, "1");
	snprintf(path, sizeof(path), "%sdevpath", hub);
	fakehost_write(fake, path, "0");
	allowed(fake, "0000:00:02.0", &bound);
	snprintf(path, sizeof(path), "%s1-2/busnum", hub);
	fakehost_write(fake, path, "1");
	snprintf(path, sizeof(path), "%s1-2/devpath", hub);
	fakehost_write(fake, path, "2");
	refused(fake, "0000:00:02.0", &bound, "1-2");
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:03.0/dma/dma0chan0/in_use", "0");
	allowed(fake, "0000:00:03.0", &bound);
	fakehost_write(fake, "/sys/bus/pci/devices/0000:00:03.0/dma/dma0chan0/in_use", "1");
	refused(fake, "0000:00:03.0", &bound, "dma0chan0");
	fakehost_free(fake);
}

static void what_carries_the_machine_refuses(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:00.0", .class_code = 0x060000),
		FAKE_DEV("0000:00:1f.0", .class_code = 0x060100),
		FAKE_DEV("0000:00:00.2", .class_code = 0x080600));

	(void)state;
	refused(fake, "0000:00:00.0", &bound, "host bridge");
	refused(fake, "0000:00:1f.0", &bound, "ISA bridge");
	refused(fake, "0000:00:00.2", &bound, "IOMMU");
	fakehost_free(fake);
}

static void a_neighbour_is_judged_though_nobody_named_it(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .physfn = GPU,
			.driver = "vfio-pci", .group = 13));

	(void)state;
	allowed(fake, GPU, &nobody);
	fakehost_holder(fake, 5, "qemu-other", "/dev/vfio/13");
	check_refused(
		ask(fake, GPU, &nobody), (const char *const[]){"0000:01:00.1", "qemu-other", NULL});
	fakehost_free(fake);
}

static void a_device_of_another_lane_refuses(void **state)
{
	const struct bdf gpu = {0, 1, 0, 0};
	const struct guard_friends mine = {.lane = &gpu, .nlane = 1};
	struct fakehost *fake = one("vfio-pci");
	struct err err = {0};
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), 0);
	refused(fake, GPU, &nobody, "another run or lane");
	allowed(fake, GPU, &mine);
	/* of another process: two runs that name the same device */
	assert_int_equal(host_write(fakehost_host(fake), "/run/vfio-stress/" GPU, "1\n", &err), 0);
	refused(fake, GPU, &mine, "another run or lane (process 1)");
	close(fd);
	allowed(fake, GPU, &nobody);
	fakehost_free(fake);
}

/* ---- allow ---- */

static char lifted[512];

static void note_lifted(
	void *arg, const struct allow *row, const struct pcidev *dev, const char *objections)
{
	char bdf[BDF_LEN];

	(void)arg;
	snprintf(lifted, sizeof(lifted), "%s (%s): %s", bdf_text(dev->bdf, bdf), row->reason,
		objections);
}

static const struct allow row = {.device = GPU, .reason = "lab"};
static const struct guard_allow allow = {.v = &row, .n = 1, .lifted = note_lifted};
static const struct guard_friends allowing = {.allow = &allow};

static void what_the_scenario_allows_is_disturbed_and_told(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV(GPU, .driver = "e1000e", .netdev = "eth0", .net_up = true),
			FAKE_DEV("0000:02:00.0", .driver = "e1000e", .netdev = "eth1"));

	(void)state;
	refused(fake, GPU, &nobody, "driver e1000e", "eth0 -> is up", "`allow`");
	lifted[0] = '\0';
	allowed(fake, GPU, &allowing);
	assert_string_equal(lifted,
		GPU " (lab): driver e1000e is bound to it; network interface eth0 -> is up");
	/* another one is not meant */
	refused(fake, "0000:02:00.0", &allowing, "driver e1000e");
	fakehost_free(fake);
}

static void nothing_lifts_root_swap_the_default_route_or_a_lock(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "nvme", .block = "nvme0n1"));
	const struct bdf gpu = {0, 1, 0, 0};
	struct err err = {0};
	int fd = -1;

	(void)state;
	allowed(fake, GPU, &allowing);
	fakehost_write(fake, "/proc/self/mountinfo", "21 1 259:0 / / rw - ext4 /dev/root rw\n");
	refused(fake, GPU, &allowing, "disk nvme0n1 -> mounted on /", "`allow` does not lift");
	fakehost_write(fake, "/proc/self/mountinfo", "21 1 259:0 / /data rw - ext4 /dev/root rw\n");
	allowed(fake, GPU, &allowing);
	fakehost_write(fake, "/proc/swaps", "Filename Type\n/dev/nvme0n1 partition 1 0 -2\n");
	refused(fake, GPU, &allowing, "disk nvme0n1 -> swap");
	fakehost_write(fake, "/proc/swaps", "");
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), 0);
	refused(fake, GPU, &allowing, "another run or lane");
	close(fd);
	fakehost_free(fake);
	fake = FAKEHOST(FAKE_DEV(GPU, .driver = "e1000e", .netdev = "eth0", .net_up = true));
	fakehost_write(fake, "/proc/net/route",
		"Iface\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	refused(fake, GPU, &allowing, "eth0 -> default route");
	fakehost_free(fake);
	fake = FAKEHOST(FAKE_DEV(GPU, .class_code = 0x060100));
	refused(fake, GPU, &allowing, "ISA bridge");
	fakehost_free(fake);
}

static void nothing_lifts_a_use_that_does_not_show(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "ahci", .block = "sda"));
	const char *part = "/sys/bus/pci/devices/" GPU "/block/sda/sda1/";
	char path[HOST_PATH_MAX];

	(void)state;
	fake_open_fails("/dev/sda", EBUSY);
	refused(fake, GPU, &allowing, "does not show");
	/* half of it shows */
	snprintf(path, sizeof(path), "%sdev", part);
	fakehost_write(fake, path, "8:1");
	snprintf(path, sizeof(path), "%spartition", part);
	fakehost_write(fake, path, "1");
	snprintf(path, sizeof(path), "%ssubsystem", part);
	fakehost_link(fake, path, "/sys/class/block");
	fakehost_write(fake, "/dev/sda1", "");
	fakehost_write(fake, "/proc/self/mountinfo", "21 1 259:0 / /data rw - ext4 /dev/sda rw\n");
	allowed(fake, GPU, &allowing);
	fake_open_fails("/dev/sda1", EBUSY);
	refused(fake, GPU, &allowing, "partition sda1 -> something that does not show");
	fake_writes_work();
	fakehost_free(fake);
}

static void nothing_lifts_a_volume_that_a_vm_has_open(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "ahci", .block = "sda"));

	(void)state;
	fakehost_write(fake, "/sys/bus/pci/devices/" GPU "/block/sda/holders/dm-0", "");
	fakehost_write(fake, "/sys/class/block/dm-0/dm/name", "vg-vm1");
	fakehost_write(fake, "/sys/class/block/dm-0/dev", "253:0");
	fakehost_write(fake, "/dev/dm-0", "");
	allowed(fake, GPU, &allowing);
	/* QEMU does not claim it: an exclusive open succeeds */
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/dm-0");
	refused(fake, GPU, &bound, "sda -> dm-0 (vg-vm1) -> qemu-system-x86 (process 4711) has");
	refused(fake, GPU, &allowing, "qemu-system-x86", "`allow` does not lift");
	fakehost_free(fake);
}

static void nothing_lifts_a_volume_that_something_unseen_claims(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "ahci", .block = "sda"));

	(void)state;
	fakehost_write(fake, "/sys/bus/pci/devices/" GPU "/block/sda/holders/dm-0", "");
	fakehost_write(fake, "/sys/class/block/dm-0/dm/name", "vg-a");
	fakehost_write(fake, "/dev/dm-0", "");
	allowed(fake, GPU, &allowing);
	fake_open_fails("/dev/dm-0", EBUSY);
	refused(fake, GPU, &allowing, "sda -> dm-0 (vg-a) -> something that does not show");
	fake_writes_work();
	fakehost_free(fake);
}

/* Its partitions are not below the function: what one use says is not all. */
static void nothing_lifts_a_multipath_disk_that_is_claimed(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "nvme"));

	(void)state;
	fakehost_link(fake, "/sys/bus/pci/devices/" GPU "/nvme/nvme3/nvme0c3n1/subsystem",
		"/sys/class/block");
	fakehost_write(fake, "/sys/class/block/nvme0n1/dev", "259:7");
	fakehost_write(fake, "/dev/nvme0n1", "");
	fakehost_write(fake, "/proc/self/mountinfo", "21 1 259:7 / /data rw - xfs /dev/x rw\n");
	allowed(fake, GPU, &allowing);
	fake_open_fails("/dev/nvme0n1", EBUSY);
	refused(fake, GPU, &allowing, "what else uses disk nvme0n1 does not show");
	fake_writes_work();
	fakehost_free(fake);
}

/* One VM is allowed to be disturbed; the next one that the reset reaches is not. */
static void what_is_lifted_of_one_function_is_not_of_its_neighbour(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .physfn = GPU,
			.driver = "vfio-pci", .group = 13));

	(void)state;
	fakehost_holder(fake, 4711, "qemu-allowed", "/dev/vfio/12");
	allowed(fake, GPU, &allowing);
	fakehost_holder(fake, 4712, "qemu-other", "/dev/vfio/13");
	check_refused(ask(fake, GPU, &allowing),
		(const char *const[]){"0000:01:00.1", "qemu-other", NULL});
	fakehost_free(fake);
}

static void nothing_lifts_an_interface_that_another_namespace_has(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV(GPU, .driver = "e1000e"));

	(void)state;
	allowed(fake, GPU, &allowing);
	fakehost_write(fake, "/sys/bus/pci/devices/" GPU "/net/.keep", "");
	refused(fake, GPU, &allowing, "in another network namespace", "`allow` does not lift");
	fakehost_free(fake);
}

static void a_vm_is_lifted_only_by_name_and_a_dying_one_never(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_holder(fake, 4711, "qemu-system-x86", "/dev/vfio/12");
	fakehost_write(fake, "/run/libvirt/qemu/gpu-vm.pid", "4711\n");
	refused(fake, GPU, &nobody, "(process 4711, domain gpu-vm) has /dev/vfio/12 open");
	allowed(fake, GPU, &allowing);
	assert_non_null(strstr(lifted, "domain gpu-vm"));
	fakehost_free(fake);
	fake = one("vfio-pci");
	fake_open_fails("/dev/vfio/12", EBUSY);
	refused(fake, GPU, &allowing, "dying");
	fake_writes_work();
	fakehost_free(fake);
}

static void a_program_of_dpdk_is_known_by_what_it_has_open(void **state)
{
	struct fakehost *fake = one("vfio-pci");

	(void)state;
	fakehost_holder(fake, 50, "testpmd", "/dev/vfio/12");
	fakehost_holder(fake, 50, "testpmd", "/dev/hugepages/rtemap_0");
	refused(fake, GPU, &nobody, "testpmd (process 50, a DPDK program)");
	fakehost_free(fake);
}

static void the_display_of_a_bmc_is_named(void **state)
{
	struct fakehost *fake = FAKEHOST(
		FAKE_DEV("0000:00:02.0", .vendor = 0x1a03, .device = 0x2000, .driver = "ast"));

	(void)state;
	refused(fake, "0000:00:02.0", &bound, "display of the BMC");
	fakehost_free(fake);
}

static void a_process_that_cannot_be_seen_refuses(void **state)
{
	const uid_t me = geteuid(), nobody_special = 65534;
	struct fakehost *fake;
	char path[HOST_PATH_MAX];

	(void)state;
	/* nothing is hidden from root */
	assert_int_equal(seteuid(me == 0 ? nobody_special : me), 0);
	fake = one("vfio-pci");
	fakehost_holder(fake, 33, "secret", "/dev/null");
	host_path(fakehost_host(fake), path, "/proc/33/fd");
	assert_int_equal(chmod(path, 0), 0);
	refused(fake, GPU, &nobody, "secret", "run as root");
	/* root without CAP_SYS_PTRACE sees that there are descriptors, not what they are */
	assert_int_equal(chmod(path, 0444), 0);
	refused(fake, GPU, &nobody, "secret", "CAP_SYS_PTRACE");
	chmod(path, 0755);
	fakehost_free(fake);
	fake = FAKEHOST(FAKE_DEV("0000:00:02.0", .driver = "amdgpu", .node = "dri/card1"));
	fakehost_holder(fake, 33, "secret", "/dev/null");
	allowed(fake, "0000:00:02.0", &bound);
	host_path(fakehost_host(fake), path, "/proc/33/fd");
	assert_int_equal(chmod(path, 0), 0);
	refused(fake, "0000:00:02.0", &bound, "secret", "cannot prove");
	chmod(path, 0755);
	fakehost_free(fake);
	assert_int_equal(seteuid(me), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unbound_function_is_allowed),
		cmocka_unit_test(a_function_on_vfio_that_nobody_holds_is_allowed),
		cmocka_unit_test(a_bridge_that_stays_is_allowed),
		cmocka_unit_test(what_we_have_open_ourselves_is_no_stranger),
		cmocka_unit_test(what_cannot_be_looked_through_refuses),
		cmocka_unit_test(a_vm_that_holds_the_group_refuses),
		cmocka_unit_test(a_device_opened_without_its_group_refuses),
		cmocka_unit_test(a_group_held_by_a_dying_process_refuses),
		cmocka_unit_test(only_the_groups_of_the_lanes_qemu_need_no_proof),
		cmocka_unit_test(variants_of_vfio_are_vfio),
		cmocka_unit_test(a_native_driver_refuses_unless_asked_for),
		cmocka_unit_test(the_root_disk_refuses),
		cmocka_unit_test(a_partition_that_is_mounted_refuses),
		cmocka_unit_test(swap_md_and_exclusive_owners_refuse),
		cmocka_unit_test(a_multipath_disk_is_found_elsewhere),
		cmocka_unit_test(a_network_interface_in_use_refuses),
		cmocka_unit_test(an_interface_in_another_namespace_refuses),
		cmocka_unit_test(an_open_node_of_the_driver_refuses),
		cmocka_unit_test(an_open_node_is_known_by_its_number),
		cmocka_unit_test(displays_and_consoles_refuse),
		cmocka_unit_test(usb_devices_and_busy_dma_refuse),
		cmocka_unit_test(what_carries_the_machine_refuses),
		cmocka_unit_test(a_neighbour_is_judged_though_nobody_named_it),
		cmocka_unit_test(a_device_of_another_lane_refuses),
		cmocka_unit_test(what_the_scenario_allows_is_disturbed_and_told),
		cmocka_unit_test(nothing_lifts_root_swap_the_default_route_or_a_lock),
		cmocka_unit_test(nothing_lifts_a_use_that_does_not_show),
		cmocka_unit_test(nothing_lifts_a_volume_that_a_vm_has_open),
		cmocka_unit_test(nothing_lifts_a_volume_that_something_unseen_claims),
		cmocka_unit_test(nothing_lifts_a_multipath_disk_that_is_claimed),
		cmocka_unit_test(what_is_lifted_of_one_function_is_not_of_its_neighbour),
		cmocka_unit_test(nothing_lifts_an_interface_that_another_namespace_has),
		cmocka_unit_test(a_vm_is_lifted_only_by_name_and_a_dying_one_never),
		cmocka_unit_test(a_program_of_dpdk_is_known_by_what_it_has_open),
		cmocka_unit_test(the_display_of_a_bmc_is_named),
		cmocka_unit_test(a_process_that_cannot_be_seen_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"
#include "device/uses_parts.h"

#include "base/str.h"
#include "base/vec.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>

#define DISK "0000:00:02.0"
#define NIC  "0000:00:03.0"
#define DEV  "/sys/bus/pci/devices/"

/* A disk and a network card, and nobody who uses them. */
static struct fakehost *machine(void)
{
	return FAKEHOST(FAKE_DEV(DISK, .driver = "nvme", .block = "nvme0n1"),
		FAKE_DEV(NIC, .driver = "e1000e", .netdev = "eth0"));
}

/* What was told of a function: one use a line, '!' in front of a vital one. */
static void take(void *arg, const struct use *use)
{
	str_addf(arg, "%s%s%s\n", use->vital ? "!" : "", use->text, use->end ? " ?" : "");
}

static const char *uses(const struct fakehost *fake, const char *address)
{
	static char text[2048];
	struct uses *u = uses_read(fakehost_host(fake));
	struct things things = {0};
	struct str told = {0};
	struct err err = {0};
	struct bdf bdf;

	assert_true(bdf_parse(address, &bdf));
	assert_int_equal(things_of(fakehost_host(fake), bdf, &things, &err), 0);
	vec_foreach (t, &things)
		uses_of(u, t, take, &told);
	str_set(text, told.s ? told.s : "");
	str_finish(&told);
	vec_finish(&things);
	uses_free(u);
	return text;
}

#define says(fake, address, text) assert_string_equal(uses(fake, address), text)

static void mountinfo(const struct fakehost *fake, const char *process, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", process);
	fakehost_write(fake, path, text);
}

/* A device of device-mapper or md that stands on a disk or on another one. */
static void stack(const struct fakehost *fake, const char *below, const char *name,
	const char *number, const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/holders/%s", below, name);
	fakehost_write(fake, path, "");
	snprintf(path, sizeof(path), "/sys/class/block/%s/dev", name);
	fakehost_write(fake, path, number);
	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, file);
	fakehost_write(fake, path, text);
}

static void what_nobody_uses_says_nothing(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	says(fake, DISK, "");
	says(fake, NIC, "");
	fakehost_free(fake);
}

static void a_stack_is_followed_to_its_mount(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "md127", "9:127", "md/level", "raid1");
	says(fake, DISK, "disk nvme0n1 -> md127 (raid1) ?\n");
	stack(fake, "/sys/class/block/md127", "dm-0", "253:0", "dm/name", "luks-1");
	fakehost_write(fake, "/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-1");
	stack(fake, "/sys/class/block/dm-0", "dm-1", "253:1", "dm/name", "vg--0-root");
	fakehost_write(fake, "/sys/class/block/dm-1/dm/uuid", "LVM-abc");
	mountinfo(fake, "self", "21 1 253:1 / / rw - ext4 /dev/mapper/vg--0-root rw\n");
	says(fake, DISK,
		"!disk nvme0n1 -> md127 (raid1) -> dm-0 (encrypted luks-1) -> dm-1 (LVM vg-0/root) "
		"-> mounted on /\n");
	fakehost_free(fake);
}

static void a_partition_of_a_stacked_disk_is_found(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "dm-0", "253:0", "dm/name", "mpatha");
	fakehost_write(fake, "/sys/class/block/dm-0/dm/uuid", "mpath-3600");
	fakehost_write(fake, "/sys/class/block/dm-0/dm-0p1/partition", "1");
	fakehost_write(fake, "/sys/class/block/dm-0/dm-0p1/dev", "253:1");
	mountinfo(fake, "self", "21 1 253:1 / /my\\040data rw - xfs /dev/dm-0p1 rw\n");
	says(fake, DISK,
		"disk nvme0n1 -> dm-0 (multipath mpatha) -> dm-0p1 -> mounted on /my data\n");
	fakehost_free(fake);
}

static void swap_is_vital_wherever_it_is(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/proc/swaps",
		"Filename\t\tType\t\tSize\n/dev/mapper/vg-swap  partition\t1\t0\t-2\n");
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "dm-0", "253:0", "dm/name", "vg-swap");
	fakehost_write(fake, "/sys/class/block/dm-0/dm/uuid", "LVM-abc");
	says(fake, DISK, "!disk nvme0n1 -> dm-0 (LVM vg/swap) -> swap\n");
	fakehost_write(fake, "/proc/swaps", "Filename Type\n/data/swapfile  file\t\t1\t0\t-2\n");
	mountinfo(fake, "self",
		"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"22 1 253:0 / /data rw - ext4 /dev/mapper/vg-swap rw\n");
	says(fake, DISK,
		"!disk nvme0n1 -> dm-0 (LVM vg/swap) -> mounted on /data -> swap file "
		"/data/swapfile\n");
	fakehost_free(fake);
}

static void a_containers_mount_names_who_sees_it(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_link(fake, "/proc/self/ns/mnt", "mnt:[1]");
	fakehost_link(fake, "/proc/1/ns/mnt", "mnt:[1]");
	fakehost_link(fake, "/proc/77/ns/mnt", "mnt:[2]");
	fakehost_write(fake, "/proc/77/comm", "postgres\n");
	mountinfo(fake, "self", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	mountinfo(fake, "77", "30 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK,
		"disk nvme0n1 -> mounted on / in the namespace of process 77 (postgres)\n");
	/* once is enough, and our own view counts first */
	mountinfo(fake, "self", "21 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /\n");
	fakehost_free(fake);
}

static void a_second_disk_of_btrfs_is_in_use_as_well(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/sys/fs/btrfs/1234-abcd/devices/nvme0n1", "");
	fakehost_write(fake, "/sys/fs/btrfs/1234-abcd/devices/sdb", "");
	fakehost_write(fake, "/sys/fs/btrfs/1234-abcd/label", "tank\n");
	says(fake, DISK, "disk nvme0n1 -> btrfs tank ?\n");
	mountinfo(fake, "self", "21 1 0:30 /@ /srv rw - btrfs /dev/sdb rw\n");
	says(fake, DISK, "disk nvme0n1 -> btrfs tank -> mounted on /srv\n");
	fakehost_free(fake);
}

static void the_disk_of_this_runs_files_is_vital(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self",
		"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 1 259:0 / /srv rw - ext4 /dev/x rw\n");
	says(fake, DISK, "disk nvme0n1 -> mounted on /srv\n");
	fakehost_link(fake, "/proc/self/fd/9", "/srv/stress/runs.db");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /srv -> where this run keeps its files\n");
	fakehost_free(fake);
}

static void the_place_of_a_crash_dump_is_named(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self",
		"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 1 259:0 / /dump rw - ext4 /dev/x rw\n");
	fakehost_write(fake, "/sys/kernel/kexec_crash_loaded", "1\n");
	says(fake, DISK, "disk nvme0n1 -> mounted on /dump\n");
	fakehost_write(fake, "/etc/default/kdump-tools", "#x\nKDUMP_COREDIR=\"/dump/crash\"\n");
	says(fake, DISK, "disk nvme0n1 -> mounted on /dump -> where kdump saves a crash\n");
	fakehost_free(fake);
}

static void what_root_is_made_of_is_as_vital_as_root(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/media/rw/upper/x", "");
	fakehost_write(fake, "/media/ro/x", "");
	mountinfo(fake, "self",
		"20 1 0:50 / / rw - overlay o rw,lowerdir=/media/ro,upperdir=/media/rw/upper\n"
		"21 1 8:1 / /media/ro ro - ext4 /dev/sda1 ro\n"
		"22 1 259:0 / /media/rw rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK,
		"disk nvme0n1 -> mounted on /media/rw\n"
		"!disk nvme0n1 -> mounted on /media/rw -> overlay -> mounted on /\n");
	/* a loop device on a file of it, encrypted, in an overlay */
	mountinfo(fake, "self",
		"20 1 0:50 / / rw - overlay o rw,lowerdir=/no:/media/ro,upperdir=/no/upper\n"
		"21 1 253:0 / /media/ro ro - squashfs /dev/mapper/live ro\n"
		"22 1 259:0 / /media/rw rw - ext4 /dev/nvme0n1 rw\n");
	fakehost_write(fake, "/no/upper/x", "");
	fakehost_write(fake, "/sys/class/block/loop0/loop/backing_file", "/media/rw/upper/x\n");
	fakehost_write(fake, "/sys/class/block/loop0/dev", "7:0");
	stack(fake, "/sys/class/block/loop0", "dm-0", "253:0", "dm/name", "live");
	assert_non_null(strstr(uses(fake, DISK),
		"!disk nvme0n1 -> mounted on /media/rw -> loop0 (file /media/rw/upper/x) -> dm-0 "
		"(live) -> mounted on /media/ro -> overlay -> mounted on /\n"));
	fakehost_free(fake);
}

/* As after an initramfs, whose paths are not ours. */
static void when_roots_disk_does_not_show_every_mounted_disk_is_vital(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self",
		"20 1 0:50 / / rw - overlay o rw,lowerdir=/lower,upperdir=/upper\n"
		"22 1 259:0 / /srv rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /srv\n");
	/* folders of these names that are there by now are others: they lie on it */
	fakehost_write(fake, "/lower/x", "");
	fakehost_write(fake, "/upper/x", "");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /srv\n");
	/* an overlay that nobody depends on hides nothing */
	mountinfo(fake, "self",
		"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"21 1 0:50 / /box rw - overlay o rw,lowerdir=/lower,upperdir=/upper\n"
		"22 1 259:0 / /srv rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK, "disk nvme0n1 -> mounted on /srv\n");
	fakehost_write(fake, "/sys/class/block/loop0/loop/backing_file", "/live.img (deleted)\n");
	fakehost_write(fake, "/sys/class/block/loop0/dev", "7:0");
	mountinfo(fake, "self",
		"20 1 7:0 / / rw - ext4 /dev/root rw\n"
		"22 1 259:0 / /srv rw - ext4 /dev/nvme0n1 rw\n");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /srv\n");
	fakehost_free(fake);
}

static void a_loop_device_on_a_raw_disk_is_a_use(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	fakehost_write(fake, "/sys/class/block/loop3/loop/backing_file", "/dev/nvme0n1\n");
	fakehost_write(fake, "/sys/class/block/loop3/dev", "7:3");
	says(fake, DISK, "disk nvme0n1 -> loop3\n");
	mountinfo(fake, "self", "21 1 7:3 / / rw - ext4 /dev/loop3 rw\n");
	says(fake, DISK, "!disk nvme0n1 -> loop3 -> mounted on /\n");
	fakehost_free(fake);
}

static void a_disk_that_a_target_exports_is_in_use(void **state)
{
	static const char ns[] = "/sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/1";
	struct fakehost *fake = machine();
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/device_path", ns);
	fakehost_link(fake, "/dev/disk/by-id/nvme-x", "../../nvme0n1");
	fakehost_write(fake, path, "/dev/disk/by-id/nvme-x\n");
	snprintf(path, sizeof(path), "%s/enable", ns);
	fakehost_write(fake, path, "0\n");
	says(fake, DISK, "");
	fakehost_write(fake, path, "1\n");
	says(fake, DISK, "disk nvme0n1 -> NVMe target nqn.x, namespace 1\n");
	fakehost_write(fake, path, "0\n");
	/* of a file store that stands on a disk only its `info` tells */
	fakehost_write(fake, "/sys/kernel/config/target/core/fileio_0/d0/udev_path", "");
	fakehost_write(fake, "/sys/kernel/config/target/core/fileio_0/d0/info",
		"Status: ACTIVATED\n\tTCM FILEIO ID: 0  File: /dev/nvme0n1  Size: 8\n");
	says(fake, DISK, "disk nvme0n1 -> SCSI target fileio_0/d0\n");
	fakehost_write(fake, "/sys/kernel/config/target/core/iblock_1/d1/udev_path", "/dev/sdz\n");
	says(fake, DISK, "disk nvme0n1 -> SCSI target fileio_0/d0\n");
	fakehost_remove(fake, "/sys/kernel/config/target/core/fileio_0/d0/info");
	fakehost_write(
		fake, "/sys/kernel/config/target/core/iblock_1/d1/udev_path", "/dev/mapper/vg-a\n");
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "dm-0", "253:0", "dm/name", "vg-a");
	says(fake, DISK, "disk nvme0n1 -> dm-0 (vg-a) -> SCSI target iblock_1/d1\n");
	fakehost_free(fake);
}

static void a_target_that_cannot_be_looked_at_may_use_any_disk(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/sys/module/nvmet/refcnt", "1");
	says(fake, DISK, "!disk nvme0n1 -> may be exported by nvmet: that does not show\n");
	fakehost_write(fake, "/sys/kernel/config/nvmet/hosts/x", "");
	says(fake, DISK, "");
	fakehost_free(fake);
}

static void a_silent_partition_beside_one_that_tells_is_told(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "md5", "9:5", "md/level", "raid1");
	fakehost_write(fake, "/sys/class/block/md5/md5p1/partition", "1");
	fakehost_write(fake, "/sys/class/block/md5/md5p1/dev", "259:11");
	mountinfo(fake, "self", "21 1 259:11 / /data rw - xfs /dev/md5p1 rw\n");
	says(fake, DISK, "disk nvme0n1 -> md5 (raid1) -> md5p1 -> mounted on /data\n");
	fakehost_write(fake, "/sys/class/block/md5/md5p2/partition", "2");
	assert_non_null(strstr(uses(fake, DISK), "disk nvme0n1 -> md5 (raid1) -> md5p2 ?\n"));
	fakehost_free(fake);
}

static void the_disk_of_this_program_is_vital(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	mountinfo(fake, "self",
		"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 1 259:0 / /opt rw - ext4 /dev/x rw\n");
	fakehost_link(fake, "/proc/self/exe", "/opt/bin/vfio-stress");
	says(fake, DISK, "!disk nvme0n1 -> mounted on /opt -> where this run keeps its files\n");
	fakehost_free(fake);
}

#define ROUTES "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"

static void an_interface_is_followed_to_the_default_route(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, DEV NIC "/net/eth0/flags", "0x1003");
	says(fake, NIC, "network interface eth0 -> is up\n");
	fakehost_write(fake, "/proc/net/route",
		ROUTES "eth0\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n");
	says(fake, NIC, "network interface eth0 -> route to 10.1.0.0/16\n");
	fakehost_link(fake, DEV NIC "/net/eth0/upper_bond0", "../bond0");
	fakehost_write(fake, "/sys/class/net/bond0/bonding/mode", "802.3ad 4");
	fakehost_write(fake, "/sys/class/net/bond0/upper_br0/x", "");
	fakehost_write(fake, "/sys/class/net/br0/bridge/bridge_id", "1");
	fakehost_write(fake, "/proc/net/route",
		ROUTES "br0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	says(fake, NIC,
		"!network interface eth0 -> bond0 (bond) -> br0 (bridge) -> default route\n");
	fakehost_free(fake);
}

/* An ordinary user does not see the routes of other namespaces. */
static void routes_that_do_not_show_may_be_default_routes(void **state)
{
	struct fakehost *fake = machine();
	struct str told = {0};
	struct uses *u;
	struct thing eth0 = {.kind = THING_NETDEV, .name = "eth0", .dir = DEV NIC "/net/eth0"};

	(void)state;
	u = uses_read(fakehost_host(fake));
	u->routes.partly = true;
	uses_of(u, &eth0, take, &told);
	assert_int_equal(told.len, 0);
	fakehost_write(fake, DEV NIC "/net/eth0/flags", "0x1003");
	uses_of(u, &eth0, take, &told);
	assert_string_equal(told.s, "!network interface eth0 -> is up\n");
	str_finish(&told);
	uses_free(u);
	fakehost_free(fake);
}

static void a_default_route_of_ipv6_counts(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/proc/net/ipv6_route",
		"fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n"
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n");
	says(fake, NIC, "");
	fakehost_write(fake, "/proc/net/ipv6_route",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n");
	says(fake, NIC, "!network interface eth0 -> default route\n");
	fakehost_free(fake);
}

static void what_an_open_vswitch_carries_does_not_show(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_link(fake, DEV NIC "/net/eth0/master", "../ovs-system");
	fakehost_write(fake, "/sys/class/net/ovs-system/flags", "0x1002");
	says(fake, NIC, "!network interface eth0 -> ovs-system (Open vSwitch)\n");
	fakehost_free(fake);
}

static void storage_over_the_network_is_followed_to_its_mount(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/proc/net/route",
		ROUTES "eth0\t0005A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
	mountinfo(fake, "self",
		"21 1 0:40 / / rw - nfs4 192.168.5.9:/root rw,vers=4.2,addr=192.168.5.9\n");
	says(fake, NIC,
		"!network interface eth0 -> NFS 192.168.5.9:/root -> mounted on /\n"
		"network interface eth0 -> route to 192.168.5.0/24\n");
	mountinfo(fake, "self", "21 1 8:16 / /vm rw - xfs /dev/sdb rw\n");
	fakehost_write(fake, "/sys/class/iscsi_connection/connection3:0/address", "192.168.5.7");
	fakehost_link(fake, "/sys/class/block/sdb",
		"../../devices/platform/host5/session3/target5:0:0/5:0:0:1/block/sdb");
	fakehost_write(fake,
		"/sys/devices/platform/host5/session3/target5:0:0/5:0:0:1/block/sdb/dev", "8:16");
	says(fake, NIC,
		"network interface eth0 -> iSCSI target at 192.168.5.7 -> sdb -> mounted on /vm\n"
		"network interface eth0 -> route to 192.168.5.0/24\n");
	fakehost_free(fake);
}

/* A session that shows no disk may carry root; so may an NFS server below an overlay. */
static void storage_over_the_network_may_be_roots(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_write(fake, "/proc/net/route",
		ROUTES "eth0\t0005A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
	fakehost_write(fake, "/sys/class/iscsi_connection/connection3:0/address", "192.168.5.7");
	says(fake, NIC,
		"!network interface eth0 -> iSCSI target at 192.168.5.7\n"
		"network interface eth0 -> route to 192.168.5.0/24\n");
	fakehost_remove(fake, "/sys/class/iscsi_connection/connection3:0/address");
	mountinfo(fake, "self",
		"20 1 0:50 / / rw - overlay o rw,lowerdir=/ro,upperdir=/run/rw\n"
		"21 1 0:40 / /ro ro - nfs4 192.168.5.9:/root ro,vers=4.2,addr=192.168.5.9\n"
		"22 1 0:51 / /run rw - tmpfs tmpfs rw\n");
	fakehost_write(fake, "/run/rw/x", "");
	says(fake, NIC,
		"network interface eth0 -> NFS 192.168.5.9:/root -> mounted on /ro\n"
		"!network interface eth0 -> NFS 192.168.5.9:/root -> mounted on /ro -> overlay -> "
		"mounted on /\n"
		"network interface eth0 -> route to 192.168.5.0/24\n");
	fakehost_free(fake);
}

static void rdma_that_is_active_is_in_use(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_link(fake, DEV NIC "/infiniband/mlx5_0/subsystem", "/sys/class/infiniband");
	fakehost_write(fake, DEV NIC "/infiniband/mlx5_0/ports/1/state", "1: DOWN");
	says(fake, NIC, "");
	fakehost_write(fake, DEV NIC "/infiniband/mlx5_0/ports/1/state", "4: ACTIVE");
	says(fake, NIC, "RDMA device mlx5_0 -> RDMA port 1 is 4: ACTIVE\n");
	fakehost_free(fake);
}

static void the_text_console_is_known_from_what_may_show_it(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	fakehost_link(fake, DEV NIC "/graphics/fb0/subsystem", "/sys/class/graphics");
	says(fake, NIC, "framebuffer fb0 -> may show the console\n");
	fakehost_write(fake, "/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	fakehost_write(fake, "/sys/class/vtconsole/vtcon1/bind", "1\n");
	says(fake, NIC, "framebuffer fb0 -> the text console is drawn on it\n");
	fakehost_free(fake);
}

static void a_loop_of_holders_ends(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	stack(fake, DEV DISK "/nvme/nvme0/nvme0n1", "dm-0", "253:0", "dm/name", "a");
	stack(fake, "/sys/class/block/dm-0", "dm-0", "253:0", "dm/name", "a");
	assert_non_null(strstr(uses(fake, DISK), "disk nvme0n1 -> dm-0 (a) -> dm-0 (a)"));
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_uses_says_nothing),
		cmocka_unit_test(a_stack_is_followed_to_its_mount),
		cmocka_unit_test(a_partition_of_a_stacked_disk_is_found),
		cmocka_unit_test(swap_is_vital_wherever_it_is),
		cmocka_unit_test(a_containers_mount_names_who_sees_it),
		cmocka_unit_test(a_second_disk_of_btrfs_is_in_use_as_well),
		cmocka_unit_test(the_disk_of_this_runs_files_is_vital),
		cmocka_unit_test(the_place_of_a_crash_dump_is_named),
		cmocka_unit_test(what_root_is_made_of_is_as_vital_as_root),
		cmocka_unit_test(when_roots_disk_does_not_show_every_mounted_disk_is_vital),
		cmocka_unit_test(a_loop_device_on_a_raw_disk_is_a_use),
		cmocka_unit_test(a_disk_that_a_target_exports_is_in_use),
		cmocka_unit_test(a_target_that_cannot_be_looked_at_may_use_any_disk),
		cmocka_unit_test(a_silent_partition_beside_one_that_tells_is_told),
		cmocka_unit_test(the_disk_of_this_program_is_vital),
		cmocka_unit_test(an_interface_is_followed_to_the_default_route),
		cmocka_unit_test(routes_that_do_not_show_may_be_default_routes),
		cmocka_unit_test(a_default_route_of_ipv6_counts),
		cmocka_unit_test(what_an_open_vswitch_carries_does_not_show),
		cmocka_unit_test(storage_over_the_network_is_followed_to_its_mount),
		cmocka_unit_test(storage_over_the_network_may_be_roots),
		cmocka_unit_test(rdma_that_is_active_is_in_use),
		cmocka_unit_test(the_text_console_is_known_from_what_may_show_it),
		cmocka_unit_test(a_loop_of_holders_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

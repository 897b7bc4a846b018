#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What makes a function busy is said as a chain, up to whom it serves; `allow` lifts only what may be
# lifted, and a report says what it was; `check` and `preflight` draw whom a reset disturbs.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# lane DEVICE REASON: with a reason, `allow` lets the device be disturbed
lane()
{
	printf 'version: 1\nname: guard\nallow: [%s]\nlanes: [{name: a, devices: ["%s"]}]\n%s\n' \
		"${2:+{device: "\"$1\"", reason: $2\}}" "$1" 'steps: [{reset: {method: bus}}]' > guard.yaml
}

# refused DEVICE TEXT...
refused()
{
	lane "$1" ''
	exits 3 vfio-stress run guard.yaml
	says 'nothing was tried' "${@:2}"
}

# never DEVICE TEXT...: not with `allow`
never()
{
	lane "$1" 'never mind'
	exits 3 vfio-stress run guard.yaml
	says "\`allow\` does not lift that" "${@:2}"
}

# vital DEVICE TEXT...: whatever is allowed
vital()
{
	refused "$@"
	never "$@"
}

# --- disks ---

modprobe nvme
within 10 test -b /dev/nvme0n1
mkswap /dev/nvme0n1 > /dev/null
swapon /dev/nvme0n1 || fail "no swap"
vital 0000:02:00.0 'disk nvme0n1 -> swap'
swapoff /dev/nvme0n1

modprobe dm_mod
echo "0 $(cat /sys/block/nvme0n1/size) linear /dev/nvme0n1 0" |
	dmsetup create vg-data --uuid LVM-lab --noudevsync || fail "no device-mapper"
refused 0000:02:00.0 'disk nvme0n1 -> dm-0 (LVM vg/data)'
mke2fs -q /dev/dm-0 > /dev/null 2>&1 || mke2fs /dev/dm-0 > /dev/null || fail "no file system"
mkdir -p data
mount -t ext4 /dev/dm-0 data || fail "no mount"
# the lab's root is an overlay on paths of its initramfs: it may lie on any disk that is mounted
never 0000:02:00.0 "disk nvme0n1 -> dm-0 (LVM vg/data) -> mounted on $PWD/data"
umount data
exec 7< /dev/dm-0 # as a VM has its disk open
sleep 100 &
user=$!
exec 7<&-
never 0000:02:00.0 "dm-0 (LVM vg/data) -> sleep (process $user) has it open"
kill "$user"
wait "$user" || :
unshare -m sh -c "mount -t ext4 /dev/dm-0 data && exec sleep 100" &
sharer=$!
within 10 grep -q dm-0 "/proc/$sharer/mountinfo"
refused 0000:02:00.0 "mounted on $PWD/data in the namespace of process $sharer"
kill "$sharer"
wait "$sharer" || :
within 10 dmsetup remove --noudevsync vg-data

# neither of these meets an exclusive open of the disk
modprobe loop
losetup /dev/loop0 /dev/nvme0n1 || fail "no loop device"
refused 0000:02:00.0 'disk nvme0n1 -> loop0'
losetup -d /dev/loop0
modprobe nvmet
never 0000:02:00.0 'may be exported by nvmet: that does not show'
mount -t configfs none /sys/kernel/config || fail "no configfs"
space=/sys/kernel/config/nvmet/subsystems/lab/namespaces/1
mkdir "${space%/*/*}" && mkdir "$space"
echo -n /dev/nvme0n1 > "$space/device_path"
echo 1 > "$space/enable"
refused 0000:02:00.0 'disk nvme0n1 -> NVMe target lab, namespace 1'
rmdir "$space" "${space%/*/*}"
umount /sys/kernel/config
modprobe -r nvmet
modprobe -r nvme

# --- a network interface ---

modprobe e1000e
modprobe bridge
nic=$(basename /sys/bus/pci/devices/0000:04:00.0/net/*)
brctl addbr br0 && brctl addif br0 "$nic" || fail "no bridge"
echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6 # a router may give it a default route
ip link set "$nic" up
ip link set br0 up
ip addr add 10.9.0.1/24 dev br0
ip route add default via 10.9.0.2 || fail "no route"
vital 0000:04:00.0 "network interface $nic -> br0 (bridge) -> default route"
ip route del default
refused 0000:04:00.0 "network interface $nic -> br0 (bridge) -> route to 10.9.0.0/24"
ip route add default via 10.9.0.2 table 77 || fail "no route"
never 0000:04:00.0 "network interface $nic -> br0 (bridge) -> default route"
ip route del default table 77
modprobe macvlan
unshare -n sh -c 'until ip link set mac0 up; do sleep 0.1; done 2> /dev/null
	ip addr add 10.10.0.1/24 dev mac0; ip route add default via 10.10.0.2; exec sleep 100' &
router=$!
# it has a namespace of its own by now
apart()
{
	[ "$(readlink "/proc/$router/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
within 10 apart
ip link add link br0 name mac0 type macvlan
ip link set mac0 netns "$router" || fail "not moved"
within 10 grep -q mac0.00000000 "/proc/$router/net/route"
never 0000:04:00.0 "br0 (bridge) -> default route of another network namespace"
kill "$router"
wait "$router" || :
lane 0000:04:00.0 'a lab'
within 10 vfio-stress check guard.yaml
exits 0 vfio-stress check guard.yaml
says 'may be disturbed: 0000:04:00.0 (a lab)'
exits 0 vfio-stress run --report json:report.json guard.yaml
says "0000:04:00.0 may be disturbed (a lab): network interface $nic -> br0 (bridge)"
jq -e '.notes | any(contains("may be disturbed (a lab)"))' report.json > /dev/null ||
	fail "the report does not say what was allowed"
[ "$(driver_of 0000:04:00.0)" = e1000e ] || fail "the driver was not given back"
ip link set br0 down
brctl delbr br0
modprobe -r e1000e

# --- a process ---

modprobe vfio-pci
echo vfio-pci > /sys/bus/pci/devices/0000:03:00.0/driver_override
echo 0000:03:00.0 > "/sys/bus/pci/drivers/$(driver_of 0000:03:00.0)/unbind"
echo 0000:03:00.0 > /sys/bus/pci/drivers_probe
group=$(basename "$(readlink /sys/bus/pci/devices/0000:03:00.0/iommu_group)")
[ -c "/dev/vfio/$group" ] || fail "not on vfio-pci"
exec 7<> "/dev/vfio/$group"
sleep 100 &
holder=$!
exec 7<&-
refused 0000:03:00.0 "sleep (process $holder) has /dev/vfio/$group open"
kill "$holder"
wait "$holder" || :
echo 0000:03:00.0 > /sys/bus/pci/drivers/vfio-pci/unbind
echo > /sys/bus/pci/devices/0000:03:00.0/driver_override

# --- a stranger in the IOMMU group ---

exits 1 vfio-stress preflight --json 0000:06:01.0
answers device.group fail 0000:06:02.0
refused 0000:06:01.0 'shares IOMMU group' 0000:06:02.0

# --- a bus with a disk and a NIC of the host behind it ---

modprobe virtio_net
disk=$(basename /sys/bus/pci/devices/0000:06:03.0/virtio*/block/*)
nic=$(basename /sys/bus/pci/devices/0000:06:04.0/virtio*/net/*)
mkswap "/dev/$disk" > /dev/null
swapon "/dev/$disk" || fail "no swap"
ip link set "$nic" up
ip addr add 10.8.0.1/24 dev "$nic"
ip route add default via 10.8.0.2 || fail "no route"
printf 'version: 1\nname: bus\nlanes: [{name: a, devices: ["%s", "%s", "%s", "%s"]}]\nsteps: [{reset: hot}]\n' \
	0000:06:01.0 0000:06:02.0 0000:06:03.0 0000:06:04.0 > bus.yaml
exits 3 vfio-stress run bus.yaml
says 'nothing was tried' "disk $disk -> swap" "network interface $nic -> default route"
ip route del default
ip link set "$nic" down
swapoff "/dev/$disk"

# --- whom a reset disturbs ---

modprobe snd_hda_intel
printf 'version: 1\nname: tree\nlanes: [{name: a, devices: ["%s", "%s"]}]\nsteps: [{reset: hot}]\n' \
	0000:01:00.0 0000:01:00.1 > tree.yaml
exits 0 vfio-stress check tree.yaml
says 'disturbs what is below' '0000:01:00.1 (Intel' ' on its bus, driver snd_hda_intel'
vfio-stress preflight -v 0000:01:00.0 0000:02:00.0 > out # whether the host is good is not asked
cat out
says 'Whom a reset disturbs' '0000:02:00.0 by d3hot, flr: nobody else' '0000:01:00.0 by hot:' \
	'    0000:01:00.1 on its bus, driver snd_hda_intel'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a real host is asked in vain: each a clear message, exit code 3, and nothing changed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# refused NAME TEXT...: NAME.yaml is, before anything was tried
refused()
{
	local name=$1

	shift
	run 3 "$name"
	says "nothing was tried" "$@"
}

# lane NAME TEXT: a scenario of that lane
lane()
{
	scenario "$1" <<X
lanes: [$2]
steps: [${3:-start, destroy}]
X
}

lane no-libvirt '{domain: vm, ready: {serial: READY}}'
lab-libvirtd stop
refused no-libvirt libvirt
lab-libvirtd start

domain vm --devices 0000:03:00.0
lane unknown '{domain: vmm, ready: {serial: READY}}'
refused unknown "no domain 'vmm'" "did you mean 'vm'?"

domain away --devices 0000:1e:00.0
lane absent '{domain: away, ready: {serial: READY}}'
refused absent "passes 0000:1e:00.0 through, but there is no such device"

lane no-agent '{domain: vm}'
refused no-agent agent

lane no-method '{domain: vm, ready: {serial: READY}}' '{reset: acpi}'
refused no-method "0000:03:00.0 offers 'flr pm bus', not 'acpi'" if-offered

lab-domain mute | sed '/<serial/d' >mute.xml
virsh -q define mute.xml && domains+=(mute)
lane no-console '{domain: mute, ready: {serial: READY}}'
refused no-console console

# a disk that is mounted, and a controller that somebody has open
disk=$(basename "$(dirname "$(readlink -f /sys/block/vdb/device)")")
lane mounted "{name: disk, devices: [$disk]}" '{reset: default}'
refused mounted "$disk" "disk vdb -> mounted on"
[ "$(driver_of "$disk")" = virtio-pci ] || fail "the disk lost its driver"

modprobe nvme
within 10 test -c /dev/nvme0
exec 7</dev/nvme0
sleep 60 &
exec 7<&-
lane open '{name: drive, devices: [0000:02:00.0]}' '{reset: flr}'
refused open "0000:02:00.0" "(process $!) has /dev/nvme0 open"
kill $!
wait
[ "$(driver_of 0000:02:00.0)" = nvme ] || fail "the drive lost its driver"
echo 0000:02:00.0 >/sys/bus/pci/drivers/nvme/unbind
rmmod nvme

# two runs on one device
lane first '{name: one, devices: [0000:03:00.0]}' '{reset: flr}, {hold: 8s}'
lane second '{name: two, devices: [0000:03:00.0]}' '{reset: flr}'
start_run first
mkdir -p second && cp second.yaml second
(cd second && run 3 second && says "0000:03:00.0" "held by another run or lane" "nothing was tried") ||
	fail "the second run was not refused"
ends 0

# not root: with a device that is bound to its driver, and nothing is changed or left to be undone
lane mine '{name: one, devices: [0000:03:00.0]}' '{reset: flr}'
echo virtio-pci >/sys/bus/pci/devices/0000:03:00.0/driver_override
echo 0000:03:00.0 >/sys/bus/pci/drivers_probe
chmod 755 .
as_nobody()
{
	su -s /bin/bash nobody -c "cd /tmp && HOME=/tmp vfio-stress $*"
}
exits 3 as_nobody run "$PWD/mine.yaml"
says "0000:03:00.0 cannot be bound or reset" "run it as root" "nothing was tried"
[ "$(driver_of 0000:03:00.0)" = virtio-pci ] || fail "its driver is $(driver_of 0000:03:00.0)"
exits 0 as_nobody undo
says "nothing is left to undo"
echo >/sys/bus/pci/devices/0000:03:00.0/driver_override

# not libvirt's users either
lane theirs '{domain: vm, ready: {serial: READY}}'
chmod 700 /run/libvirt/libvirt-sock
exits 3 as_nobody run "$PWD/theirs.yaml"
says "Permission denied" "nothing was tried"
chmod 777 /run/libvirt/libvirt-sock

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices and ports that misbehave: each gets its own reason, and the host is put back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# one DEVICES STEPS: a scenario of one cycle
one()
{
	printf 'version: 1\nname: failures\nlanes: [{devices: [%s]}]\nsteps: [%s]\n' "$1" "$2" > one.yaml
}

# last TEXT...: in the report of the run
last()
{
	exits 0 vfio-stress report --format json
	says "$@"
}

# a port that does not bring its link up again: the kernel says ENOTTY after 2 s
one '"0000:0b:00.0"' '{reset: pm}, {reset: bus}'
exits 1 vfio-stress run one.yaml
last '"reason":"reset-failed"' 'bus reset of 0000:0b:00.0' 'Inappropriate ioctl' pci.link-not-active

# function 0 of a slot lists `bus` until it is asked again
grep -q bus /sys/bus/pci/devices/0000:07:00.0/reset_method || fail "the quirk is not there"
one '"0000:07:00.0", "0000:07:00.1"' '{reset: {method: bus}}'
exits 3 vfio-stress run one.yaml
says "the kernel refuses it: 0000:07:00.1 is in the same slot"
one '"0000:07:00.0", "0000:07:00.1"' '{reset: flr}, check'
exits 0 vfio-stress run one.yaml
says "does not offer the reset method 'bus' any more" 'PASS: 1 cycle'
one '"0000:07:00.0"' rescan
exits 3 vfio-stress run one.yaml
says '0000:07:00.1 is another'

# what changes beside the device while it is reset is a note, or fails the reset, as the scenario says
modprobe vfio-pci
bind_vfio 0000:08:00.0
echo on >/sys/bus/pci/devices/0000:08:00.0/power/control
bar=$(setpci -s 07:00.1 BASE_ADDRESS_0)
asleep()
{
	grep -qx D3hot /sys/bus/pci/devices/0000:08:00.0/power_state
}
# changed CODE: a run of one.yaml in whose sleep the BAR goes
changed()
{
	within 60 asleep && setpci -s 07:00.1 BASE_ADDRESS_0=0 &
	exits "$1" vfio-stress run one.yaml
	wait
	setpci -s 07:00.1 BASE_ADDRESS_0="$bar"
	vfio-stress report --format json >report.json
}
differs="0000:07:00.1, beside 0000:08:00.0: BAR 0 is 00000000, was $bar"
one '"0000:08:00.0"' '{reset: d3hot}'
changed 0
holds ".notes | any(contains(\"$differs (reset: d3hot)\"))"
echo 'bystanders: fail' >>one.yaml
changed 1
holds '.failures[0] | .device == "0000:08:00.0" and .reason == "neighbour-differs"' \
	".failures[0].detail | contains(\"$differs\")"
exits 0 vfio-stress run one.yaml
unbind 0000:08:00.0

# a network interface that is up
modprobe e1000e
[ -e /sys/class/net/eth0 ] || fail "no eth0"
# QEMU's network announces itself as the way to everywhere, which would be another reason
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra
ip link set eth0 up
one '"0000:04:00.0"' '{reset: pm}'
exits 3 vfio-stress run one.yaml
says 'network interface eth0 -> is up'
ip link set eth0 down
exits 0 vfio-stress run one.yaml

# a device that is pulled out while it is reset
one '"0000:09:00.0"' '{reset: flr}, check'
narrowed 0000:09:00.0 flr && hmp 'device_del rng0' > /dev/null &
exits 1 vfio-stress run one.yaml
wait
last '"reason":"device-vanished"'
exits 0 vfio-stress undo

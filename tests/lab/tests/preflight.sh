#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `preflight` and `devices` on a real kernel: what is wrong with the host, a device, a domain is said,
# and nothing is changed by looking.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

lab-libvirtd start
domain vm --devices 0000:02:00.0

if [ "$LAB_VARIANT" = none ]; then
	exits 1 vfio-stress preflight --json 0000:02:00.0
	answers iommu.groups fail 'no IOMMU groups'
	answers firmware.tables fail neither
	answers device.group fail 'no IOMMU group'
	exit 0
fi

exits 0 vfio-stress preflight --json 0000:02:00.0
answers iommu.groups ok groups
answers iommu.interrupt-remapping ok remapped
answers kernel.log-ring ok 'it can'
answers host.versions ok libvirt
answers device.group ok alone
answers device.reset ok flr
answers device.users ok nobody
answers domain.definition ok 'shut off'

# in use, by a guest
virsh -q start vm || fail "vm does not start"
exits 0 vfio-stress preflight --json 0000:02:00.0
answers device.users warn /dev/vfio/
answers domain.definition ok running
virsh -q destroy vm

# a driver of the host has it, and the host uses what hangs on another
exits 1 vfio-stress preflight --json 0000:00:03.0
answers device.driver warn virtio
answers device.users fail mounted
answers device.reset fail 'root bus'

# huge pages that are not there
virsh -q dumpxml vm | sed 's|</memory>|&<memoryBacking><hugepages/></memoryBacking>|' >huge.xml
virsh -q define huge.xml || fail "vm is not defined"
exits 1 vfio-stress preflight --json 0000:02:00.0
answers domain.hugepages fail 'are free'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `preflight` on a host without interrupt remapping (booted with intremap=off), and of GPU-like devices:
# a function that stays behind, one without a reset of its own, a driver of the host in the slot.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain vm --devices 0000:01:00.0
modprobe virtio_gpu
exits 1 vfio-stress preflight --json 0000:01:00.0 0000:07:00.1 0000:08:00.0
answers iommu.interrupt-remapping fail remapped
answers kernel.command-line warn intremap=off
answers device.reset warn 'others share the bus'
answers device.reset warn 'no method of its own'
answers device.group warn '0000:07:00.0 (virtio-pci)'
answers device.group ok 'bridges only'
answers device.acs ok '0000:06:01.0: no ACS'
answers device.driver warn virtio-pci
answers domain.slots warn 0000:01:00.1

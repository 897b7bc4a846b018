#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A running VM's device goes dark: the destroy takes the kernel's 140 s and is waited for, the device is
# found unreadable, and a healthy VM beside it, which waits for the same locks, is not blamed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:03:00.0

domain vm --devices $device
domain other --devices 0000:02:00.0
scenario dark <<X
lanes:
  - domain: vm
    ready: {serial: READY, timeout: 90s}
    steps: [start, {hold: 12s}, destroy, {reset: flr}]
  - domain: other
    ready: {serial: READY, timeout: 30s}
    steps: [start, {hold: 2s}, destroy]
repeat: {until: {cycles: 4}}
X
start_run dark
within 120 in_step vm 1 hold
dark 00:12.0
ends 1
light 00:12.0
says "FAIL: $device" "pci.not-ready-timeout"
holds '[.lanes[] | [.name, .verdict, .cycles]] == [["vm", "fail", {done: 1, failed: 1}], ["other", "pass", {done: 4, failed: 0}]]' \
	'.lanes[0].steps[] | select(.word == "destroy") | .failed == 1 and .ms.max > 100000' \
	"[.incidents[] | select(.id == \"pci.not-ready-timeout\") | [.severity, .bdf, .lane, .cycle, .step]]
		== [[\"fatal\", \"$device\", \"vm\", 1, \"destroy\"]]"

# a dead device takes no driver; once it is back, undo gives it its own
holds '.undo.left == ["bind 0000:03:00.0 to virtio-pci"]'
exits 0 vfio-stress undo
says "bind $device to virtio-pci: done"
[ "$(driver_of $device)" = virtio-pci ] || fail "its driver is $(driver_of $device)"

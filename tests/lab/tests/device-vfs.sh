#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The reset of a function with virtual ones takes them along. QEMU's NVMe forgets them when it is reset,
# while the kernel believes that they are there: the reset went well, the function is as it was, and only
# a look at those beside it tells.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

pf=/sys/bus/pci/devices/0000:01:00.0
modprobe nvme
echo 0 >$pf/sriov_drivers_autoprobe

scenario pf <<'Y'
lanes: [{devices: [0000:01:00.0], driver: managed}]
steps: [{reset: {method: flr, while-bound: true}}]
Y
run 0 pf
holds '[.resets[] | [.method, .state, .tried, .worked]] == [["flr", "host-driver", 1, 1]]'

echo 2 >$pf/sriov_numvfs
[ -e /sys/bus/pci/devices/0000:01:00.2 ] || fail "there are no virtual functions"
run 1 pf
holds '.failures[0] | .device == "0000:01:00.0" and .reason == "neighbour-differs"'
holds '.failures[0].detail | contains("0000:01:00.1, reached by the reset of 0000:01:00.0: its config space reads all ones")'
holds '.failures[0].detail | contains("0000:01:00.2, reached")'
holds '.failures[0].advice | contains("go down with 0000:01:00.0")'
echo 0 >$pf/sriov_numvfs

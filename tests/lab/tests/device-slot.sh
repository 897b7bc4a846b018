#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Native hotplug slots: what may take a device away says so first, and a slot that stays empty is told.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

scenario link <<'X'
lanes: [{devices: [0000:01:00.0, 0000:01:00.1]}]
steps: [{reset: subordinate}]
X
exits 3 vfio-stress run link.yaml
says 'hotplug port' 'may-remove: true'
sed -i 's/{reset: subordinate}/reset: {method: subordinate, may-remove: true}/' link.yaml
run 0 link
holds '.lanes[0].cycles == {"done": 1, "failed": 0} and .undo.left == []'

# QEMU takes the device out with the power: no card is there to be switched on
scenario power <<'X'
lanes: [{devices: [0000:02:00.0]}]
steps: [{reset: slot}]
X
run 1 power
holds '.failures[0].reason == "device-vanished"'
holds '.failures[0].detail | contains("no card is found in the slot")'
holds '[.undo.left[] | select(contains("slots/2/power"))] | length == 1'
hmp 'device_add nvme,id=nvme9,bus=rp2,serial=LAB0009' >/dev/null
within 20 test -e /sys/bus/pci/devices/0000:02:00.0/vendor
exits 0 vfio-stress undo
[ "$(cat /sys/bus/pci/slots/2/power /sys/bus/pci/drivers_autoprobe)" = $'1\n1' ] || fail "not undone"

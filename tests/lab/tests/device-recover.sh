#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `on-failure: recover`: the ladder heals what can be healed, says by what, and ends the lane otherwise.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# recover NAME DEVICE: two cycles in which something can happen to it
recover()
{
	scenario "$1" <<X
lanes: [{name: dev, devices: [$2]}]
steps: [{hold: 3s}, check]
repeat: {until: {cycles: 2}, on-failure: recover}
X
}

# dark when the cycle ends, and back a little later
recover late 0000:03:00.0
start_run late
in_step dev 1 hold
dark 00:12.0
within 60 sees 'not healed by flr' out
light 00:12.0
ends 1
says 'was healed by' # bus or rescan, as the light comes early or late
holds '.lanes[0].cycles == {"done": 2, "failed": 1} and .undo.left == []'

# dark for good
recover dead 0000:03:00.0
start_run dead
in_step dev 1 hold
dark 00:12.0
ends 1
holds '.lanes[0].cycles == {"done": 1, "failed": 1}'
holds '.lanes[0].reason | startswith("host reboot needed: 0000:03:00.0 was not healed by bus, rescan (0000:03:00.0 did not come back)")'
holds '[.incidents[] | select(.severity == "error" or .severity == "fatal")] == []'
light 00:12.0
echo 1 > /sys/bus/pci/rescan
[ -e /sys/bus/pci/devices/0000:03:00.0 ] || fail "edu is not back"
vfio-stress undo
[ "$(cat /sys/bus/pci/drivers_autoprobe)" = 1 ] || fail "autoprobe is off"

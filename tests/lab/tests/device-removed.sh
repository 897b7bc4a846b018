#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device that is pulled out: in the middle of resets, and from a VM.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:02:00.0

scenario pulled <<X
lanes: [{name: nvme, devices: [$device]}]
steps: [{reset: flr}, {hold: 1s}]
repeat: {until: {cycles: 1000}}
X
start_run pulled
within 60 sees 'cycles done' out
outside remove
ends 1
says "FAIL: "
holds '.verdict == "fail"' '.lanes[0].cycles.failed == 1' \
	"[.failures[] | [.lane, .step, .device, .outcome]] == [[\"nvme\", \"reset\", \"$device\", \"fail\"]]" \
	'.failures[0].reason == "device-vanished" or .failures[0].reason == "reset-failed"' \
	'.failures[0].cycle == .lanes[0].cycles.done' '.undo.left == []'

run 3 pulled
says "no device here is '$device'"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The power fails in the middle of a reset: after the reboot the report says aborted, names the open
# step, and there is nothing to put back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:0b:00.0 # its bus reset takes 2 s and fails

if [ "$LAB_BOOT" = 1 ]; then
	scenario resets <<X
lanes: [{name: rng, devices: [$device]}]
steps: [{reset: pm}, {hold: 1s}, {reset: {method: bus, expect-failure: reset-failed}}]
repeat: {until: {cycles: 3}}
tolerate: [{fault: pci.link-not-active, count: 3}]
X
	start_run resets
	within 60 in_step rng 2 hold
	narrowed $device bus
	outside power-cut
	sleep 60
	fail "the power was not cut"
fi

exits 0 vfio-stress runs
says "died"
exits 0 vfio-stress report
says "ABORTED: suspect $device" "the run died"
vfio-stress report --format json >report.json
holds '.verdict == "aborted"' '.exit_code == 4' '.lanes[0].cycles == {done: 1, failed: 0}' \
	"[.failures[] | [.cycle, .step, .step_index, .device, .outcome, .reason]] ==
		[[2, \"reset\", 2, \"$device\", \"aborted\", \"run-died\"]]" \
	'[.incidents[] | [.id, .tolerated, .lane, .cycle, .step]]
		== [["pci.link-not-active", true, "rng", 1, "reset"]]'
exits 0 vfio-stress undo
says "not needed, the host was rebooted since"
exits 0 vfio-stress undo
says "nothing is left to undo"

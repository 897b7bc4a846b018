#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the supervisor in the middle of a reset: `report` says what happened and names the open
# step, `undo` puts the host back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:0b:00.0 # its bus reset takes 2 s and fails

# its lane finishes the call that it is in, and nothing more
no_lane()
{
	! pidof vfio-stress >/dev/null
}

driver=$(driver_of $device)
domain vm --devices $device
virsh -q start vm
scenario resets <<X
lanes: [{domain: vm, take-over: true, ready: {serial: READY, timeout: 60s}}]
steps: [{hold: 1s}, {reset: pm}, {reset: {method: bus, name: "the last one"}}]
repeat: {until: {cycles: 3}, on-failure: continue}
X
methods=$(cat /sys/bus/pci/devices/$device/reset_method)
start_run resets
within 90 in_step vm 1 hold
narrowed $device bus
sleep 0.3 # in the kernel now
kill -KILL "$run_pid"
wait "$run_pid" 2>/dev/null
within 30 no_lane

exits 0 vfio-stress report latest
says "ABORTED"
vfio-stress report latest --format json >report.json
holds '.verdict == "aborted"' '.exit_code == 4' '.undo.left != []' \
	"[.failures[] | [.lane, .cycle, .step, .step_index, .device, .outcome, .reason]]
		== [[\"vm\", 1, \"reset\", 2, \"$device\", \"aborted\", \"run-died\"]]" \
	'[.lanes[0].steps[] | select(.word == "reset" and .arg == "pm") | .count] == [1]' \
	'.lanes[0].cycles == {done: 0, failed: 0}' '.klog.records > 0'
exits 0 vfio-stress undo
says "bring domain vm to 'running': done"
[ "$(state_of vm)" = running ] || fail "the domain is $(state_of vm)"
[ "$(cat /sys/bus/pci/devices/$device/reset_method)" = "$methods" ] ||
	fail "reset_method is $(cat /sys/bus/pci/devices/$device/reset_method), was $methods"
vfio-stress report latest --format json >report.json
holds '.undo.left == []'
exits 0 vfio-stress undo
says "nothing is left to undo"
virsh -q destroy vm
[ "$(driver_of $device)" = "$driver" ] || fail "its driver is $(driver_of $device), was $driver"

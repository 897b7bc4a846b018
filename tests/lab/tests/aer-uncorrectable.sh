#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A non-fatal and a fatal AER error of a running VM's device: QEMU pauses the guest, which ends the
# step at once with that reason, and the report names device and severity.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:03:00.0

domain vm --devices $device
scenario error <<'X'
lanes: [{domain: vm, ready: {serial: READY, timeout: 90s}}]
steps: [start, {hold: 200s}, destroy]
X

# suffers SEVERITY EVENT WITNESSES
suffers()
{
	local began

	start_run error
	within 120 in_step vm 1 hold
	sleep 3 # what comes 2 s after the end of `start` is no longer its doing
	outside "$2"
	began=$EPOCHSECONDS
	ends 1
	[ $((EPOCHSECONDS - began)) -lt 100 ] || fail "the step did not end at once"
	says "FAIL: $device" "$1"
	holds '.verdict == "fail"' '.lanes[0].cycles == {done: 1, failed: 1}' \
		'[.failures[] | [.lane, .cycle, .step, .step_index, .outcome, .reason]]
			== [["vm", 1, "hold", 1, "fail", "guest-paused-by-error"]]' \
		"[.incidents[] | select(.id == \"aer.bus-error\") |
			[.severity, .bdf, .reporter, .lane, .cycle, .step, .step_index, .count, .seen_by]] ==
			[[\"$1\", \"$device\", \"0000:00:12.0\", \"vm\", 1, \"hold\", 1, 1,
				$3]]" \
		'[.incidents[] | select(.id | startswith("aer."))] | length == 1'
	[ "$(state_of vm)" = "shut off" ] || fail "the domain was left $(state_of vm)"
}

suffers error non-fatal '["log", "counters", "tracepoint"]'
# nobody has cleared it in the device, which the kernel does not read after a fatal error
suffers fatal fatal '["log", "counters", "tracepoint", "config-space"]'

# Two at one moment: the port tells of "Multiple", and how many they were is not known.
scenario multiple <<X
lanes: [{name: rng, devices: [$device]}]
steps: [{hold: 8s}]
X
start_run multiple
within 60 in_step rng 1 hold
outside multiple
ends 1
holds "[.incidents[] | select(.id | startswith(\"aer.\")) |
		[.id, .severity, .bdf, .reporter, .lane, .cycle, .step, .count_is_lower_bound, .fields.multiple]] ==
	[[\"aer.bus-error\", \"error\", \"$device\", \"0000:00:12.0\", \"rng\", 1, \"hold\", true, true]]" \
	'[.incidents[] | select(.id == "aer.bus-error") | .fields.bits | sort] == [["CmpltTO", "UnxCmplt"]]'

# A device that reports nothing, as where the firmware handles errors: only its registers tell.
scenario silent <<X
lanes: [{name: rng, devices: [$device]}]
steps: [{reset: flr}, {hold: 12s}, {reset: flr}]
X
setpci -s $device CAP_EXP+8.w=0:7
start_run silent
sleep 6 # the step to hold has begun
outside silent
ends 1
setpci -s $device CAP_EXP+8.w=7:7
holds '.verdict == "fail"' '.failures == []' \
	"[.incidents[] | [.id, .severity, .bdf, .lane, .cycle, .step, .seen_by, .fields.bits, .lines]] ==
		[[\"aer.bus-error\", \"error\", \"$device\", \"rng\", 1, \"hold\", [\"config-space\"], [\"UnxCmplt\"], []]]" \
	"[.blind_spots[] | select(test(\"$device.*: not all errors are reported\"))] | length == 1"

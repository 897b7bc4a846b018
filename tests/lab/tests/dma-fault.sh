#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest's stray DMA in cycle 3 fails the run, and the report names the device and the moment.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain vm --control --devices 0000:01:00.0
scenario stray <<'X'
lanes: [{domain: vm, ready: {serial: READY, timeout: 60s}}]
steps: [start, {hold: 8s}, destroy]
repeat: {until: {cycles: 4}}
X
start_run stray
within 200 in_step vm 3 hold
sleep 3 # what comes 2 s after the end of `start` is no longer its doing
lab-guest vm edudma
ends 1
says "FAIL: 0000:01:00.0" "where       lane vm, cycle 3, step 2 of 3 (hold: 8s)" "what        dmar.dma-fault, error"
holds '.verdict == "fail"' '.exit_code == 1' '.failures == []' \
	'.lanes[0].verdict == "fail"' '.lanes[0].cycles == {done: 3, failed: 1}' \
	'[.incidents[] | select(.severity == "error" or .severity == "fatal")] | length == 1' \
	'.incidents[] | select(.id == "dmar.dma-fault") |
		[.severity, .tolerated, .bdf, .lane, .cycle, .step, .step_index] ==
		["error", false, "0000:01:00.0", "vm", 3, "hold", 1]' \
	'.incidents[] | select(.id == "dmar.dma-fault") | .candidates == [] and .fields.direction == "write"
		and (.lines[].text | test("DMA Write.*01:00.0"))'
[ "$(state_of vm)" = "shut off" ] || fail "the domain is $(state_of vm)"

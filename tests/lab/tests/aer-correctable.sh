#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Correctable AER errors: listed as warnings, counted against a budget, and above it a failure.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:03:00.0

# inject COUNT: one at a time, as the log tells them
inject()
{
	local i before

	for ((i = 0; i < $1; i++)); do
		before=$(dmesg | grep -c 'severity=Corrected')
		aerinj $device cor 1
		within 10 eval "[ \$(dmesg | grep -c severity=Corrected) -gt $before ]"
	done
}

# errors NAME MORE: a lane that only waits for them
errors()
{
	scenario "$1" <<X
lanes: [{name: rng, devices: [$device]}]
steps: [{hold: 8s}]
$2
X
	start_run "$1"
	within 60 in_step rng 1 hold
	inject 3
}

errors listed
ends 0
holds '.verdict == "pass"' '[.incidents[] | select(.severity != "info")] != []' \
	"[.incidents[] | select(.severity == \"warning\") | [.id, .bdf, .lane, .cycle, .step, .tolerated]] |
		unique == [[\"aer.bus-error\", \"$device\", \"rng\", 1, \"hold\", false]]" \
	'[.incidents[] | select(.id == "aer.bus-error") | .count] | add == 3' \
	'[.incidents[] | select(.id == "aer.bus-error") | .seen_by] == [["log", "counters", "tracepoint"]]'

errors within 'tolerate: [{fault: aer.correctable, count: 3, per: 1m, device: 0000:03:00.0}]'
ends 0
says '1 tolerated'
holds '.verdict == "pass"' '[.incidents[] | select(.id == "aer.bus-error") | .tolerated] | unique == [true]'

errors above 'tolerate: [{fault: aer.correctable, count: 2, per: 1m, device: 0000:03:00.0}]'
ends 1
says "FAIL: $device"
holds '.verdict == "fail"' '.lanes[0].cycles == {done: 1, failed: 1}' \
	"[.incidents[] | select(.id == \"aer.bus-error\" and (.tolerated | not)) | [.bdf, .lane, .cycle, .step]]
		== [[\"$device\", \"rng\", 1, \"hold\"]]"

errors other 'tolerate: [{fault: aer.correctable, count: 2, per: 1m, device: 0000:02:00.0}]'
ends 0 # the budget is another device's: a correctable error is a warning
holds '[.incidents[] | select(.tolerated)] == []'

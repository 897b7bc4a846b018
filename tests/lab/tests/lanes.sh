#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two VMs side by side, each with devices: both pass; a fault of one fails only its own lane.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain gpu --devices "0000:01:00.0 0000:01:00.1"
domain edu --control --devices 0000:03:00.0
scenario both <<'X'
lanes:
  - {domain: gpu, ready: {serial: READY, timeout: 90s}}
  - {domain: edu, ready: {serial: READY, timeout: 90s}}
steps: [start, {hold: "${hold}"}, destroy, {reset: {method: flr, if-offered: true}}, {reset: {method: bus, if-offered: true}}]
vars: {hold: 1s}
X
run 0 both
holds '[.lanes[] | [.name, .verdict, .cycles.done]] == [["gpu", "pass", 1], ["edu", "pass", 1]]' \
	'[.lanes[0].devices[].bdf] == ["0000:01:00.0", "0000:01:00.1"]' '.undo.left == []'

start_run both --set hold=15s
within 120 in_step edu 1 hold
sleep 3 # what comes 2 s after the end of `start` is no longer its doing
lab-guest edu edudma
ends 1
says "FAIL: 0000:03:00.0"
holds '[.lanes[] | [.name, .verdict, .cycles.failed]] == [["gpu", "pass", 0], ["edu", "fail", 1]]' \
	'[.incidents[] | select(.severity == "error") | [.id, .bdf, .lane, .candidates, .cycle, .step]]
		== [["dmar.dma-fault", "0000:03:00.0", "edu", [], 1, "hold"]]' '.undo.left == []'

# a lane that holds the other function of a slot is refused
scenario apart <<'X'
lanes:
  - {name: one, devices: [0000:01:00.0]}
  - {name: two, devices: [0000:01:00.1]}
steps: [{reset: {method: flr, if-offered: true}}]
X
run 3 apart
says "are functions of one slot" "nothing was tried"

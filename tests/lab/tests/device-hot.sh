#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# VFIO's hot reset, the only bus reset that a device with two functions gets: of all of them or none.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

scenario both <<'X'
lanes:
  - {name: gpu, devices: [0000:01:00.0, 0000:01:00.1]}
  - {name: switched, devices: [0000:07:00.0, 0000:07:00.1]}
  - {name: alone, devices: [0000:02:00.0]}
steps: [{reset: hot}, check]
repeat: {until: {cycles: 2}}
X
exits 0 vfio-stress check both.yaml
says '0000:01:00.1 is reset together with 0000:01:00.0'
run 0 both
holds '.verdict == "pass" and .undo.left == []'
holds '[.lanes[].steps[] | select(.word == "reset" and .count - .skipped == 2) | .device] | sort ==
	["0000:01:00.0", "0000:02:00.0", "0000:07:00.0"]'

# a function that nobody named, whatever it is bound to
scenario one <<'X'
lanes: [{devices: [0000:01:00.0]}]
steps: [{reset: hot}]
X
exits 3 vfio-stress run one.yaml
says '0000:01:00.1 would be reset as well, and is not in the lane' 'nothing was tried'
modprobe snd_hda_intel
exits 3 vfio-stress run one.yaml
says '0000:01:00.1' 'nothing was tried'
modprobe -r snd_hda_intel

# a port that does not bring its link up again
scenario port <<'X'
lanes: [{devices: [0000:0b:00.0]}]
steps: [{reset: hot}]
X
run 1 port
holds '.failures[0].reason == "reset-failed"'
holds ".failures[0].detail | contains(\"at 'hot reset'\") and contains(\"link of its port\")"
exits 0 vfio-stress undo

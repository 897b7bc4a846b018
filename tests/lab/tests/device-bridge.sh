#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What reaches a whole slot (subordinate, remove and rescan), and sleep in D3hot.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=canaries.sh
. "$(dirname "$0")/canaries.sh"

settings()
{
	cat /sys/bus/pci/devices/*/{d3cold_allowed,power/control,reset_method} \
		/sys/bus/pci/drivers_autoprobe 2>/dev/null
}

scenario bridge <<'X'
lanes:
  - {name: gpu, devices: [0000:01:00.0, 0000:01:00.1]}
  - {name: rng, devices: [0000:09:00.0]}
steps:
  - reset: subordinate
  - reset: {method: d3hot, if-offered: true}
  - rescan
  - check
repeat: {until: {cycles: 2}}
X
before=$(settings)
run 0 bridge
holds '.undo.left == []'
# the audio function goes with the other, and neither has a power management capability
holds '[.lanes[0].steps[] | select(.device == "0000:01:00.1") | .skipped] == [2, 2, 2, 0]'
holds '[.lanes[0].steps[] | select(.device == "0000:01:00.0") | .skipped] == [0, 2, 0, 0]'
holds '[.lanes[1].steps[].skipped] == [0, 0, 0, 0]'
holds '.lanes[1].steps[1].ms.p50 >= 1000'
holds '[.lanes[].steps[] | select((.word == "reset" or .word == "rescan") and .count > .skipped) | .usable_ms.max] | all(. > 0)'
[ "$(settings)" = "$before" ] || fail "the host was changed: $(settings)"

# refused DEVICES STEP TEXT...
refused()
{
	printf 'lanes: [{devices: [%s]}]\nsteps: [%s]\n' "$1" "$2" | scenario refused
	shift 2
	exits 3 vfio-stress run refused.yaml
	says 'nothing was tried' "$@"
}

refused 0000:01:00.1 '{reset: subordinate}' '0000:01:00.0 would be reset as well'
refused 0000:08:00.0,0000:07:00.0 '{reset: subordinate}' '0000:07:00.1 would be reset as well'
refused 0000:01:00.0 rescan '0000:01:00.1 is another'
refused 0000:03:00.0 '{reset: d3hot}' 'no power management capability'
refused 0000:03:00.0 '{reset: slot}' acpiphp

# whom they really reached: a sample of device-scope
modprobe -r vfio-pci
modprobe vfio-pci disable_idle_d3=1
scenario reach <<'X'
lanes: [{name: all, devices: [0000:01:00.0, 0000:01:00.1, 0000:09:00.0]}]
steps:
  - reset: {method: flr, if-offered: true}
  - reset: hot
  - reset: {method: subordinate, device: 0000:01:00.1}
  - rescan: {device: 0000:01:00.1}
X
watched 0 reach
[ "$(grep -c '0000:01:00.0 0000:01:00.1$' reached)" = 3 ] || fail "the slot was not reset as one"
modprobe -r vfio-pci

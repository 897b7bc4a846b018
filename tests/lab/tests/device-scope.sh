#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every reset and every device, once each, and whom it really reset: by canaries in the config space of
# every function of the host, which must be lost where `check` says that the reset reaches, and nowhere
# else. The devices come out of it as they were.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=canaries.sh
. "$(dirname "$0")/canaries.sh"

methods=$(vfio-stress list resets | awk '/^ *[a-z]/ { print $1 }')
[ "$(wc -w <<<"$methods")" -ge 12 ] || fail "what resets are there? $methods"

# steps METHOD...: each for all that offer it
steps()
{
	echo "lanes: [{name: all, devices: [$(IFS=,; echo "${devices[*]}")]}]"
	echo "steps:"
	printf '  - reset: {method: %s, if-offered: true}\n' "$@"
}

devices=()
for device in /sys/bus/pci/devices/*; do
	name=${device##*/}
	[[ $name = 0000:00:* || $name = 0000:0b:00.0 || -d $device/pci_bus ]] || devices+=("$name")
done

# what sleeps for want of work would look as if it were reset: only `d3hot` is to see them asleep
modprobe vfio-pci
for name in "${devices[@]}"; do
	bind_vfio "$name"
	echo on >"/sys/bus/pci/devices/$name/power/control"
done
steps d3hot | scenario sleep
watched 0 sleep
for name in "${devices[@]}"; do
	unbind "$name"
done
modprobe -r vfio-pci
modprobe vfio-pci disable_idle_d3=1

# shellcheck disable=SC2086 # words
{
	steps ${methods/d3hot/}
	printf '  - rescan\n  - check\n'
} | scenario all
watched 0 all

# a port that does not bring its link up again: the reset has begun when it fails
scenario port <<'Y'
lanes: [{name: all, devices: [0000:0b:00.0]}]
steps:
  - reset: {method: bus, expect-failure: reset-failed}
  - reset: {method: hot, expect-failure: reset-failed}
  - reset: {method: subordinate, expect-failure: reset-failed}
  - reset: pm
  - reset: default
  - rescan
  - check
tolerate: [{fault: pci.link-not-active, count: 10}]
Y
watched 0 port
holds '[.lanes[0].steps[].skipped] | add == 0' '[.incidents[].id] | unique == ["pci.link-not-active"]'
modprobe -r vfio-pci

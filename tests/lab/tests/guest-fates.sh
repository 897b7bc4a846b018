#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What can become of a guest, each in a lane of its own and with a reason of its own: never ready,
# panicked, powered off by itself, rebooted by itself, its QEMU killed. None waits for a time-out.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain never --kernel-args never-ready
domain panic --panic-device --control
domain off --control
domain reboots --control
domain killed

scenario fates <<'X'
lanes:
  - {domain: never, ready: {serial: READY, timeout: 15s}}
  - {domain: panic, ready: {serial: READY, timeout: 90s}}
  - {domain: "off", ready: {serial: READY, timeout: 90s}}
  - {domain: reboots, ready: {serial: READY, timeout: 90s}}
  - {domain: killed, ready: {serial: READY, timeout: 90s}}
steps: [start, {hold: 200s}, destroy]
repeat: {until: {cycles: 2}}
X
start_run fates
began=$EPOCHSECONDS
for guest in panic off reboots killed; do
	within 120 in_step $guest 1 hold
done
lab-guest panic panic
lab-guest off poweroff
lab-guest reboots reboot
kill -KILL "$(cat /run/libvirt/qemu/killed.pid)"
ends 1
[ $((EPOCHSECONDS - began)) -lt 150 ] || fail "the run did not end at once"

# was LANE STEP INDEX REASON: the lane's only failure, and its verdict
was()
{
	holds "[.failures[] | select(.lane == \"$1\") | [.cycle, .step, .step_index, .outcome, .reason, .device]]
			== [[1, \"$2\", $3, \"fail\", \"$4\", null]]" \
		".lanes[] | select(.name == \"$1\") | .verdict == \"fail\" and .cycles == {done: 1, failed: 1}"
}

was never start 0 not-ready
was panic hold 1 guest-panicked
was off hold 1 guest-stopped-itself
was reboots hold 1 guest-rebooted-itself
was killed hold 1 qemu-died
holds '.verdict == "fail"' '[.failures[] | select(.detail == "" or .advice == null)] == []'
for guest in never panic off reboots killed; do
	[ "$(state_of $guest)" = "shut off" ] || fail "$guest was left $(state_of $guest)"
done

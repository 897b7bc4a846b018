#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Domains are left as they were found: what ran runs, what was suspended is suspended, and their
# devices have their drivers back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

modprobe nvme
within 10 test -e /sys/bus/pci/drivers/nvme/0000:02:00.0
domain running --devices 0000:03:00.0
domain suspended --devices 0000:02:00.0
virsh -q start running
virsh -q start suspended
within 60 sees 'L2 READY' /run/lab/suspended.serial
virsh -q suspend suspended

scenario busy <<'X'
lanes:
  - {domain: running, ready: {serial: READY, timeout: 90s}}
  - {domain: suspended, ready: {serial: READY, timeout: 90s}}
steps: [start, destroy]
X
run 3 busy
says "domain 'running' is running" "domain 'suspended' is paused" "take-over: true" "nothing was tried"
[ "$(state_of running) $(state_of suspended)" = "running paused" ] || fail "a refused run changed them"

scenario taken <<'X'
lanes:
  - {domain: running, take-over: true, ready: {serial: READY, timeout: 90s}}
  - {domain: suspended, take-over: true, ready: {serial: READY, timeout: 90s}}
steps: [{reset: flr}, start, {suspend: 1s}, destroy]
X
run 0 taken
holds '[.lanes[] | [.verdict, .cycles.done]] == [["pass", 1], ["pass", 1]]' '.undo.left == []'
[ "$(state_of running)" = running ] || fail "'running' was left $(state_of running)"
[ "$(state_of suspended)" = paused ] || fail "'suspended' was left $(state_of suspended)"

# a device without a domain goes back to its driver, and a failed run gives back as well
virsh -q destroy running
virsh -q destroy suspended
within 10 test -e /sys/bus/pci/drivers/nvme/0000:02:00.0
scenario failing <<'X'
lanes: [{name: drive, devices: [0000:02:00.0]}]
steps: [{check: {driver: no-such-driver}}, {reset: flr}]
X
run 1 failing
holds '[.lanes[0].steps[] | [.word, .failed, .skipped]] == [["check", 1, 0], ["reset", 0, 1]]' '.undo.left == []'
[ "$(driver_of 0000:02:00.0)" = nvme ] || fail "the drive's driver is $(driver_of 0000:02:00.0)"
[ "$(cat /sys/bus/pci/devices/0000:02:00.0/driver_override)" = "(null)" ] || fail "an override was left"
echo 0000:02:00.0 >/sys/bus/pci/drivers/nvme/unbind
rmmod nvme

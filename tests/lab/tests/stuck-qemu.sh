#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A QEMU that is stopped (SIGSTOP) while somebody else's monitor command holds its domain's lock in libvirt:
# its lane ends, is named, and puts everything back; the lane beside it does not notice.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

driver=$(driver_of 0000:01:00.0)
domain vm --devices 0000:01:00.0
scenario stuck <<'X'
lanes:
  - {domain: vm, ready: {serial: "L2 READY", timeout: 60s}, steps: [start, {hold: 3s}, {shutdown: {timeout: 5s}}]}
  - {name: rng, devices: ["0000:03:00.0"], steps: [{reset: flr}, {hold: 500ms}]}
repeat: {until: {cycles: 2}}
X
start_run stuck
within 90 in_step vm 1 hold
kill -STOP "$(cat /run/libvirt/qemu/vm.pid)"
virsh -q qemu-monitor-command vm --hmp 'info version' >/dev/null 2>&1 &
began=$EPOCHSECONDS
within 60 sees 'vm: shutdown is overdue' out
decided=$EPOCHSECONDS
ends 1
[ $((EPOCHSECONDS - began)) -le 60 ] || fail "it ended after $((EPOCHSECONDS - began)) s"
[ $((EPOCHSECONDS - decided)) -le 5 ] || fail "it ended $((EPOCHSECONDS - decided)) s after its decision"
says 'vm: shutdown is overdue'
holds '.lanes[1].verdict == "pass"' '.lanes[1].cycles == {done: 2, failed: 0}' \
	'[.failures[] | [.lane, .cycle, .step, .reason]] == [["vm", 1, "shutdown", "timeout"]]' \
	'.notes | any(startswith("vm, stuck in shutdown: QEMU: "))' '.undo.left == []'
[ "$(state_of vm)" = 'shut off' ] || fail "the domain is $(state_of vm)"
[ "$(driver_of 0000:01:00.0)" = "$driver" ] || fail "its driver is $(driver_of 0000:01:00.0)"

# libvirtd is stopped at the same moment, and somebody does not want to wait: what cannot be put back is
# left to `undo`, and the program ends soon after it is told to.
start_run stuck
within 90 in_step vm 1 hold
stopped="$(cat /run/libvirtd.pid) $(cat /run/libvirt/qemu/vm.pid)"
# shellcheck disable=SC2086 # two words; and cleaning up needs them
trap 'kill -CONT $stopped; clean_up' EXIT
# shellcheck disable=SC2086
kill -STOP $stopped
within 60 in_step vm 1 shutdown
kill -TERM "$run_pid"
within 10 sees 'once more to stop now' out
sleep 2.5 # `timeout` signals twice at once, which does not mean "now"
kill -TERM "$run_pid"
within 5 sees 'putting back what lanes have left' out
decided=$EPOCHSECONDS
kill -TERM "$run_pid"
ends 4
[ $((EPOCHSECONDS - decided)) -le 5 ] || fail "it ended $((EPOCHSECONDS - decided)) s after its decision"
says 'interrupted before everything was put back'
holds '.verdict == "aborted"' '.undo.left | length > 0'
# shellcheck disable=SC2086
kill -CONT $stopped
exits 0 vfio-stress undo
[ "$(state_of vm)" = 'shut off' ] || fail "the domain is $(state_of vm)"
[ "$(driver_of 0000:01:00.0)" = "$driver" ] || fail "its driver is $(driver_of 0000:01:00.0)"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A QEMU that is stopped (SIGSTOP) while somebody else's monitor command holds its domain's lock in libvirt:
# its lane ends, is named, and puts everything back; the lane beside it does not notice.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The run tells the kernel's log of its last decision, that nothing is waited for any more. Times are those of
# that log: they do not depend on when somebody comes to look.

# now WORD: told there by this test
now()
{
	echo "stuck-qemu: $1" >/dev/kmsg
}

# at_most MS FROM TO: from the one's last line there to the other's
at_most()
{
	local ms

	ms=$(dmesg | awk -v from="$2" -v to="$3" '
		{ at = substr($0, 2) * 1000 }
		index($0, from) { begun = at }
		index($0, to) { ended = at }
		END { if (begun && ended) printf("%d\n", ended - begun) }')
	echo "from '$2' to '$3': $ms ms"
	[[ $ms =~ ^[0-9]+$ ]] && [ "$ms" -le "$1" ] || fail "it took ${ms:-unknown} ms, not $1"
}

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
now stuck
within 60 sees 'vm: shutdown is overdue' out
ends 1
now over
at_most 60000 'stuck-qemu: stuck' 'stuck-qemu: over'
at_most 5000 "vfio-stress $run_id end " 'stuck-qemu: over'
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
now again
kill -TERM "$run_pid"
within 60 sees 'putting back what lanes have left' out
now 'putting back'
kill -TERM "$run_pid"
ends 4
now over
at_most 5000 'stuck-qemu: again' "vfio-stress $run_id end "
at_most 5000 "vfio-stress $run_id end " 'stuck-qemu: putting back'
at_most 5000 'stuck-qemu: putting back' 'stuck-qemu: over'
says 'interrupted before everything was put back'
holds '.verdict == "aborted"' '.undo.left | length > 0'
# shellcheck disable=SC2086
kill -CONT $stopped
exits 0 vfio-stress undo
[ "$(state_of vm)" = 'shut off' ] || fail "the domain is $(state_of vm)"
[ "$(driver_of 0000:01:00.0)" = "$driver" ] || fail "its driver is $(driver_of 0000:01:00.0)"

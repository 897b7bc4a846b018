#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The store's disk is full: before a run it is refused; during one nothing new is begun until there is
# room again, and nothing is lost.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p store
mount -t tmpfs -o size=2m none store
scenario resets <<'X'
lanes: [{name: rng, devices: [0000:03:00.0]}]
steps: [{reset: flr}, {hold: 500ms}]
repeat: {until: {cycles: 12}}
X

fill()
{
	dd if=/dev/zero of=store/ballast bs=1k 2>/dev/null
	: # it ends when there is no room
}

fill
run 3 resets --db store/runs.db
says "store/runs.db" "No space left on device" "keep the store elsewhere with --db"
rm -f store/*

start_run resets --db store/runs.db
within 60 in_step rng 1 hold
fill
within 60 sees 'keeping everything in memory' out
sleep 3
rm store/ballast
ends 0
says "the store can be written again"
holds '.verdict == "pass"' '.lanes[0].cycles == {done: 12, failed: 0}' \
	'.lanes[0].steps[0].count == 12' '.undo.left == []'

# for good: the run gives up after a minute, and puts the host back
if [ -n "${FOR_GOOD:-}" ]; then
	driver=$(driver_of 0000:03:00.0)
	start_run resets --db store/runs.db
	within 60 in_step rng 1 hold
	fill
	ends 4
	says "the store refuses for too long" "could not be written"
	[ "$(driver_of 0000:03:00.0)" = "$driver" ] || fail "its driver is $(driver_of 0000:03:00.0)"
	[ "$(cat /sys/bus/pci/devices/0000:03:00.0/reset_method)" = "flr pm bus" ] || fail "narrowed"
fi
umount store

# A small one in a storm: the records that it has room for are kept, all else goes on.
mkdir -p small
mount -t tmpfs -o size=8m none small
long=$(printf 'x%.0s' {1..900})
full_of_records()
{
	kfault storm 7 - 200 "$long"
	sees "the store's disk is too slow or nearly full" out
}
scenario storm <<'X'
lanes: [{name: rng, devices: [0000:03:00.0]}]
steps: [{reset: flr}, {hold: 500ms}]
repeat: {until: {cycles: 1000}}
X
start_run storm --db small/runs.db
within 60 in_step rng 1 hold
within 60 full_of_records
last=$(sed -n 's/^info: lane: rng cycle \([0-9]*\): hold.*/\1/p' out | tail -n 1)
within 30 in_step rng $((last + 2)) hold
kill -TERM "$run_pid" # a shell has its background jobs ignore SIGINT
ends 4
holds '.verdict == "aborted"' '.failures == []' '.klog.lost > 0' '.klog.records > 1000' '.undo.left == []' \
	".lanes[0].cycles.done > $last"
sees 'keeping everything in memory' out && fail "events had no room"
umount small

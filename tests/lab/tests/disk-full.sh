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

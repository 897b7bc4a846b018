#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside the lab, for tests/bench/cycle: the same cycles by the bare loop, by the program and by a
# shell loop of virsh and dmesg, of one domain.
set -eu
cycles=$1
serial=/run/lab/bench.serial

lab-libvirtd start
lab-domain bench >bench.xml
virsh -q define bench.xml >/dev/null

now()
{
	echo "$EPOCHREALTIME"
}

since()
{
	echo "$(now) $1" | awk '{ printf "%.3f\n", $1 - $2 }'
}

# What people do by hand.
virsh_loop()
{
	local i from

	for ((i = 0; i < cycles; i++)); do
		from=$(stat -c %s "$serial" 2>/dev/null || echo 0)
		virsh -q start bench >/dev/null
		until tail -c +$((from + 1)) "$serial" | grep -q READY; do
			sleep 0.1
		done
		virsh -q destroy bench >/dev/null
		! dmesg | grep -E 'DMAR:.*fault|AMD-Vi: Event|AER:.*error|not ready .* after|vfio.*reset recovery' ||
			exit 1
	done
}

# The first start reads much from the disk: not of anybody's time.
./bare_loop qemu:///system bench 1 "$serial" READY >/dev/null

began=$(now)
bare=$(./bare_loop qemu:///system bench "$cycles" "$serial" READY)
bare_all=$(since "$began")
began=$(now)
rc=0
vfio-stress run -q qemu.yaml >out 2>&1 || rc=$?
program=$(since "$began")
[ "$rc" = 0 ] || { cat out; exit 1; }
began=$(now)
virsh_loop
by_hand=$(since "$began")

printf '%-52s %s s (%s s with connecting)\n' "bare loop" "$bare" "$bare_all"
printf '%-52s %s s\n' "vfio-stress, whole run" "$program"
printf '%-52s %s s\n' "virsh and dmesg | grep" "$by_hand"
awk -v b="$bare" -v p="$program" -v h="$by_hand" 'BEGIN {
	printf "%-52s %.3f\n", "vfio-stress / bare loop (aim: 1.02)", p / b
	printf "%-52s %.3f\n", "vfio-stress / virsh loop", p / h
}'

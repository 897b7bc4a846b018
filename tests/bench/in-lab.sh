#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# in-lab.sh CYCLES ROUNDS, inside the lab, for tests/bench/cycle: the same cycles by the bare loop, by
# the program and by a shell loop of virsh and dmesg, of one domain, in turns.
set -eu
serial=/run/lab/bench.serial

# by_hand CYCLES: what people do
by_hand()
{
	local i from

	for ((i = 0; i < $1; i++)); do
		from=$(stat -c %s "$serial" 2>/dev/null || echo 0)
		virsh -q start bench
		until tail -c +$((from + 1)) "$serial" | grep -q READY; do
			sleep 0.1
		done
		virsh -q destroy bench
		if dmesg | grep -E 'DMAR:.*fault|AMD-Vi: Event|AER:.*error|not ready .* after|vfio.*reset recovery'; then
			return 1
		fi
	done
}

# measure COMMAND...: "WALL CPU" seconds on standard output
measure()
{
	./timed "$@" 3>figures >out 2>&1 || { cat out >&2; return 1; }
	cut -d' ' -f1,2 figures
}

if [ "$1" = by-hand ]; then
	by_hand "$2"
	exit
fi
cycles=$1 rounds=$2
lab-libvirtd start
lab-domain bench >bench.xml
virsh -q define bench.xml >/dev/null
# The first start reads much from the disk: not of anybody's time.
./bare_loop qemu:///system bench 1 "$serial" READY >/dev/null

for ((round = 1; round <= rounds; round++)); do
	measure ./bare_loop qemu:///system bench "$cycles" "$serial" READY >bare
	measure vfio-stress run -q --db /root/bench.db qemu.yaml >program
	measure vfio-stress run -q one.yaml >one
	measure bash "$0" by-hand "$cycles" >hand
	paste -d' ' bare program one hand >>rounds
done
awk -v cycles="$cycles" '
	function median(v, n,  i, j, t)
	{
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
				t = v[j]
				v[j] = v[j - 1]
				v[j - 1] = t
			}
		return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
	}
	function figure(what, format, v)
	{
		printf "%-52s " format "\n", what, median(v, NR)
	}
	{
		bare[NR] = $1
		program[NR] = $3
		hand[NR] = $7
		ratio[NR] = $3 / $1
		fixed[NR] = $5 - $1 / cycles
		more[NR] = ($3 - $5) / (cycles - 1) * cycles / $1
		saved[NR] = $3 / $7
		bare_cpu[NR] = $2 / cycles * 1000
		cpu[NR] = ($4 - $6) / (cycles - 1) * 1000
		hand_cpu[NR] = $8 / cycles * 1000
		printf "round %d: bare %.1f s, vfio-stress %.1f s (one cycle alone %.1f s), by hand %.1f s\n",
			NR, $1, $3, $5, $7
	}
	END {
		figure("bare loop", "%.1f s", bare)
		figure("vfio-stress, whole run", "%.1f s", program)
		figure("virsh and dmesg | grep", "%.1f s", hand)
		figure("vfio-stress / bare loop, whole run (aim: 1.02)", "%.3f", ratio)
		figure("  once a run (set-up, tail of 2 s, report)", "%.2f s", fixed)
		figure("  each further cycle", "%.3f", more)
		figure("vfio-stress / virsh loop, whole run", "%.3f", saved)
		figure("processor time per cycle, bare loop", "%.0f ms", bare_cpu)
		figure("  vfio-stress", "%.0f ms", cpu)
		figure("  virsh and dmesg | grep", "%.0f ms", hand_cpu)
	}' rounds

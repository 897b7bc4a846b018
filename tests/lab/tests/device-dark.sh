#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device that falls silent while it is reset: the kernel tries for 70 s, asleep. The lane lives to
# tell, and a bound that is too short makes it a slow reset, not a dead lane.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Darkens the NVMe when its reset begins.
darkened_run()
{
	narrowed 0000:02:00.0 flr && dark 00:11.0 &
	exits 1 vfio-stress run dark.yaml
	wait
	light 00:11.0
	exits 0 vfio-stress report --format json
}

# silenced STEP REASON. An FLR lasts 100 ms: when the dark came behind its end, it is done again.
silenced()
{
	printf 'version: 1\nname: dark\nlanes: [{devices: ["0000:02:00.0"]}]\nsteps: [%s]\n' "$1" \
		> dark.yaml
	for _ in 1 2 3 4 5; do
		darkened_run
		grep -q '"reason":"device-unreadable"' out || break
	done
	says "\"reason\":\"$2\"" '"left":[]'
	vfio-stress report --format json > report.json
	holds '[.incidents[] | select(.severity == "error" or .severity == "fatal") |
			[.id, .severity, .bdf, .lane, .cycle, .step, .count]] ==
		[["pci.not-ready-timeout", "fatal", "0000:02:00.0", "0000:02:00.0", 1, "reset", 1]]'
}

silenced '{reset: flr}' reset-failed
says 'reads all ones'
silenced '{reset: {method: flr, timeout: 40s}}' slow-reset
[ "$(cat /sys/bus/pci/devices/0000:02:00.0/reset_method)" = 'flr bus' ] || fail "methods not put back"

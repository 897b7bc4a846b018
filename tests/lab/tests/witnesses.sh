#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Witnesses besides the kernel log: without tracefs, in a gap of the log, and after our own death.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:03:00.0 tracing=/sys/kernel/tracing

# holding NAME [TIME]: a run that does nothing with the device
holding()
{
	scenario "$1" <<X
lanes: [{name: rng, devices: [$device]}]
steps: [{hold: ${2:-6s}}]
X
	start_run "$1"
	within 60 in_step rng 1 hold
}

# total: of its counter of correctable errors; rises_to N
total()
{
	sed -n 's/^TOTAL_ERR_COR //p' /sys/bus/pci/devices/$device/aer_dev_correctable
}

rises_to()
{
	[ "$(total)" = "$1" ]
}

no_instances()
{
	[ -z "$(ls $tracing/instances)" ] || fail "left: $(ls $tracing/instances)"
}

# Tracefs is not mounted, nor below debugfs: said, and the counters are still there.
umount /sys/kernel/debug $tracing || fail "tracefs is in use"
holding untraced
aerinj $device cor 1
ends 0
mount -t tracefs tracefs $tracing
mount -t debugfs debugfs /sys/kernel/debug
holds '.verdict == "pass"' \
	'[.incidents[] | select(.id == "aer.bus-error") | .seen_by] == [["log", "counters"]]' \
	'[.blind_spots[] | select(test("tracefs is not mounted"))] | length == 1'
no_instances

# Two errors while nobody reads the log, and then more in it than it holds.
holding gap 10s
before=$(total)
trap 'kill -CONT "$run_pid" 2>/dev/null; clean_up' EXIT
kill -STOP "$run_pid"
aerinj $device cor 1
within 30 rises_to $((before + 1))
aerinj $device cor 40
within 30 rises_to $((before + 2))
kfault storm 7 - 20000 'nothing in particular'
kill -CONT "$run_pid"
if [ "$LAB_VARIANT" = intel ]; then
	ends 4
	holds '.klog.blind' '.klog.blind_reason | test("DMA faults are told in the log only")' \
		'[.blind_spots[] | select(test("^VT-d tells of DMA faults in the kernel log only"))] | length == 1'
else # AMD-Vi's are traced, and the device's errors are counted: the gap is covered
	ends 0
	holds '.verdict == "pass"' '.klog.blind | not' \
		'[.blind_spots[] | select(test("kernel log records were lost"))] | length == 1'
fi
holds '.klog.lost > 0' \
	"[.incidents[] | select(.id == \"aer.bus-error\") |
		[.severity, .bdf, .reporter, .lane, .cycle, .step, .count, .seen_by, .lines, .fields.bits]] ==
		[[\"warning\", \"$device\", \"0000:00:12.0\", \"rng\", 1, \"hold\", 2,
			[\"counters\", \"tracepoint\"], [], [\"RxErr\", \"BadTLP\"]]]" \
	'[.incidents[] | select(.id == "log.gap") | .seen_by] == [["log"]]' '.undo.left == []'
no_instances

# A DMA fault that the log does not tell.
if [ "$LAB_VARIANT" = amd ]; then
	holding fault
	kfault iofault $device 0xdead000
	ends 1
	holds "[.incidents[] | [.id, .severity, .bdf, .step, .seen_by, .fields.address, .fields.rw, .lines]] ==
		[[\"amdvi.io-page-fault\", \"error\", \"$device\", \"hold\", [\"tracepoint\"], \"0xdead000\", \"write\", []]]"
	no_instances
fi

# Killed: the instance is left, and undone.
holding killed 60s
[ "$(ls $tracing/instances)" = "vfio-stress-$run_id" ] || fail "instances: $(ls $tracing/instances)"
kill -KILL "$run_pid"
wait "$run_pid"
exits 0 vfio-stress undo
says "remove tracing instance vfio-stress-$run_id: done"
no_instances

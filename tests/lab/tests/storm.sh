#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A minute in which the kernel prints on all processors as fast as it can: lines of 1 KB, binary garbage,
# faults of devices. Meanwhile a guest is started, reset and destroyed, and its device reset.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
seconds=${STORM_SECONDS:-60}

# newest: the number of the kernel's newest record
newest()
{
	kmsgdump | awk -F '[,;]' '/^[0-9]+,[0-9]+,[0-9]+,/ { n = $2 } END { print n }'
}

# prints COUNT TEXT: so many at a time until it is time; how many in all to the file printed.PID
prints()
{
	local n=0

	while [ $EPOCHSECONDS -lt "$until" ]; do
		kfault storm 7 - "$1" "$2" || fail "kfault: $2"
		n=$((n + $1))
	done
	echo $n >"printed.$BASHPID"
}

# what is freed is kept by a sanitizer, to find who uses it still: that is not the run's memory
export ASAN_OPTIONS="${ASAN_OPTIONS-}:quarantine_size_mb=16"

# anon: KiB of memory of the supervisor's own
anon()
{
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$run_pid/status" 2>/dev/null
}

long=$(printf 'x%.0s' {1..990}) # of a line the kernel keeps 1 KB, less its prefix (LOG_LINE_MAX)
garbage=$(printf '\033[2J\001\377\200\\x41%.0s' {1..80})
fault='AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x1000 flags=0x0020]'

domain vm --devices 0000:02:00.0
scenario storm <<'X'
lanes: [{domain: vm, ready: {serial: READY, timeout: 120s}}]
steps: [start, vm-reset, destroy, {reset: {method: flr, if-offered: true}}]
repeat: {on-failure: continue, settle: 1s, until: {cycles: 4}}
X
modprobe kfault || fail "no kfault"
kfault 6 - "before"
before=$(newest)
start_run storm --db storm.db
within 120 in_step vm 1 start
until=$((EPOCHSECONDS + seconds))
prints 3000 "$long" &
jobs=$!
prints 3000 "$garbage" &
jobs+=" $!"
prints 3000 "vfio-pci 0000:41:00.0: $fault" &
jobs+=" $!"
most=0
while [ $EPOCHSECONDS -lt "$until" ]; do
	kfault 4 - 'amd_iommu_report_page_fault: 7 callbacks suppressed'
	kib=$(anon)
	[ "${kib:-0}" -le "$most" ] || most=$kib
	sleep 1
done
for job in $jobs; do
	wait "$job" || fail "a printer failed"
done
printed=$(awk '{ n += $1 } END { print n }' printed.*)
within 300 sees 'vm: 4 of 4 cycles done' out
ends 4
after=$(newest)
echo "$printed lines printed in $seconds s; $((after - before)) records; RssAnon at most $most KiB"
ls -l storm.db* report.json
jq -c '.klog, [.incidents[] | [.id, .count, .count_is_lower_bound]], .lanes[0].steps' report.json

# VT-d's faults are told in the log only: what was lost of it nobody else has seen.
holds '.verdict == "broken"' '.klog.blind' '.failures == []' '.undo.left == []' \
	'.lanes[0].cycles == {done: 4, failed: 0}' \
	"(.klog.records + .klog.lost) as \$all | \$all >= $printed and \$all <= $((after - before))" \
	'.klog.lost > 0' '[.incidents[] | select(.id == "log.gap")] | length > 0' \
	'[.incidents[] | select(.id == "amdvi.io-page-fault" and .count > 1000) | .count_is_lower_bound] |
		length > 0 and all' \
	'[.incidents[] | select(.id == "amdvi.io-page-fault") | .fields.count_suppressed // 0] | add >= 7'
# 64 MiB of records may wait for the disk; that it stays so for longer is tested outside of the lab
[ "$most" -gt 0 ] && [ "$most" -lt $((128 << 10)) ] || fail "memory: $most KiB"
[ "$(stat -c %s storm.db)" -lt $((192 << 20)) ] || fail "the store is large: $(ls -l storm.db)"
[ "$(stat -c %s report.json)" -lt $((1 << 20)) ] || fail "the report is large"
exits 0 vfio-stress undo --db storm.db
says "nothing is left to undo"

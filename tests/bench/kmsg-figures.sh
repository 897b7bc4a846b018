#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kmsg-figures.sh PROGRAM KMSG_LOAD seam|kernel BURST RATE...: for tests/bench/kmsg, on this machine or
# in the lab. `kernel`: the lab's kernel prints the faults itself (/dev/kfault); else they come through
# the pipe of --kmsg. BURST records come at once; the rates are tried in turn, until records are lost.
set -eu
program=$1 load=$2 way=$3 burst=$4
shift 4

work=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-bench.XXXXXX")
run=
trap '[ -z "$run" ] || kill "$run" 2>/dev/null; rm -rf "$work"' EXIT
sink=/dev/kfault
kmsg=()
if [ "$way" = seam ]; then
	sink=$work/kmsg
	kmsg=(--kmsg "$sink")
	mkfifo "$sink"
	exec 9<>"$sink" # it does not end when a writer does
else
	modprobe kfault
fi

cat >"$work/hold.yaml" <<X
version: 1
name: kmsg
connect: test:///default
lanes:
  - {domain: test, take-over: true, ready: {delay: 1ms}}
steps: [hold: 1h]
repeat: {until: {cycles: 1}}
X

figure()
{
	printf '%-58s %s\n' "$1" "$2"
}

# A run with a store of its own, that holds until end_run.
begin_run()
{
	rm -f "$work"/runs.db*
	"$program" run -q --db "$work/runs.db" ${kmsg[@]+"${kmsg[@]}"} "$work/hold.yaml" \
		>"$work/out" 2>&1 </dev/null 9>&- &
	run=$!
}

# Ends it, and sets stored and lost.
end_run()
{
	kill -TERM "$run" # a shell has its background jobs ignore SIGINT
	wait "$run" || true
	run=
	"$load" "$work/runs.db" - account >"$work/account"
	read -r stored lost <"$work/account"
}

# switches PID...: how often these have gone to sleep of themselves
switches()
{
	local pid

	for pid; do
		cat "/proc/$pid"/task/*/status
	done | awk '/^voluntary/ { n += $2 } END { print n }'
}

idle()
{
	local seconds=20 pids before after

	begin_run
	"$load" "$work/runs.db" "$sink" burst 1 >/dev/null # it is in its step then
	sleep 3
	read -r -a pids <<<"$run $(cat "/proc/$run/task/$run/children")"
	before=$(switches "${pids[@]}")
	sleep "$seconds"
	after=$(switches "${pids[@]}")
	figure "wake-ups of an idle run and its lane (aim: 2 a second)" \
		"$(awk "BEGIN { printf \"%.1f\", ($after - $before) / $seconds }") a second"
	end_run
}

# steady RATE SECONDS
steady()
{
	begin_run
	"$load" "$work/runs.db" "$sink" rate "$1" "$2" >"$work/took"
	read -r p50 p99 most written <"$work/took"
	end_run
}

idle
steady 1000 10
figure "record to stored incident at 1000 a second (aim: 10 ms)" \
	"p50 $p50 ms, p99 $p99 ms, at most $most ms"
figure "  written, stored, lost" "$written, $stored, $lost"
best=none
for rate; do
	steady "$rate" 3
	figure "at $rate a second: written, stored, lost" "$written, $stored, $lost"
	[ "$lost" = 0 ] || break
	best=$rate
done
figure "highest rate without a gap, of those tried" "$best a second"
begin_run
"$load" "$work/runs.db" "$sink" burst "$burst" >"$work/took"
read -r rate written <"$work/took"
end_run
figure "as fast as one writer can" "$rate records a second"
figure "  written, stored, lost" "$written, $stored, $lost"

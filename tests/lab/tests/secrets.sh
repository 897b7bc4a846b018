#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is in the environment is in no core file: not of the supervisor, nor of a lane; and the child that
# sends webhooks leaves none. For a program without sanitizers: those keep a copy of the environment, and
# their core files have terabytes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

HOOK=https://127.0.0.1:9/kept-out-of-cores-$RANDOM$RANDOM # nobody listens there
export HOOK
pattern=$(cat /proc/sys/kernel/core_pattern)
trap 'echo "$pattern" >/proc/sys/kernel/core_pattern; clean_up' EXIT
echo "$PWD/core.%p" >/proc/sys/kernel/core_pattern
ulimit -c unlimited

# child WORD: of the supervisor, the process with that command
child()
{
	local pid pids

	read -ra pids <"/proc/$run_pid/task/$run_pid/children"
	for pid in "${pids[@]}"; do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "^vfio-stress $1 " && echo "$pid"
	done
}

# has TEXT FILE...: one of these files has it somewhere. GNU grep: the lab's own is slow, and ends at a NUL.
has()
{
	/root/grep -aqsF -- "$@"
}

! has __asan_init "$(command -v vfio-stress)" || fail "this is a program with sanitizers"

# has_tried: the sender has had the secret in its hands
has_tried()
{
	has 'connect to server' runs.db*
}

scenario in-every-core <<'X'
lanes: [{name: rng, devices: ["0000:03:00.0"], steps: [{reset: flr}, {hold: 100s}]}]
report: [{webhook: {url: "${env:HOOK}", heartbeat: 1s}}]
X
start_run in-every-core --db runs.db
within 60 in_step rng 1 hold
within 60 has_tried
lane=$(child lane) sender=$(child deliver)
[ -n "$lane" ] && [ -n "$sender" ] || fail "not there: the lane '$lane' or the sender '$sender'"
! has "$HOOK" "/proc/$lane/environ" || fail "the secret is in the environment of $lane"
kill -ABRT "$sender" "$lane" "$run_pid"
wait "$run_pid" 2>/dev/null
for pid in "$sender" "$lane"; do
	within 30 test ! -e "/proc/$pid" # its core file is complete then
done
[ ! -e "core.$sender" ] || fail "the sender left a core file"
for pid in "$run_pid" "$lane"; do
	[ -s "core.$pid" ] || fail "no core file of $pid to look at"
	has in-every-core "core.$pid" || fail "the core file of $pid lacks what is in it"
	! has "$HOOK" "core.$pid" || fail "the secret is in the core file of $pid"
done
rm -f core.*
exits 0 vfio-stress undo --db runs.db

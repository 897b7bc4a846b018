# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# For tests of runs whose host dies: . boots.sh, behind lib.sh, with $fakehost and $failio.
nvme=0000:01:00.0

# new_host: the machine as a boot finds it; $boots counts them
boots=0
new_host()
{
	boots=$((boots + 1))
	[ -z "${player-}" ] || { kill "$player"; wait "$player" 2>/dev/null; }
	rm -rf pc/sys pc/dev pc/run pc.log
	"$fakehost" pc >pc.log <<-X &
	0000:00:01.0 secondary=1 driver=pcieport
	$nvme parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802 reset-ms=${1:-3000}
	0000:00:02.0 secondary=2 driver=pcieport
	0000:02:00.0 parent=0000:00:02.0 driver=nvme group=12 methods=flr,bus class=010802
	X
	player=$!
	wait_for ready pc.log
	mkdir -p pc/proc/sys/kernel/random pc/sys/fs/pstore pc/var/log
	printf '%08d-0000-4000-8000-000000000000\n' $boots >pc/proc/sys/kernel/random/boot_id
	echo box >pc/proc/sys/kernel/hostname
	echo '0.05 0.01' >pc/proc/uptime
	mkdir -p pc/etc
	echo 0123456789abcdef0123456789abcdef >pc/etc/machine-id
}

# scenario NAME MORE: a reset in two lanes
scenario()
{
	cat >"$1.yaml" <<-X
	version: 1
	name: $1
	lanes:
	  - {name: one, devices: ["$nvme"]}
	  - {name: two, devices: ["0000:02:00.0"], steps: [{hold: 50s}]}
	steps: [{reset: flr}, {hold: 10ms}]
	repeat: {until: {cycles: 3}, on-failure: continue}
	report: [{json: run.json}]
	$2
	X
}

# start_run NAME: $run_pid is the supervisor
start_run()
{
	: >err
	"$program" run "$1.yaml" -v --db runs.db --kmsg kmsg --root pc >out 2>err </dev/null &
	run_pid=$!
	wait_for 'has begun' err
}

# await_reset CYCLE: until that cycle's reset is in the kernel
await_reset()
{
	in_step one "$1" reset
	for _ in $(seq 1000); do
		[ "$(cat pc/sys/bus/pci/devices/$nvme/reset_method)" = flr ] && return
		sleep 0.02
	done
	wrong 'the reset does not begin'
}

# await_stored LANE [RUNS]: until the beginning of a step of that lane is in the store, of each of so many of
# the newest runs. It is no disruptive one, so nobody waits for that, and what kills the run may come first.
await_stored()
{
	python3 -c 'import sqlite3, sys, time
STEP_BEGIN = 7  # include/model/event.h
db = sqlite3.connect("file:runs.db?mode=ro", uri=True)
end = time.monotonic() + 20
lane, runs = map(int, sys.argv[1:])
while db.execute("""SELECT count(DISTINCT run) FROM event WHERE kind = ? AND lane = ?
		AND run > (SELECT max(key) FROM run) - ?""", (STEP_BEGIN, lane, runs)).fetchone()[0] < runs:
	time.sleep(0.02)
	if time.monotonic() > end:
		sys.exit(1)' "$1" "${2-1}" || wrong "no step of lane $1 is in the store"
}

# ours: the processes of runs of this test
ours()
{
	local pid

	for pid in $(pgrep -x vfio-stress); do
		[ ! "/proc/$pid/cwd" -ef "$dir" ] || echo "$pid"
	done
}

# await_heartbeat: until one is in the store that came a second into the last step
await_heartbeat()
{
	python3 -c 'import sqlite3, sys, time
db = sqlite3.connect("file:runs.db?mode=ro", uri=True)
end = time.monotonic() + 20
while not db.execute("""SELECT alive_ns > 1000000000 + (SELECT max(wall_ns) FROM event WHERE run = key)
		FROM run ORDER BY key DESC LIMIT 1""").fetchone()[0]:
	time.sleep(0.02)
	if time.monotonic() > end:
		sys.exit(1)' || wrong 'no heartbeat is in the store'
}

# host_dies: all of it at one moment
host_dies()
{
	local lanes

	lanes=$(pgrep -P "$run_pid" -f 'vfio-stress lane')
	# shellcheck disable=SC2086
	kill -KILL "$run_pid" $lanes
	wait "$run_pid" 2>/dev/null
}

# resume: like `run` of lib.sh. It goes to where each run was started
resume()
{
	code=0
	rm -f run.json
	"$program" resume -v --db runs.db --kmsg "$dir/kmsg" --root "$dir/pc" >out 2>err </dev/null || code=$?
}

# mark NUMBER: the run's own line in the kernel's log, as that has it
mark()
{
	echo "vfio-stress $(sed -n 's/.*: run \(.*\) has begun$/\1/p' err) one cycle 1 reset #$1"
}

# copies: of stores that could not be written
copies()
{
	ls pc/run/vfio-stress/spare/ 2>/dev/null
}

# resume_refused NAME=VALUE... -- OPTIONS: the same on a disk that refuses (tests/shim/failio.c)
resume_refused()
{
	local faults=()

	while [ "$1" != -- ]; do
		faults+=("FAILIO_$1")
		shift
	done
	shift
	code=0
	rm -f run.json
	head -c 40 /dev/zero >state
	env LD_PRELOAD="$failio" FAILIO_FILE="$dir/runs.db" FAILIO_STATE="$dir/state" "${faults[@]}" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
		"$program" resume -v --db runs.db --kmsg kmsg --root pc "$@" >out 2>err </dev/null || code=$?
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# side_by_side.sh PROGRAM FAKEHOST: two runs whose host has died, and which go on side by side.
set -u
program=${1:?usage: side_by_side.sh PROGRAM FAKEHOST}
fakehost=${2:?usage: side_by_side.sh PROGRAM FAKEHOST}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=boots.sh
. "$(dirname "$0")/boots.sh"

scenario go 'on-host-crash: continue
max-host-crashes: 3
cool-down: 100ms'
sed -i 's/{hold: 50s}/{hold: 10ms}/' go.yaml

# two runs of one host, begun in two folders: they go on side by side, and each reports where it belongs
mkdir elsewhere
for lane in one two; do
	sed "/name: $lane/d; s/{hold: 50s}/{hold: 10ms}/; s/run.json/pair.json/; s/{hold: 10ms}\]/{hold: 1s}]/; s/cycles: 3/cycles: 5/" \
		go.yaml >"not-$lane.yaml"
done

# two_die: both of them are run, and then their host is another one
two_die()
{
	local runs

	new_host 700
	(cd elsewhere && exec "$program" run ../not-one.yaml --db ../runs.db --kmsg ../kmsg --root "$dir/pc") \
		>out.other 2>err.other </dev/null &
	runs=$!
	wait_for 'has begun' err.other
	start_run not-two
	runs="$runs $run_pid"
	in_step one 1 hold
	await_stored 0 2
	for run_pid in $runs; do
		host_dies
	done
	new_host 100
}

two_die
resume
expect 1 'goes on' 'two runs'
python3 - <<'X' || wrong 'two runs of one host go on at the same time'
import sqlite3
HOST_DIED = 21  # include/model/event.h
spans = sqlite3.connect("runs.db").execute("""SELECT min(e.wall_ns), max(e.wall_ns) FROM event e,
	(SELECT run, max(id) AS died FROM event WHERE kind = ? GROUP BY run ORDER BY run DESC LIMIT 2) d
	WHERE e.run = d.run AND e.id > d.died GROUP BY e.run""", (HOST_DIED,)).fetchall()
assert len(spans) == 2 and max(s[0] for s in spans) < min(s[1] for s in spans), spans
X
python3 - <<'X' || wrong 'two runs of one host report each where it was begun'
import json
for file, lane in ("pair.json", "one"), ("elsewhere/pair.json", "two"):
	assert [l["name"] for l in json.load(open(file))["lanes"]] == [lane], file
X

# one of them hangs: that ends it, as the service's watchdog would; not the other one
two_die
: >err
(
	in_step one 2 hold
	kill -STOP "$(pgrep -P "$(pgrep -P $$ -f 'resume -v --db')" -f 'resume -v' | tail -n 1)"
) &
WATCHDOG_USEC=5000000 resume
wait $!
expect 5 '^vfio-stress: run .* hangs: its process [0-9]* is killed' 'one of two runs that hangs'
grep -q '^FAIL' out || wrong 'the other one goes on to its end'
resume
expect 1 'tool died: its process [0-9]* is gone' 'the run that hung is ended by the next'
resume
expect 0 '^nothing to resume' 'and then none is left'

exit $bad

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# resume.sh PROGRAM FAKEHOST FAILIO.SO: runs whose host dies, in a machine made of files: its boot id, its pstore
# and its logs are files too.
set -u
program=${1:?usage: resume.sh PROGRAM FAKEHOST FAILIO.SO}
fakehost=${2:?usage: resume.sh PROGRAM FAKEHOST FAILIO.SO}
failio=${3:?usage: resume.sh PROGRAM FAKEHOST FAILIO.SO}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=boots.sh
. "$(dirname "$0")/boots.sh"

# --- a panic in a reset, with last words in pstore

new_host 8000
scenario report ''
start_run report
printf '6,100,1000000,-;a harmless line\n' >&7
await_reset 2
await_heartbeat
resume
expect 3 'is running (process' 'a run that is alive is left alone'
host_dies
new_host
cat >pc/sys/fs/pstore/dmesg-erst-7 <<X
Panic#1 Part1
<6>[    1.000000] a harmless line
<3>[    2.100000] pcieport 0000:00:01.0: AER: Uncorrected (Fatal) error message received from $nvme
<0>[    2.500000] Kernel panic - not syncing: Fatal hardware error!
X
: >pc/proc/vmcore
resume
expect 3 'the kernel that saves the dump' 'nothing is done in the kernel of kdump'
run report --root pc
expect 3 'the kernel that saves the dump' 'nor is anything begun'
rm pc/proc/vmcore
resume
expect 1 'host died in lane one, cycle 2, step reset, [0-9]*.[0-9] seconds in; its kernel said: Kernel panic' \
	'a panic in a reset'
expect 1 "^FAIL: $nvme" 'the verdict names the device'
holds 'r["exit_code"] == 1 and r["verdict"] == "fail" and r["undo"]["left"] == []' 'the report is delivered'
holds '[(f["lane"], f["cycle"], f["step"], f["step_index"], f["device"], f["outcome"], f["reason"]) for f in r["failures"]] == [("one", 2, "reset", 0, "'$nvme'", "fail", "host-died")]' \
	'the step is named'
holds 'l["verdict"] == "fail" and r["lanes"][1]["verdict"] == "aborted"' 'and its lane, not the other'
holds 'l["cycles"] == {"done": 1, "failed": 0}' 'the cycle that was cut off is in neither count'
holds '[(i["id"], i["bdf"], i["lane"], i["step"]) for i in r["incidents"] if i["id"] == "host.died"] == [("host.died", "'$nvme'", "one", "reset")]' \
	'the incident names the device'
holds '"host.panic" in [i["id"] for i in r["incidents"]]' 'what the kernel said is read by the rules'
holds 'any("dmesg-erst-7 (2 lines)" in t for i in r["incidents"] if i["id"] == "host.died" for t in i["fields"]["evidence"])' \
	'only what is news is taken'
resume
expect 0 'nothing to resume' 'it is done once'

# --- the clock was set an hour back within the step: how long it took is known all the same

new_host 8000
start_run report
await_reset 1
printf '14,150,3000000,-;%s\n' "$(mark 1)" >&7
await_heartbeat
marker=$(mark 1)
host_dies
new_host
python3 -c 'import sqlite3
db = sqlite3.connect("runs.db")
db.execute("UPDATE run SET alive_ns = alive_ns - 3600000000000 WHERE key = (SELECT max(key) FROM run)")
db.commit()'
resume
expect 1 'cycle 1, step reset, [1-9][0-9]*.[0-9] seconds in' 'a clock that was set back'
holds '[i["fields"]["last_marker"] for i in r["incidents"] if i["id"] == "host.died"] == ["'"$marker"'"]' \
	'the last marker is shown'

# --- nor by a clock that was not set can be told what no heartbeat has seen

start_run report
await_reset 1
await_stored 1
host_dies
new_host
python3 -c 'import sqlite3
db = sqlite3.connect("runs.db")
db.execute("UPDATE run SET alive_ns = started_ns, alive_mono_ns = NULL WHERE key = (SELECT max(key) FROM run)")
db.commit()'
resume
expect 1 'host died in lane one, cycle 1, step reset, less than 2 seconds in; its kernel' \
	'a step that began after the last heartbeat'
holds '[(i["fields"]["last_heartbeat"], i["fields"]["last_marker"]) for i in r["incidents"] if i["id"] == "host.died"] == [(r["run"]["started"], None)]' \
	'the last heartbeat is shown, and that there was no marker'

# --- the store cannot be written at that boot: what is known is told all the same, and tried again

new_host
start_run report
await_reset 1
host_dies
new_host
resume_refused FROM=1 KINDS=write ERRNO=28 -- --retry 0s
expect 5 'host died in lane one, cycle 1, step reset' 'a disk that is full names the suspect'
grep -q "No space left on device" err || wrong "and says what is wrong: $(cat err)"
holds 'r["verdict"] == "fail" and [(f["lane"], f["reason"], f["device"]) for f in r["failures"]] == [("one", "host-died", "'$nvme'")]' \
	'the report is made from memory'
holds 'any("the store could not be written" in t and "No space" in t for t in r["blind_spots"])' 'and says so'
resume_refused FROM=12 KINDS=write ERRNO=5 -- --retry 0s
expect 5 'host died in lane one, cycle 1, step reset' 'a disk that fails later'
holds 'r["verdict"] == "fail"' 'also has a report'
resume_refused FROM=1 KINDS=write,open ERRNO=30 -- --retry 0s
expect 5 'host died in lane one, cycle 1, step reset' 'a disk that is read-only'
grep -q 'vfio-stress: use .*runs.db: attempt to write a readonly' err || wrong "and says so: $(cat err)"
holds 'r["verdict"] == "fail" and [(f["lane"], f["reason"], f["device"]) for f in r["failures"]] == [("one", "host-died", "'$nvme'")]' \
	'has its report all the same'
holds 'any("the store could not be written" in t for t in r["blind_spots"])' 'which says so'
[ "$(copies | wc -l)" = 1 ] || wrong "there is one copy of the store for all these tries: $(copies)"
[ "$(stat -c %a pc/run/vfio-stress/spare pc/run/vfio-stress/spare/*.db | xargs)" = '700 600' ] || wrong 'it is private'
resume_refused FROM=1 COUNT=4 KINDS=write ERRNO=5 -- --retry 60s
expect 1 'host died in lane one, cycle 1, step reset' 'a disk that comes back'
[ "$(grep -c '^run .*: host died in lane one' out)" = 2 ] || wrong "said at the first try and at the last: $(cat out)"
holds 'r["verdict"] == "fail" and not any("could not be written" in t for t in r["blind_spots"])' \
	'its report is as if it had always been there'
resume
expect 0 'nothing to resume' 'and it is in the store'
[ -z "$(copies)" ] || wrong "its copy is gone: $(copies)"

# no place for a copy: what can be read is reported, and that nobody else is told is said
new_host
start_run report
await_reset 1
host_dies
new_host
mkdir -p pc/run
: >pc/run/vfio-stress
resume_refused FROM=1 KINDS=write ERRNO=28 -- --retry 0s
expect 5 'webhooks cannot be told: mkdir' 'a copy that has no place'
holds 'r["verdict"] == "fail" and any("the store could not be written" in t for t in r["blind_spots"])' \
	'the report is made without it'

rm pc/run/vfio-stress

# a file system that is read-only, with and without what SQLite leaves beside a store that was in use
# shellcheck disable=SC2016
mount_read_only='mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
if ! unshare -m sh -c "$mount_read_only" "$dir/pc" true 2>/dev/null; then
	echo 'not tried: a file system that is really read-only (no right to mount one)'
else
	for parts in 'runs.db runs.db-wal' 'runs.db runs.db-wal runs.db-shm'; do
		rm -rf shelf run.json
		mkdir shelf
		# shellcheck disable=SC2086
		cp $parts shelf
		code=0
		unshare -m sh -c "$mount_read_only" "$dir/shelf" "$program" report --db shelf/runs.db >out 2>err \
			</dev/null || code=$?
		expect 0 '^ABORTED' "a report of $parts"
		code=0
		# shellcheck disable=SC2016
		unshare -m sh -c 'mount -t tmpfs -o size=64k tmpfs pc/run && eval "$1" && exec "$2" resume --db shelf/runs.db \
			--kmsg kmsg --root pc --retry 0s' "$dir/shelf" "${mount_read_only%&& exec*}" "$program" >out 2>err \
			</dev/null || code=$?
		expect 5 'webhooks cannot be told: a copy of .*shelf/runs.db needs [0-9]* KiB' 'a copy that has no room'
		code=0
		unshare -m sh -c "$mount_read_only" "$dir/shelf" "$program" resume -v --db shelf/runs.db --kmsg kmsg \
			--root pc --retry 0s >out 2>err </dev/null || code=$?
		expect 5 'host died in lane one, cycle 1, step reset' "read-only, of a store with $parts"
		holds 'r["verdict"] == "fail" and any("the store could not be written" in t for t in r["blind_spots"])' \
			"the report of $parts"
		code=0
		unshare -m sh -c "$mount_read_only" "$dir/shelf" "$program" resume --run nosuch --db shelf/runs.db \
			--kmsg kmsg --root pc --retry 0s >out 2>err </dev/null || code=$?
		expect 5 "no run .*nosuch" 'a run that is not there'
		"$program" resume -v --db shelf/runs.db --kmsg kmsg --root pc >out 2>err </dev/null && wrong "it passed"
		holds 'r["verdict"] == "fail" and not any("could not be written" in t for t in r["blind_spots"])' \
			'and then it can be written'
		[ -z "$(copies)" ] || wrong "the copy of $parts is gone: $(copies)"
	done
fi
resume
expect 1 'host died in lane one, cycle 1, step reset' 'a disk that was read-only or full'

# --- a host that is called otherwise at that boot; and one that is another

new_host
start_run report
await_reset 1
host_dies
new_host
echo localhost >pc/proc/sys/kernel/hostname
cp pc/etc/machine-id id
echo fedcba9876543210fedcba9876543210 >pc/etc/machine-id
resume
expect 3 "was made on host 'box', and this is 'localhost'" 'a run of another host is left alone'
mv id pc/etc/machine-id
resume
expect 1 'host died in lane one' 'a host may have another name, and is known by its machine-id'

# --- killed between its judgement and its report: the report is made all the same

start_run report
await_reset 1
host_dies
new_host
: >out
"$program" resume --db runs.db --kmsg kmsg --root pc >out 2>err </dev/null
rm run.json
python3 -c 'import sqlite3
db = sqlite3.connect("runs.db")
db.execute("UPDATE run SET reports_due = 1 WHERE key = (SELECT max(key) FROM run)")
db.commit()'
resume
expect 1 'has ended, but its reports were not written' 'reports that were not written'
holds 'r["verdict"] == "fail"' 'are made by the next one'
resume
expect 0 'nothing to resume' 'once'

# --- no last words: it is said. Then the tool alone dies

new_host
start_run report
await_reset 1
host_dies
new_host
resume
expect 1 'its kernel left no last words' 'a power cut leaves nothing'
holds 'any("why the host died is not known" in t for t in r["blind_spots"])' 'and that is a blind spot'
start_run report
await_reset 1
await_stored 1
[ "$(ours | wc -l)" -ge 3 ] || wrong "not a run with two lanes: $(ours)"
kill -KILL "$run_pid" # its lanes are still at what they do, and end by themselves
wait "$run_pid" 2>/dev/null
resume
left=$(ours)
[ -z "$left" ] || wrong "of the dead run there still is: $(ps -o pid=,args= -p "${left//$'\n'/,}")"
expect 4 'tool died' 'without a reboot the tool died'
holds 'r["verdict"] == "broken" and r["exit_code"] == 4' 'such a run is broken'
holds '[(f["reason"], f["outcome"]) for f in r["failures"]] == [("tool-died", "broken"), ("tool-died", "broken")]' \
	'as are its open steps'
holds 'r["undo"]["left"] == []' 'and all is put back'
[ "$(cat pc/sys/bus/pci/devices/$nvme/reset_method)" = 'flr bus' ] || wrong 'its reset methods are as they were'

# --- on-host-crash: continue: the next cycle, under the same id, until there were too many

scenario go 'on-host-crash: continue
max-host-crashes: 3
cool-down: 100ms'
sed -i 's/{hold: 50s}/{hold: 10ms}/' go.yaml
new_host 3000
start_run go
id=$(sed -n 's/.*: run \(.*\) has begun$/\1/p' err)
await_reset 1
in_step two 3 hold
sleep 0.5 # it ends
host_dies
new_host 700
resume
expect 1 "run $id goes on" 'it goes on'
holds 'r["run"]["id"] == "'"$id"'"' 'under its id'
holds 'l["cycles"] == {"done": 2, "failed": 0} and row["cycle", "reset"]["count"] == 3' 'with the next cycle'
holds 'r["lanes"][1]["cycles"] == {"done": 3, "failed": 0}' 'a lane that was done is not begun again'
holds '[f["reason"] for f in r["failures"]] == ["host-died"] and r["undo"]["left"] == []' 'the crash is its one failure'
holds '[i["id"] for i in r["incidents"]] == ["host.died"]' 'and its incident is kept'

# what was tolerated before the host died, and in its last words, is spent
corrected="nvme $nvme: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)"
{
	sed 's/cycles: 3/cycles: 2/; s/cool-down: .*/cool-down: 2s/' go.yaml
	echo 'tolerate: [{fault: aer.correctable, count: 2}]'
} >budgets.yaml
new_host 8000
start_run budgets
printf '4,200,6000000,-;%s\n' "$corrected" >&7
await_reset 1
await_heartbeat
marker=$(mark 8)
host_dies
new_host 700
printf 'Panic#1 Part1\n<4>[    7.100000] %s\n<6>[    7.200000] %s\n<0>[    7.500000] Kernel panic - not syncing: x\n' \
	"$corrected" "$marker" >pc/sys/fs/pstore/dmesg-erst-8
: >err
(
	wait_for 'one cycle 2: reset' err
	printf '4,201,8000000,-;%s\n' "$corrected" >&7
) &
resume
wait $!
expect 1 'goes on' 'a run with a budget goes on'
holds 'sorted((i["count"], i["tolerated"]) for i in r["incidents"] if i["id"].startswith("aer")) == [(1, False), (1, True), (1, True)]' \
	'the third one of two is over the budget'
grep -q 'over its budget (3 seen, 2 allowed)' err || wrong 'all three are counted'
holds '[i["fields"]["last_marker"] for i in r["incidents"] if i["id"] == "host.died"] == ["'"$marker"'"]' \
	'the last marker is the one of the last words'
python3 - <<'X' || wrong 'the next cycle waits for the cool-down'
import sqlite3
HOST_DIED, STEP_BEGIN = 21, 7  # include/model/event.h
died, begun = sqlite3.connect("runs.db").execute("""SELECT d.mono_ns, (SELECT min(mono_ns) FROM event
	WHERE run = d.run AND id > d.id AND kind = ?) FROM event d WHERE kind = ? ORDER BY id DESC LIMIT 1""",
	(STEP_BEGIN, HOST_DIED)).fetchone()
assert begun - died >= 2000000000, begun - died
X

# between two cycles; and what is relative is so to where the run was started
sed 's/cycles: 3}/&, settle: 50s/; s/^on-host-crash.*//' go.yaml >rests.yaml
start_run rests
wait_for 'one cycle 1: reset' err
wait_for 'one cycle 1: hold' err
sleep 1
host_dies
new_host 700
mkdir -p elsewhere
code=0
rm -f run.json
(cd elsewhere && exec "$program" resume --db ../runs.db --kmsg ../kmsg --root "$dir/pc") >out 2>err \
	</dev/null || code=$?
expect 1 'host died in lane one, cycle 1, between two steps' 'a host that dies between two cycles'
holds '("one", 1, "between", None) in [(f["lane"], f["cycle"], f["step"], f["step_index"]) for f in r["failures"]]' \
	'is a failure between two steps'

# a log rule of the site's that is gone at that boot
{
	cat go.yaml
	echo 'faults: [site.yaml]'
} >site-rules.yaml
cat >site.yaml <<'X'
rules:
- id: site.x
  severity: warning
  prefix: none
  pattern: '^site thing happened'
  meaning: m
  advice: a
  samples: ['site thing happened']
X
new_host 700
start_run site-rules
await_reset 1
host_dies
new_host 700
rm site.yaml
resume
expect 1 'goes on' 'a run whose rule file is gone goes on'
holds 'r["run"]["scenario"] == "go" and any("log rules" in t and "built-in" in t for t in r["blind_spots"])' \
	'which is a blind spot of its report'

# a host that dies over and over: the third time ends it
sed -i 's/cycles: 3/cycles: 100/' go.yaml
new_host 700
start_run go
for crash in 1 2; do
	await_reset "$crash"
	host_dies
	new_host 700
	: >err
	"$program" resume -v --db runs.db --kmsg kmsg --root pc >out 2>err </dev/null &
	run_pid=$!
done
await_reset 3
host_dies
new_host 700
resume
expect 1 'max-host-crashes. is reached' 'a crash loop ends by itself'
holds '[(f["cycle"], f["reason"]) for f in r["failures"] if f["lane"] == "one"] == [(1, "host-died"), (2, "host-died"), (3, "host-died")]' \
	'each crash is a failure of its own'
holds 'len([i for i in r["incidents"] if i["id"] == "host.died"]) == 3' 'and an incident of its own'

# a device that did not come back
start_run go
await_reset 1
host_dies
new_host 700
rm -rf pc/sys/bus/pci/devices/$nvme
resume
expect 1 'no device here is' 'a device that is gone after the crash'
holds 'r["verdict"] == "fail" and l["reason"] != ""' 'the run ends, and says why'

exit $bad

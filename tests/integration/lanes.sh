#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lanes.sh PROGRAM FAKEHOST: several lanes with devices, in a machine made of files.
set -u
program=${1:?usage: lanes.sh PROGRAM FAKEHOST}
fakehost=${2:?usage: lanes.sh PROGRAM FAKEHOST}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# machine NAME: makes one in NAME of the devices on standard input
machine()
{
	"$fakehost" "$1" <&0 >"$1.log" &
	wait_for ready "$1.log"
}

# scenario NAME: writes NAME.yaml from what follows the first two lines
scenario()
{
	{
		printf 'version: 1\nname: %s\n' "$1"
		cat
	} >"$1.yaml"
}

# lane_of SCENARIO N: the process of the N-th lane of a run
lane_of()
{
	pgrep -P "$(pgrep -P $$ -f "run $1.yaml")" -f "lane --index $2"
}

# attr MACHINE BDF NAME: what it says
attr()
{
	cat "$1/sys/bus/pci/devices/$2/$3"
}

driver_of()
{
	basename "$(readlink "$1/sys/bus/pci/devices/$2/driver")"
}

# await_attr MACHINE BDF NAME TEXT: until it says that, 20 s at most
await_attr()
{
	local until=$((EPOCHSECONDS + 20))

	while [ "$(attr "$1" "$2" "$3")" != "$4" ]; do
		[ $EPOCHSECONDS -lt $until ] || return 1
		sleep 0.02
	done
}

nvme=0000:01:00.0

# fifo_machine NAME: one whose first device's reset does not return, because nobody reads its file
fifo_machine()
{
	machine "$1" <<-'X'
	0000:00:01.0 secondary=1 driver=pcieport
	0000:01:00.0 parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802
	0000:00:02.0 secondary=2 driver=pcieport
	0000:02:00.0 parent=0000:00:02.0 driver=nvme group=12 methods=flr,bus class=010802
	X
	rm "$1/sys/bus/pci/devices/$nvme/reset"
	mkfifo "$1/sys/bus/pci/devices/$nvme/reset"
}

# processes_of MACHINE: lanes, and what they have started
processes_of()
{
	pgrep -f "^vfio-stress lane .*--root ([^ ]*/)?$1 "
}

# as_found MACHINE: its device is
as_found()
{
	[ "$(driver_of "$1" $nvme)" = nvme ] || wrong "$1: its driver is $(driver_of "$1" $nvme)"
	[ "$(attr "$1" $nvme reset_method)" = 'flr bus' ] || wrong "$1: methods: $(attr "$1" $nvme reset_method)"
}

# until_gone SECONDS MACHINE: false when there still are processes of it then
until_gone()
{
	local until=$((EPOCHSECONDS + $1))

	while processes_of "$2" >/dev/null; do
		[ $EPOCHSECONDS -lt $until ] || return 1
		sleep 0.1
	done
}

# what follows takes longer than a lane waits that hangs without its supervisor
ORPHAN_S=20 # include/engine/orphan.h
fifo_machine orphan
scenario orphan <<X
lanes: [{name: one, devices: ["$nvme"]}]
steps: [{reset: {method: flr, timeout: 100s}}]
X
mkfifo orphan.kmsg
exec 8<>orphan.kmsg
"$program" run orphan.yaml --root orphan --db orphan.db --kmsg orphan.kmsg >orphan.out 2>&1 &
await_attr orphan $nvme reset_method flr || wrong 'its reset does not begin'
sleep 0.2 # narrowed, it opens the file next
kill -KILL $!
processes_of orphan >/dev/null || wrong 'no process is in that reset'

machine two <<'X'
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802 reset-ms=700
0000:00:02.0 secondary=2 driver=pcieport
0000:02:00.0 parent=0000:00:02.0 driver=nvme group=12 methods=flr,bus class=010802
X

# a process that dies in a reset leaves a narrowed reset_method and a device without its driver
scenario heir <<X
lanes:
  - {name: one, devices: ["$nvme"]}
  - {name: two, devices: ["0000:02:00.0"], steps: [{reset: flr}]}
steps: [{reset: flr}, {hold: 10ms}, check]
repeat: {until: {cycles: 2}, on-failure: continue}
X
: >err
(
	wait_for 'has begun' err
	await_attr two $nvme reset_method flr
	kill -KILL "$(lane_of heir 0)"
) &
run heir --root two --report json:run.json
wait $!
expect 4 'another process goes on' 'a process that dies in a reset'
holds 'l["cycles"] == {"done": 2, "failed": 1}' 'its heir goes on'
holds 'row["cycle", "check"]["skipped"] == 1 and row["cycle", "reset"]["count"] == 2' 'step by step'
holds 'r["lanes"][1]["verdict"] == "pass"' 'the other lane does not mind'
holds 'r["undo"]["left"] == []' 'and all is put back'
as_found two

# the heir compares with what the device looked like when the run began
: >err
(
	wait_for 'has begun' err
	await_attr two $nvme reset_method flr
	kill -KILL "$(lane_of heir 0)"
	echo 1 >two/sys/bus/pci/devices/$nvme/current_link_width
) &
run heir --root two --report json:run.json
wait $!
expect 1 'link width is x1, was x16' 'a device that changed when the process died'
holds 'row["cycle", "check"]["failed"] == 1' 'is found by the next check'

# ---- refused before anything is touched ----

# untouched MACHINE BDF DRIVER: nobody has begun to take it
untouched()
{
	[ "$(driver_of "$1" "$2")" = "$3" ] || wrong "driver of $2: $(driver_of "$1" "$2")"
	[ "$(attr "$1" "$2" driver_override)" = '(null)' ] || wrong "$2 has an override"
}

machine dark <<'X'
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802
0000:00:02.0 secondary=2 driver=pcieport
0000:02:00.0 parent=0000:00:02.0 driver=nvme group=12 methods=flr,bus class=010802
0000:00:03.0 secondary=3 driver=pcieport
0000:03:01.0 parent=0000:00:03.0 driver=nvme group=13 methods=flr,bus class=010802
0000:03:02.0 parent=0000:00:03.0 driver=nvme group=14 methods=flr class=010802
X
head -c 256 /dev/zero | tr '\0' '\377' >dark/sys/bus/pci/devices/$nvme/config
run heir --root dark
expect 3 "refused: one: $nvme is dark: its config space reads all ones" 'a dark device'
grep -q '^  hint: is its power on' err || wrong 'what to do about a dark device is not said'
untouched dark $nvme nvme
untouched dark 0000:02:00.0 nvme
code=0
"$program" check heir.yaml --root dark >out 2>err || code=$?
expect 0 "^would be refused: lane one: $nvme is dark" 'check of a dark device'

rm dark/sys/bus/pci/devices/$nvme
run heir --root dark
expect 3 "refused: one: no device here is '$nvme'" 'a device that is not there'
untouched dark 0000:02:00.0 nvme

scenario reach <<'X'
lanes:
  - {name: left, devices: ["0000:03:01.0"], steps: [{reset: bus}]}
  - {name: right, devices: ["0000:03:02.0"], steps: [{reset: flr}]}
X
too_far="line 4, reset: bus: on 0000:03:01.0 of lane 'left' it would disturb 0000:03:02.0 of lane 'right'"
run reach --root dark
expect 3 "refused: right: $too_far" 'a reset that reaches another lane'
untouched dark 0000:03:01.0 nvme
code=0
"$program" check reach.yaml --root dark --strict >out 2>err || code=$?
expect 3 "^would be refused: lane right: $too_far" 'check of a reset that reaches another lane'

# budgets: of a device, within a window, until a day
scenario budgets <<X
lanes:
  - {name: one, devices: ["$nvme"]}
  - {name: two, devices: ["0000:02:00.0"]}
steps: [{hold: 4s}]
tolerate:
  - {fault: dmar.*, count: 1, device: "$nvme"}
  - {fault: aer.correctable, count: 2, per: 1s, expires: $(date -u +%F)}
  - {fault: vfio.*, count: 9, expires: $(date -u -d yesterday +%F)}
X
seq=5000

# kernel DELAY LEVEL TEXT: after that many seconds of the run that has begun
kernel()
{
	sleep "$1"
	seq=$((seq + 1))
	printf '%d,%d,%d,-;%s\n' "$2" $seq $((seq * 1000)) "$3" >&7
}

dma_fault='DMAR: [DMA Write NO_PASID] Request device [%s] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set'
corrected="nvme $nvme: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)"
# shellcheck disable=SC2059
on_one=$(printf "$dma_fault" 01:00.0) on_two=$(printf "$dma_fault" 02:00.0)

: >err
(
	wait_for 'has begun' err
	kernel 0.2 3 "$on_one"
	for _ in 1 2 3; do
		kernel 1.1 4 "$corrected"
	done
) &
run budgets --root two --report json:run.json
wait $!
expect 0 "this budget has expired and is ignored" 'an expired budget is said to be ignored'
holds 'sorted(i["tolerated"] for i in r["incidents"]) == [True, True]' 'what budgets allow is tolerated'
holds '[i["count"] for i in r["incidents"] if i["id"][:3] == "aer"] == [3]' 'never more than two in a second'

seq=6000
: >err
(
	wait_for 'has begun' err
	for _ in 1 2 3; do
		kernel 0.1 4 "$corrected"
	done
) &
run budgets --root two --report json:run.json
wait $!
expect 1 'over its budget (3 seen, 2 allowed within 1s)' 'three in a second are too many'

seq=7000
: >err
(
	wait_for 'has begun' err
	kernel 0.2 3 "$on_two"
) &
run budgets --root two --report json:run.json
wait $!
expect 1 '^FAIL: 0000:02:00.0' "another device's fault is not in the budget"
holds '[(l["verdict"], l["cycles"]["failed"]) for l in r["lanes"]] == [("pass", 0), ("fail", 1)]' \
	'and fails its lane alone'

# the machine is kept with each run; what is not as it was at the last one is said
machine later <<'X'
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802
X
scenario later <<X
lanes: [{name: one, devices: ["$nvme"]}]
steps: [check]
X
rm -f runs.db*
mkdir -p later/proc && echo 'quiet rd.iscsi.password=HUSH' >later/proc/cmdline
run later --root later
expect 0 'verdict\|PASS' 'a first run'
grep -q 'has changed' out err && wrong 'a first run has nothing to compare with'
run later --root later
expect 0 PASS 'a second run'
grep -q 'has changed' out err && wrong 'a machine that is as it was has changed'
echo bus >later/sys/bus/pci/devices/$nvme/reset_method
run later --root later --report json:run.json
expect 0 "has changed since run .*: 1 regression, 0 neutral, 0 improvements: $nvme: reset methods: flr is" \
	'a machine that is not as it was'
"$program" snapshot --db runs.db --run latest now.json >/dev/null || wrong 'no snapshot of the last run'
grep -q HUSH now.json run.json out err && wrong 'a secret of the kernel command line is in the snapshot or the report'
first=$("$program" runs --db runs.db | tail -1 | cut -d' ' -f1)
"$program" snapshot --db runs.db --run "$first" then.json >/dev/null || wrong 'no snapshot of the first run'
code=0
"$program" diff then.json now.json >out 2>err || code=$?
expect 1 "^regression    $nvme: reset methods: flr is lost" 'what changed between two runs'
code=0
"$program" snapshot --db runs.db --run nowhere x.json >out 2>err || code=$?
expect 3 "nowhere" 'no such run'
rm -f runs.db*

# a lane whose resets are all skipped is named
scenario nothing <<X
lanes:
  - {name: one, devices: ["$nvme"]}
  - {name: two, devices: ["0000:02:00.0"], steps: [check]}
steps: [{reset: {method: pm, if-offered: true}}]
X
run nothing --root two --report json:run.json
expect 0 '^no reset  *no device was reset' 'it is said that no reset was possible'
expect 0 '^note  *(1 of [0-9]*) one: no reset is possible here' 'it is said of which lane, before all other notes'
holds 'any(n.startswith("one: no reset is possible") for n in r["notes"])' 'also in JSON'

# --- a lane that is stuck: the other one ends on time, and the program soon after it has decided

scenario stuck <<X
lanes:
  - {name: one, devices: ["$nvme"], steps: [{hold: {duration: 1s, timeout: 1500ms}}]}
  - {name: two, devices: ["0000:02:00.0"], steps: [{reset: flr}, {hold: 100ms}]}
repeat: {until: {cycles: 3}}
X
: >err
rm -f decided
(
	in_step one 1 hold
	lane=$(lane_of stuck 0)
	tr '\0' '\n' <"/proc/$lane/environ" >lane.environ
	cp "/proc/$lane/status" lane.status
	kill -STOP "$lane"
	wait_for 'hold is overdue' err
	echo "$EPOCHSECONDS" >decided
) &
HUSH=a-secret NOTIFY_SOCKET=$PWD/nobody LIBVIRT_DEBUG=4 run stuck --root two --report json:run.json
[ $((EPOCHSECONDS - $(cat decided))) -le 5 ] || wrong "it ends $((EPOCHSECONDS - $(cat decided))) s after its decision"
wait $!
expect 1 'hold did not end within' 'a lane that is stuck beside another one'
holds '[(f["lane"], f["step"], f["reason"]) for f in r["failures"]] == [("one", "hold", "timeout")]' 'is the failure'
holds 'r["lanes"][1]["verdict"] == "pass" and r["lanes"][1]["cycles"] == {"done": 3, "failed": 0}' \
	'the other one is done'
holds 'any(n.startswith("one, stuck in hold: the lane: ") for n in r["notes"])' 'where it stood is told'
holds 'r["undo"]["left"] == []' 'and all is put back'

# a lane has what it needs of the environment, and of root's rights: the seven of stress/engine/least.c
grep -q '^PATH=' lane.environ && grep -q '^LIBVIRT_DEBUG=4$' lane.environ || wrong "a lane lacks: $(cat lane.environ)"
grep '^HUSH\|^NOTIFY_SOCKET' lane.environ && wrong 'a lane has what is not for it'
if [ "$(id -u)" = 0 ]; then
	grep -q '^NoNewPrivs:.1$' lane.status || wrong 'a lane may get new rights'
	for set in CapPrm CapEff CapBnd; do
		ours=0x$(sed -n "s/^$set:.//p" /proc/self/status) its=0x$(sed -n "s/^$set:.//p" lane.status)
		[ $((its)) = $((ours & 0x2b0026)) ] || wrong "$set of a lane is $its, ours $ours"
	done
fi

# --- a reset that does not return: the file is a FIFO that nobody reads, so that its opening blocks

fifo_machine fifo
scenario fifo <<X
lanes:
  - {name: one, devices: ["$nvme"], steps: [{reset: {method: flr, timeout: 3s}}]}
  - {name: two, devices: ["0000:02:00.0"], steps: [{reset: flr}, {hold: 500ms}]}
repeat: {until: {cycles: 2}}
X
: >err
rm -f decided
(
	wait_for 'did not return within' err
	echo "$EPOCHSECONDS" >decided
) &
run fifo --root fifo --report json:run.json
[ $((EPOCHSECONDS - $(cat decided))) -le 5 ] || wrong "it ends $((EPOCHSECONDS - $(cat decided))) s after its decision"
expect 1 '^do  *whether it was reset is not known' 'a reset that does not return'
holds '[(f["lane"], f["step"], f["device"], f["reason"]) for f in r["failures"]] == [("one", "reset", "'$nvme'", "timeout")]' \
	'is the failure'
holds '"where it stood: S (sleeping), in " in r["failures"][0]["detail"] and "?" not in r["failures"][0]["detail"]' \
	'and where it stood is told'
holds 'r["lanes"][1]["verdict"] == "pass" and r["lanes"][1]["cycles"] == {"done": 2, "failed": 0}' \
	'the lane beside it is done'
holds 'r["undo"]["left"] == []' 'and all is put back'
as_found fifo
processes_of fifo && wrong 'a process of it is left'

# --- the same, and its supervisor was killed at the beginning of these tests: its lane has given up

until_gone $((ORPHAN_S + 10)) orphan || wrong 'a lane without its supervisor hangs for ever'
"$program" undo --root orphan --db orphan.db >out 2>err || wrong "undo: $(cat out err)"
as_found orphan

# --- a service manager ends a run, once and for all, while a lane is in such a call: that is left behind
# after 90 s (here 2), and who can end in order does

scenario stop <<X
lanes:
  - {name: one, devices: ["$nvme"], steps: [{reset: {method: flr, timeout: 100s}}]}
  - {name: two, devices: ["0000:02:00.0"], steps: [{reset: flr}, {hold: 100ms}]}
repeat: {until: {cycles: 1000}}
X
: >err
"$program" run stop.yaml -v --db runs.db --kmsg kmsg --root fifo --report json:run.json --term-patience 2s \
	>out 2>err </dev/null &
run_pid=$!
await_attr fifo $nvme reset_method flr || wrong 'its reset does not begin'
in_step two 2 hold
kill -TERM $run_pid
began=$EPOCHSECONDS
code=0
wait $run_pid || code=$?
took=$((EPOCHSECONDS - began))
[ $took -ge 1 ] && [ $took -le 12 ] || wrong "it ends $took s after it was told to"
expect 4 'stopping now' 'a run that its service manager ends'
expect 4 '^ABORTED' 'is aborted'
holds '[(x["name"], x["verdict"], x["cycles"]["failed"]) for x in r["lanes"]] == [("one", "aborted", 0), ("two", "aborted", 0)]' \
	'as are its lanes, and no device has failed'
holds '[x["reason"].partition(" ")[0] for x in r["lanes"]] == ["did", "stopped"]' 'it is said which of them did not end'
holds 'r["undo"]["left"] == []' 'and all is put back'
as_found fifo
processes_of fifo && wrong 'a process of it is left'
code=0
"$program" run stop.yaml --term-patience 2s >out 2>err </dev/null || code=$?
expect 2 'for tests' 'nobody else changes how long it waits'

# --- its driver cannot be given back: the host is left changed, which is no pass, also once it is undone

machine gone <<-'X'
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802
X
scenario gone <<X
lanes: [{devices: ["$nvme"]}]
steps: [{reset: flr}, {hold: 5s}]
X
: >err
(
	wait_for ': hold' err && mv gone/sys/bus/pci/drivers/nvme/bind gone/bind
) &
mover=$!
run gone --root gone --report json:run.json
wait $mover || wrong 'its driver was not taken away in the hold'
expect 4 '^BROKEN' 'a host that is left changed is no pass'
expect 4 'could not be put back' 'and the verdict says so'
holds 'r["undo"]["left"] == ["bind '$nvme' to nvme"]' 'what is left is named'
mv gone/bind gone/sys/bus/pci/drivers/nvme/bind
"$program" undo --root gone --db runs.db >out 2>err || wrong "undo: $(cat out err)"
as_found gone
"$program" report --db runs.db --format json >run.json
holds 'r["verdict"] == "broken" and r["undo"]["left"] == []' 'a verdict stays when it is undone'

exit $bad

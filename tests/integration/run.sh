#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh PROGRAM: whole runs on libvirt's test driver: verdicts, exit codes, interrupts, death.
set -u
program=${1:?usage: run.sh PROGRAM}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# scenario NAME STEPS REPEAT [MORE]: writes NAME.yaml
scenario()
{
	printf 'version: 1\nname: %s\nconnect: test:///default\nlanes: [{domain: test, take-over: true}]\n' \
		"$1" >"$1.yaml"
	printf 'steps: %s\nrepeat: {until: {%s}}\n%s\n' "$2" "$3" "${4:-}" >>"$1.yaml"
}

scenario pass '[start, destroy]' 'cycles: 3'
run pass --report json:run.json --report html:run.html --report bundle:run.tar --report ocp:run.ocp
expect 0 '^PASS' 'a quiet run passes'
expect 0 '^report      run.json, run.html, run.tar, run.ocp$' 'its files are named'
for form in html:run.html bundle:run.tar ocp:run.ocp; do
	"$program" report --db runs.db -f "${form%:*}" | cmp - "${form#*:}" ||
		wrong "a ${form%:*} report made again is the same"
done
grep -q '"simulated": *true' run.json || wrong 'a run with a test seam says so'
grep -q '"done": *3' run.json || wrong 'three cycles are counted'
grep -q '"boots_proved": *false' run.json || wrong 'no boot is proved on the test driver'

# a fault without a device fails every run; a stranger's does not
scenario long '[start, {hold: 300ms}, destroy]' 'cycles: 3'
: >err # what waits below must not see the run before
(
	in_step test 1 hold
	printf '3,900,5000000,-;DMAR: VT-d detected Invalidation Queue Error: Reason f\n' >&7
) &
run long
wait $!
expect 1 'dmar.inval-queue-error' 'a fault of no device fails the run'

: >err
(
	wait_for 'has begun' err
	printf '3,901,6000000,-;DMAR: [DMA Write NO_PASID] Request device [99:00.0] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set\n' >&7
) &
run long
wait $!
expect 0 '^PASS' "a bystander's fault does not fail the run"
expect 0 '^bystander   error dmar.dma-fault of 0000:99:00.0, 1 time$' 'it is listed apart'

# the report that grows with its run is, in the end, the one that is made afterwards
: >err
(
	wait_for 'has begun' err
	"$program" report --db runs.db --format ocp --follow >followed.ocp 2>follow.err
) &
run long
wait $! || wrong "following fails: $(cat follow.err)"
"$program" report --db runs.db --format ocp -o whole.ocp
cmp followed.ocp whole.ocp || wrong 'what was followed is what is stored'
run pass --report ocp:- --report json:run.json
"$program" report --db runs.db --format ocp | cmp - out || wrong 'a short run is streamed whole'
may_skip "$(dirname "$0")/../golden/check_ocp.py" whole.ocp || wrong "OCP: $(cat tried)"

scenario bystanders '[start, {hold: 300ms}, destroy]' 'cycles: 3' 'bystanders: fail'
: >err
(
	wait_for 'has begun' err
	printf '3,901,6000000,-;DMAR: [DMA Write NO_PASID] Request device [99:00.0] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set\n' >&7
) &
run bystanders --report json:bystanders.json
wait $!
expect 1 'dmar.dma-fault' "a bystander's fault fails the run that asks for it"
grep -q '"done": *3' bystanders.json || wrong "a bystander's fault stops no lane"

: >err
(
	wait_for 'has begun' err
	printf '6,902,6000000,-;a harmless line\n' >&7
	printf '6,950,6000000,-;another one, 47 lost between them\n' >&7
) &
run long
wait $!
expect 4 '47 kernel log records were lost' 'a gap makes a run blind'

# `on-failure: stop` is the default: the cycle of the fault is the last one, and has failed
scenario endless '[start, {hold: 200ms}, destroy]' 'cycles: 100000'
: >err
(
	wait_for 'cycles done' err
	printf '3,955,5000000,-;DMAR: VT-d detected Invalidation Queue Error: Reason f\n' >&7
) &
run endless --report json:stopped.json
wait $!
expect 1 'dmar.inval-queue-error' 'a fault stops its lane'
grep -q '"failed": *1' stopped.json || wrong 'the cycle of the fault has failed'

# the run's own markers are records too: what comes after one is no gap
: >err
(
	wait_for 'has begun' err
	id=$(sed -n 's/.*: run \(.*\) has begun$/\1/p' err)
	printf '6,960,7000000,-;a harmless line\n14,961,7000001,-;vfio-stress %s test cycle 1 #1\n' "$id" >&7
	printf '6,962,7000002,-;another one\n' >&7
) &
run long --report json:run.json
wait $!
expect 0 '^PASS' 'a marker between two records'
grep -q 'log.gap' run.json && wrong "a marker is no gap"

scenario tolerant '[start, {hold: 300ms}, destroy]' 'cycles: 3' \
	'tolerate: [{fault: dmar.*, count: 1}]'
: >err
(
	wait_for 'has begun' err
	printf '3,970,5000000,-;DMAR: VT-d detected Invalidation Queue Error: Reason f\n' >&7
) &
run tolerant
wait $!
expect 0 '1 tolerated' 'a budget tolerates it'

# Ctrl-C once: the step ends, the host is put back, the report says aborted
: >err
(
	wait_for 'cycles done' err
	pkill -INT -P $$ -f 'run endless.yaml'
) &
run endless
wait $!
expect 4 '^ABORTED' 'an interrupted run is aborted'

# in the last step of a cycle: it is cut off, so it is not done
scenario last '[start, destroy, {hold: 60s}]' 'cycles: 1'
: >err
(
	in_step test 1 hold
	pkill -INT -P $$ -f 'run last.yaml'
) &
run last
wait $!
expect 4 '^test  *aborted  *0  *0' 'a cycle whose last step was cut off is not done'

# twice: now
scenario slow '[start, {hold: 60s}, destroy]' 'cycles: 1'
: >err
(
	in_step test 1 hold
	pkill -INT -P $$ -f 'run slow.yaml'
	wait_for 'once more' err
	pkill -INT -P $$ -f 'run slow.yaml'
) &
began=$EPOCHSECONDS
run slow
wait $!
expect 4 '^ABORTED' 'a run interrupted twice is aborted'
[ $((EPOCHSECONDS - began)) -lt 30 ] || wrong 'a second interrupt does not wait for the step'

# a process of a lane that dies is the tool's failure; another one runs `after` and puts all back
scenario slow '[start, {hold: 60s}, destroy]' 'cycles: 1' 'after: [{hold: 10ms}]'
: >err
(
	in_step test 1 hold
	pkill -KILL -P "$(pgrep -P $$ -f 'run slow.yaml')" -f 'vfio-stress lane'
) &
run slow --report json:run.json
wait $!
expect 4 'ended without a word (signal 9)' "a lane's process that is killed"
holds 'row["cycle", "hold"]["broken"] == 1 and row["cycle", "destroy"]["skipped"] == 1' \
	'its step has an end, and the ones behind it'
holds 'l["cycles"] == {"done": 1, "failed": 1}' 'and its cycle'
holds 'row["after", "hold"]["count"] == 1 and row["after", "hold"]["skipped"] == 0' 'the list after runs'
holds 'r["undo"]["left"] == [] and l["verdict"] == "broken"' 'all is put back'

# with on-failure: continue the next cycle begins
scenario again '[start, {hold: {duration: 1500ms, timeout: 3s}}, destroy]' 'cycles: 3' 'after: [{hold: 10ms}]'
sed -i 's/^repeat: {/repeat: {on-failure: continue, /' again.yaml
: >err
(
	in_step test 1 hold
	pkill -KILL -P "$(pgrep -P $$ -f 'run again.yaml')" -f 'vfio-stress lane'
) &
run again --report json:run.json
wait $!
expect 4 'another process goes on' 'a lane whose process is killed goes on'
holds 'l["cycles"] == {"done": 3, "failed": 1}' 'to its last cycle'
holds 'row["cycle", "start"]["count"] == 3 and row["after", "hold"]["count"] == 1' 'step by step'

# a lane that does not answer is ended at its step's bound, and named
: >err
(
	in_step test 1 hold
	pkill -STOP -P "$(pgrep -P $$ -f 'run again.yaml')" -f 'vfio-stress lane'
) &
run again --report json:run.json
wait $!
expect 1 'hold did not end within' 'a lane that is stuck fails at its bound'
grep -q 'hold is overdue' err || wrong 'a step that is overdue is announced'
holds '[f["reason"] for f in r["failures"]] == ["timeout"]' 'and is the one failure'
holds 'l["cycles"] == {"done": 3, "failed": 1} and r["undo"]["left"] == []' 'it goes on'

# one that dies over and over does not for ever
sed -i 's/cycles: 3/cycles: 1000/' again.yaml
: >err
(
	wait_for 'has begun' err
	while pgrep -P $$ -f 'run again.yaml' >/dev/null; do
		pkill -KILL -P "$(pgrep -P $$ -f 'run again.yaml')" -f 'vfio-stress lane'
		sleep 0.05
	done
) 2>/dev/null &
run again --report json:run.json
wait $!
expect 4 'ended without a word (signal 9)' 'a lane that always dies is broken'
holds '1 <= l["cycles"]["done"] < 10' 'and ends'

# killed at once: what happened is still there
: >err
"$program" run endless.yaml --db killed.db --kmsg kmsg >out 2>err </dev/null &
victim=$!
wait_for 'cycles done' err
lane=$(pgrep -P $victim -f 'vfio-stress lane')
kill -KILL $victim
wait $victim 2>/dev/null
for _ in $(seq 50); do
	kill -0 "$lane" 2>/dev/null || break
	sleep 0.1
done
kill -0 "$lane" 2>/dev/null && wrong 'a lane without its supervisor must end'
code=0
"$program" report latest --format json --db killed.db >killed.json 2>err || code=$?
grep -q '"verdict": *"aborted"' killed.json || wrong 'a killed run is reported as aborted'
grep -q '"done": *[1-9]' killed.json || wrong 'its cycles are in the report'
code=0
"$program" undo --db killed.db >out 2>err || code=$?
expect 0 "bring domain test to 'running': done" 'undo brings the domain back'
code=0
"$program" undo --db killed.db >out 2>err || code=$?
expect 0 'nothing is left to undo' 'undo is done once'

# refusals: nothing was tried
scenario refused '[start]' 'cycles: 1'
sed -i 's/, take-over: true//' refused.yaml
run refused
expect 3 "domain 'test' is running" 'a running domain is not taken'
cat >refusal <<'X'
refused: test: domain 'test' is running
  hint: stop it first, or write `take-over: true` in its lane to let it be stopped
vfio-stress: nothing was tried
X
diff refusal err && [ ! -s out ] || wrong 'a refusal says why, what to do, and no more'
sed -i 's/domain: test/domain: tset/' refused.yaml
run refused
expect 3 "did you mean 'test'" 'an unknown domain is refused'
run pass --kmsg nowhere
expect 2 "given twice" 'an option is given once'
code=0
"$program" run pass.yaml --db runs.db --kmsg nowhere >out 2>err </dev/null || code=$?
expect 4 'the kernel log cannot be read' 'a run without a kernel log is blind'
run pass --report json:/nowhere/run.json
expect 3 '/nowhere' 'a report that cannot be written is found before the run'
# one that fails later does not keep others from being written, and is not pointed to
run pass --report json:/dev/full --report json:run.json
expect 4 "json: write report '/dev/full': No space left" 'a report that cannot be written'
expect 4 'hint: the run is kept: .vfio-stress report ' 'how to make it again'
expect 4 '^report  *run.json' 'the summary points to one that was'
holds 'r["verdict"] == "pass"' 'the others are written'
run pass --report json:-
python3 -c 'import json, sys; json.load(sys.stdin)' <out || wrong 'a report on stdout is alone there'
grep -q '^PASS' err || wrong 'the summary is then on stderr'
run pass --report json:run.json --report text:./run.json
expect 2 "report 'text' goes to './run.json', as report 'json' does" 'two reports to one file'
run pass --report json
expect 2 'such as: --report json:run.json' 'a report without a file'
run pass --report json:/tmp
expect 3 'name a file in it' 'a report that is a directory'
scenario secret '[start, destroy]' 'cycles: 1' "report: [{json: '\${env:STRESS_RUN_TEST}/run.json'}]"
run secret
expect 3 'STRESS_RUN_TEST' 'a secret that is not set is found before the run'
run pass --db /proc/nowhere/runs.db
expect 2 'given twice' 'one store'
code=0
"$program" run pass.yaml --db /proc/nowhere/runs.db --kmsg kmsg >out 2>err </dev/null || code=$?
expect 3 'choose another place with --db' 'a store that cannot be written is found before the run'
sed 's,test:///default,qemu+ssh://far/system,' pass.yaml >remote.yaml
run remote
expect 2 'remote' 'a remote libvirt is refused'

exit $bad

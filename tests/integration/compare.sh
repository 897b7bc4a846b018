#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# compare.sh PROGRAM CHECK_SCHEMA DOCS: the story of a new BIOS, on libvirt's test driver: a run before,
# `runs baseline`, runs after, `compare`.
set -u
program=${1:?} check_schema=${2:?} docs=${3:?}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# bios NAME HOLD: the scenario, whose one step takes as long as this firmware lets it
bios()
{
	printf 'version: 1\nname: bios\nconnect: test:///default\nlanes: [{domain: test, take-over: true}]\n' >"$1.yaml"
	printf 'steps: [start, {hold: {duration: %s, name: boot}}, destroy]\nrepeat: {until: {cycles: 12}}\n' \
		"$2" >>"$1.yaml"
}

# tool CODE PATTERN ARGUMENTS...: of another command than run
tool()
{
	local want=$1 pattern=$2

	shift 2
	code=0
	"$program" "$@" --db runs.db >out 2>err </dev/null || code=$?
	expect "$want" "$pattern" "$*"
}

bios before 20ms
bios after 300ms # a busy machine adds tens of milliseconds to either
run before --report json:run.json
expect 0 '^PASS' 'the run before'
! grep -q '^baseline' out || wrong 'nothing is marked, and yet it is compared'
holds 'r["baseline"] is None' 'a run without a baseline'
first=$(python3 -c 'import json; print(json.load(open("run.json"))["run"]["id"])')

tool 3 'no run of bios on .* is marked as a baseline' compare --baseline
tool 0 'no run is a baseline' runs baseline
tool 0 "^$first is the baseline of bios on .*, without devices" runs baseline latest
tool 0 '(baseline)$' runs
tool 0 '"baseline":true' runs --json
tool 0 'it is a baseline' runs prune --keep 0
tool 2 'has no --json' runs baseline --json
tool 2 'is for .runs baseline' runs prune --keep 1 --clear

run after --report json:run.json
expect 0 '^PASS' 'a comparison changes no verdict'
grep -q "^baseline  *worse than baseline $first: boot (step 2) takes" out ||
	wrong "the summary does not say what is worse: $(cat out)"
holds 'r["baseline"]["result"] == "worse" and r["baseline"]["run"] == "'"$first"'"' 'the report says it'
[ "$("$program" report --db runs.db -f json | md5sum)" = "$(md5sum <run.json)" ] ||
	wrong 'a report made again is another one'
tool 1 'worse  *boot (step 2), time: takes' compare --baseline
tool 0 '<h2 id="baseline">Against the baseline' report -f html
grep -q 'worse</span>: takes .*, was ' out || wrong "the page does not say that boot is slower: $(grep -A9 'id="baseline"' out)"
stored=$(md5sum <runs.db)
tool 0 '<h2 id="baseline">Against the baseline' report "$first" -f html --against latest
grep -q 'better</span>: takes .*, was ' out || wrong 'seen from the other side it is not better'
tool 2 'cannot be compared with itself' report latest --against latest
tool 3 "there is no run 'nosuch'" report --against nosuch
[ "$stored" = "$(md5sum <runs.db)" ] || wrong 'a report against another run was stored'
tool 1 'against its baseline' compare latest --baseline
tool 0 "^$first is no baseline any more" runs baseline --clear
tool 3 'no run is a baseline' runs baseline --clear

# the same again: too few cycles to say that nothing changed, and that is what it says
run before --report json:run.json --report html:run.html
expect 0 '^PASS' 'the same again'
holds 'r["baseline"] is None' 'the mark is gone'
[ -s run.html ] || wrong 'no page'
! grep -q 'aseline' <(sed '/<style>/,/<\/style>/d; /<\/main>/,$d' run.html) || wrong 'a page without a baseline speaks of one'
last=$(python3 -c 'import json; print(json.load(open("run.json"))["run"]["id"])')
tool 3 '^cannot tell  *lane test, failed cycles: 0 of 12 cycles failed, was 0 of 12' \
	compare "$first" "$last" --margin-time 2s
grep -q 'same .*boot (step 2), time' out || wrong "equal times are not proved to be: $(cat out)"
tool 3 "there is no run 'nosuch'" compare "$first" nosuch
tool 2 'cannot be compared with itself' compare "$first" "$first"

# from another machine's store, which is only read
cp runs.db other.db && chmod 400 other.db
before=$(md5sum <other.db)
tool 3 'other.db' compare "other.db:$first" "$last" --margin-time 2s
[ "$before" = "$(md5sum <other.db)" ] || wrong 'the other store was changed'
tool 3 'there is no store' compare none.db:latest latest

mkdir json
"$program" compare "$first" "$last" --db runs.db -f json -o json/run.json.expected
[ $? = 3 ] || wrong 'JSON: not exit 3'
may_skip "$check_schema" "$docs/schema/compare-1.schema.json" json || wrong "JSON: $(cat tried)"
"$program" compare "$first" "$last" --db runs.db -f html -o page.html
[ $? = 3 ] || wrong 'HTML: not exit 3'
{ grep -q '^<!DOCTYPE html>' page.html && grep -q '</html>$' page.html; } || wrong 'no whole page'
tool 3 'No such file\|its folder first' compare "$first" "$last" -o no/such/file
exit $bad

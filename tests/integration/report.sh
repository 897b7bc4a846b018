#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# report.sh PROGRAM STORE_FILL CHECK_SCHEMA SCHEMA: `runs` and `report` on a store with three runs.
set -u
program=${1:?} fill=${2:?} check_schema=${3:?} schema=${4:?}
docs=$(dirname "$0")/../../docs
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-report.XXXXXX")
trap 'rm -rf "$dir"' EXIT
db=$dir/runs.db
bad=0

# expect CODE PATTERN ARGUMENTS...: the exit code, and a line of either output that matches.
expect()
{
	local code=$1 pattern=$2 rc=0

	shift 2
	"$program" "$@" --db "$db" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	[ $rc = "$code" ] || { echo "$*: exit $rc, not $code" >&2; bad=1; }
	grep -q -e "$pattern" "$dir/out" "$dir/err" || {
		echo "$*: nothing matches '$pattern':" >&2
		cat "$dir/out" "$dir/err" >&2
		bad=1
	}
}

# a store that was named must be there, and only a run makes one
for command in runs report undo deliver; do
	expect 3 'there is no store .*/runs.db' $command
	[ ! -e "$db" ] || { echo "$command has made a store" >&2; bad=1; }
done
"$fill" "$db" ended && "$fill" "$db" died && "$fill" "$db" running || exit 1

expect 0 '^20261121-060000-cccc .* running  *1  *0  filled$' runs
expect 0 '^20261121-050000-bbbb .* died  *1  *0  filled$' runs
expect 0 '^20261121-040000-aaaa .* fail  *2  *1  filled$' runs
expect 0 '"id":"20261121-040000-aaaa"' runs --json
/usr/bin/python3 -c 'import json, sys; assert len(json.load(sys.stdin)["runs"]) == 3' <"$dir/out" ||
	bad=1

expect 0 '^FAIL: 0000:41:00.0 NVIDIA AD102$' report 20261121-04
expect 0 '^what  *pci.flr-timeout, error, 1 time; step reset failed:' report 20261121-04
expect 0 '^ABORTED: suspect 0000:41:00.0 NVIDIA AD102$' report 20261121-05
expect 0 '^where  *lane gpu, cycle 2, step 2 of 2 (reset: flr)$' report 20261121-05
expect 0 'life came 3s after' report 20261121-05
expect 0 '^STILL RUNNING: 1 cycle done, nothing has failed so far$' report
expect 0 'not final' report latest --format json
expect 3 "there is no run 'nope'" report nope
expect 3 "several runs begin with '2026'" report 2026
expect 2 "unknown report format 'jsn'" report --format jsn
expect 2 'unknown report format' report --format webhook
expect 3 'make its folder first' report -o "$dir/no/such/x"
expect 0 "^report .*-aaaa --format json --db" report 20261121-04

rc=0
"$program" report --db "$db" >/dev/full 2>"$dir/err" || rc=$?
[ $rc = 3 ] && [ "$(grep -c 'No space left' "$dir/err")" = 1 ] ||
	{ echo "a report that is not written: exit $rc" >&2; cat "$dir/err" >&2; bad=1; }

# every format is in the help and has its chapter
for format in $("$program" list reporters | sed -n 's/^\([a-z]*\): .*/\1/p'); do
	grep -q "^## $format\$" "$docs/reports.md" || { echo "docs/reports.md has no $format" >&2; bad=1; }
	[ "$format" = webhook ] || expect 0 "^Formats: .*$format" report --help
	[ "$format" = webhook ] || expect 0 "^Formats: .*$format" run --help
done
for mode in 600:json 644:prometheus; do
	"$program" report 20261121-04 --db "$db" -f "${mode#*:}" -o "$dir/mode" || bad=1
	[ "$(stat -c %a "$dir/mode")" = "${mode%:*}" ] || { echo "${mode#*:} is not ${mode%:*}" >&2; bad=1; }
	rm -f "$dir/mode"
done

mkdir "$dir/reports"
for run in aaaa:04 bbbb:05 cccc:06; do
	"$program" report "20261121-${run#*:}" --db "$db" -f json -o "$dir/reports/${run%:*}.json.expected" ||
		bad=1
done
rc=0
"$check_schema" "$schema" "$dir/reports" || rc=$?
case $rc in
0) ;;
77) echo "not tried: reports of stored runs against $(basename "$schema"): python3-jsonschema is not installed" ;;
*) bad=1 ;;
esac
exit $bad

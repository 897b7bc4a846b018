# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# For tests of whole runs of $program: . lib.sh; they end with: exit $bad
#
# In a directory of its own; what it started is gone at its end.
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-run.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
bad=0

wrong()
{
	echo "WRONG: $*" >&2
	bad=1
}

# A kernel log of our own: the FIFO is held open by descriptor 7, so that no reader sees an end.
mkfifo kmsg
exec 7<>kmsg

# run NAME OPTIONS...: its exit code in $code, outputs in out and err
run()
{
	local name=$1

	shift
	code=0
	"$program" run "$name.yaml" -v --db runs.db --kmsg kmsg "$@" >out 2>err </dev/null || code=$?
}

# expect CODE PATTERN WHAT: of the last run
expect()
{
	[ "$code" = "$1" ] || wrong "$3: exit $code, not $1"
	grep -q -e "$2" out err || wrong "$3: nothing matches '$2'"
	[ $bad = 0 ] || cat out err >&2
}

# may_skip COMMAND...: its output in tried. False when it fails; what it lacks (77) is said
may_skip()
{
	local rc=0

	"$@" >tried 2>&1 || rc=$?
	[ $rc != 77 ] || echo "not tried: ${1##*/}: $(tail -n 1 tried)"
	[ $rc = 0 ] || [ $rc = 77 ]
}

# wait_for PATTERN FILE: until a line of it matches, 20 s at most
wait_for()
{
	local i

	for i in $(seq 200); do
		grep -q -e "$1" "$2" 2>/dev/null && return 0
		sleep 0.1
	done
	wrong "nothing in $2 matches '$1' after ${i} tries"
	cat "$2" >&2
	return 1
}

# in_step LANE CYCLE STEP: until the run has come there
in_step()
{
	wait_for "^info: lane: $1 cycle $2: $3\( \|$\)" err
}

# holds EXPRESSION WHAT: true of run.json. Python: the report is r, its first lane l, a step of that
# row[PHASE, WORD]
holds()
{
	python3 -c 'import json, sys
r = json.load(open("run.json"))
l = r["lanes"][0]
row = {(s["phase"], s["word"]): s for s in l["steps"]}
sys.exit(not eval(sys.argv[1]))' "$1" || wrong "$2: not so: $1"
}

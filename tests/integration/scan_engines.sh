#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scan_engines.sh PROGRAM PROGRAM-WITHOUT-AVX512 AND-WITHOUT-VECTORSCAN SCAN_LOG SIEVED DATA: what a log
# comes to is the same, to the byte, with any engine, by itself and in the middle of a large log. And of
# ordinary lines next to none is looked at.
set -u
program=$1 others="$2 $3" make_log=$4 sieved=$5 data=$6
work=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-engines.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

# A fault found is no failure here: 0 and 1 are both answers.
scan()
{
	"$@" >"$work/out" 2>"$work/err"
	case $? in
	0 | 1) cat "$work/out" ;;
	*) echo "FAIL: $*: $(cat "$work/err")"; failed=1 ;;
	esac
}

same()
{
	local other

	scan "$program" scan "$@" >"$work/a"
	for other in $others; do
		scan "$other" scan "$@" >"$work/b"
		cmp "$work/a" "$work/b" && [ -s "$work/a" ] && continue
		echo "FAIL: ${other##*/} scan $*"
		failed=1
	done
}

# The labelled lines as a log, among ordinary ones that make it large enough to be sieved.
for f in lines lines-from-formats lines-more; do
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    print(json.loads(line)["line"])' "$data/$f.jsonl"
done >"$work/labelled" || failed=1
"$make_log" 2 0 500 1 >"$work/ordinary"
"$make_log" 2 40 500 2 >"$work/faults"
cat "$work/ordinary" "$work/labelled" "$data"/segments/*.txt "$work/faults" >"$work/large"
[ "$(wc -l <"$work/large")" -gt 40000 ] || { echo "FAIL: the log is too small"; failed=1; }

for log in "$work/labelled" "$work/large" "$work/faults" "$data"/segments/*.txt; do
	same --format json "$log"
done
same --lines "$work/labelled"

# A rule with words that ordinary lines have too makes large logs slow: then `common` in needles.c
# lacks these words, or the pattern others.
"$sieved" "$work/ordinary" >"$work/stay" || { echo "FAIL: sieved"; failed=1; }
if [ $(($(wc -l <"$work/stay") * 1000)) -gt "$(wc -l <"$work/ordinary")" ]; then
	echo "FAIL: of the ordinary lines these are looked at:"
	sed 's/[0-9][0-9]*/0/g' "$work/stay" | sort | uniq -c | sort -rn | head -n 5
	failed=1
fi
exit $failed

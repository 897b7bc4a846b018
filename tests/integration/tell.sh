#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tell.sh TELL: what was not tried is told, and why; ctest's summary is the last word, and its exit code remains.
set -u
tell=${1:?usage: tell.sh TELL}
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-tell.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

# test_says NAME CODE [PROPERTY VALUE]...: a test with what is on standard input as its output
test_says()
{
	local name=$1 code=$2

	shift 2
	cat >"$dir/$name.out"
	printf 'add_test(%s /bin/sh -c "cat %s; exit %s")\n' "$name" "$dir/$name.out" "$code"
	printf 'set_tests_properties(%s PROPERTIES SKIP_RETURN_CODE 77 %s)\n' "$name" "$*"
}

{
	test_says good 0 </dev/null
	test_says mum 77 </dev/null
	printf 'much\nskipped: no such tool (package x)\n\n' | test_says skips 77
	test_says parts 0 <<-'X'
	not tried: zsh, which is not installed
	not tried: zsh, which is not installed
	there is nothing that was not tried: here
	ok      program (3 s)
	skipped vm-steps: no libvirtd
	skipped is what the next says
	X
	test_says unit.x 0 <<-'X'
	[ RUN      ] first
	[       OK ] first
	[ RUN      ] second
	not tried: no such device
	[  SKIPPED ] second
	[ RUN      ] third
	[  SKIPPED ] third
	[ RUN      ] fourth
	not tried: half of it
	[       OK ] fourth
	[==========] 4 test(s) run.
	[  SKIPPED ] 2 test(s), listed below:
	[  SKIPPED ] second
	[  SKIPPED ] third
	X
	test_says more 0 LABELS long </dev/null
	test_says measures 0 LABELS bench </dev/null
} >"$dir/CTestTestfile.cmake"
cat >"$dir/expected" <<X
not tried: mum: it does not say why
not tried: parts: vm-steps: no libvirtd
not tried: parts: zsh, which is not installed
not tried: skips: no such tool (package x)
not tried: unit.x: half of it
not tried: unit.x: second: no such device
not tried: unit.x: third
1 tests only with tests/all --long: more
1 tests only with ctest -L bench, by itself: it measures: measures

100% tests passed, 0 tests failed out of 5

Total Test time (real) =

The following tests did not run:
	  2 - mum (Skipped)
	  3 - skips (Skipped)
X

# told CODE OPTIONS...: what it says from the list on is as expected
told()
{
	local want=$1 code=0

	shift
	"$tell" "$dir" "$@" >"$dir/said" 2>&1 || code=$?
	[ $code = "$want" ] || { echo "exit $code, not $want"; bad=1; }
	grep -q 'Test #[0-9]*: good' "$dir/said" || { echo "what ctest says meanwhile is lost"; bad=1; }
	sed -n '/^not tried: mum/,$p' "$dir/said" | sed 's/ = .*/ =/' | diff "$dir/expected" - || bad=1
}

told 0 -j2 -LE '^(long|bench)$'

# one that fails, and has run tests itself
test_says fails 1 <<-'X' >>"$dir/CTestTestfile.cmake"
0% tests passed, 2 tests failed out of 2
Total Test time (real) = 1 sec
X
sed -i 's/^100% .*/83% tests passed, 1 tests failed out of 6/' "$dir/expected"
cat >>"$dir/expected" <<'X'

The following tests FAILED:
	  8 - fails (Failed)
Errors while running CTest
X
told 8 --output-on-failure -LE '^(long|bench)$'
exit $bad

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the tests in the lab: . "$(dirname "$0")/lib.sh"

# fail WHAT...: ends the test.
fail()
{
	echo "FAIL: $*"
	exit 1
}

# exits CODE COMMAND...: the command must end with that code. Its output is shown and kept in ./out.
exits()
{
	local want=$1 rc=0

	shift
	echo "+ $*"
	"$@" >out 2>&1 || rc=$?
	cat out
	[ "$rc" = "$want" ] || fail "exit code $rc, expected $want: $*"
}

# says TEXT...: each must be in the output of the last `exits`.
says()
{
	local text

	for text; do
		grep -qF -- "$text" out || fail "the output lacks: $text"
	done
}

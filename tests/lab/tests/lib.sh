# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the tests in the lab: . "$(dirname "$0")/lib.sh"
#
# A test runs in a directory of its own and leaves the host as it found it: what is defined with
# `domain` and what runs in the background is gone at its end.

domains=()
trap clean_up EXIT

clean_up()
{
	local name job

	for job in $(jobs -p); do
		kill "$job"
		wait "$job"
	done 2>/dev/null
	for name in ${domains[@]+"${domains[@]}"}; do
		virsh -q destroy "$name"
		virsh -q undefine "$name"
	done >/dev/null 2>&1
}

# fail WHAT...: ends the test.
fail()
{
	echo "FAIL: $*"
	[ ! -s report.json ] || jq -c '{verdict, exit_code, failures, klog, undo,
		lanes: [.lanes[] | {name, verdict, reason, cycles}],
		incidents: [.incidents[] | del(.meaning, .advice)]}' report.json
	exit 1
}

# one_screen: the summary in ./out, when there is one, fits 24x80 and ends with where the report is.
one_screen()
{
	awk '
		/^(PASS|FAIL|BROKEN|SKIPPED|ABORTED): / { rows = 0; on = 1; seen = 1 }
		on { rows++; wide += length($0) > 79 }
		on && /^report / { on = 0 }
		END { exit seen && (on || rows > 23 || wide > 0) }' out ||
		fail "the summary is more than a screen"
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

# says TEXT...: each must be in the output of the last `exits` or `ends`.
says()
{
	local text

	for text; do
		grep -qF -- "$text" out || fail "the output lacks: $text"
	done
}

# within SECONDS COMMAND...: until it succeeds.
within()
{
	local deadline=$((EPOCHSECONDS + $1))

	shift
	until "$@"; do
		[ $EPOCHSECONDS -lt $deadline ] || fail "not in time: $*"
		sleep 0.1
	done
}

# domain NAME [options of lab-domain]: defined while the test lasts.
domain()
{
	lab-libvirtd start || fail "no libvirtd"
	rm -f "/run/lab/$1.serial"
	lab-domain "$@" >"$1.xml" && virsh -q define "$1.xml" || fail "domain $1 is not defined"
	domains+=("$1")
}

# scenario NAME: writes NAME.yaml from what follows the first two lines.
scenario()
{
	{
		printf 'version: 1\nname: %s\n' "$1"
		cat
	} >"$1.yaml"
}

# run CODE NAME [options]: a whole run, which must end with that code; its report: report.json
run()
{
	local want=$1 name=$2

	shift 2
	rm -f report.json
	exits "$want" vfio-stress run "$name.yaml" --report json:report.json "$@"
	one_screen
}

has_begun()
{
	sees 'has begun' out || {
		kill -0 "$run_pid" 2>/dev/null || { cat out; fail "the run did not begin"; }
		false
	}
}

# start_run NAME [options]: in the background, until `ends`. $run_pid is the supervisor.
start_run()
{
	local name=$1

	shift
	rm -f report.json
	: >out # the run before must not answer for this one
	echo "+ vfio-stress run $name.yaml $* &"
	vfio-stress run -v "$name.yaml" --report json:report.json "$@" >out 2>&1 &
	run_pid=$!
	within 60 has_begun
	# shellcheck disable=SC2034 # tests use it
	run_id=$(sed -n 's/.*: run \(.*\) has begun$/\1/p' out)
}

# ends CODE: of the run that was started.
ends()
{
	local rc=0

	wait "$run_pid" || rc=$?
	cat out
	[ "$rc" = "$1" ] || fail "exit code $rc, expected $1"
	one_screen
}

# sees PATTERN FILE [COUNT]: so many lines of it match.
sees()
{
	local n

	n=$(grep -c -e "$1" "$2" 2>/dev/null)
	[ "${n:-0}" -ge "${3:-1}" ]
}

# in_step LANE CYCLE STEP: the run that was started has come there
in_step()
{
	sees "^info: lane: $1 cycle $2: $3\( \|$\)" out
}

# narrowed DEVICE METHOD: waits until its reset has begun, by the list that is narrowed for it. Spins,
# because a function level reset is over after 0.1 s.
narrowed()
{
	local until=$((EPOCHSECONDS + 60))

	until grep -qx "$2" "/sys/bus/pci/devices/$1/reset_method"; do
		[ $EPOCHSECONDS -lt $until ] || fail "the reset of $1 does not begin"
	done
}

# holds EXPRESSION...: each is true of the report (jq).
holds()
{
	local expression

	[ -s report.json ] || fail "there is no report"
	for expression; do
		jq -e "$expression" report.json >/dev/null || fail "not so: $expression"
	done
}

# answers ID RESULT TEXT: `preflight --json` in ./out has this answer of that check
answers()
{
	jq -e --arg id "$1" --arg result "$2" --arg text "$3" '.checks | any(.id == $id and
		.result == $result and ((.seen // .reason) | contains($text)))' out >/dev/null ||
		fail "no answer '$1: $2: $3' in: $(jq -c --arg id "$1" '.checks[] | select(.id == $id)' out)"
}

# state_of DOMAIN, driver_of BDF
state_of()
{
	virsh -q domstate "$1" | head -n 1
}

driver_of()
{
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

# unbind BDF, bind_vfio BDF: to no driver, to vfio-pci (load it first)
unbind()
{
	local device=/sys/bus/pci/devices/$1

	[ ! -e "$device/driver" ] || echo "$1" >"$device/driver/unbind"
	echo >"$device/driver_override"
}

bind_vfio()
{
	unbind "$1"
	echo vfio-pci >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}

# outside EVENT: asks for an event of `tests/lab/run --on "PLEASE EVENT" ...`.
outside()
{
	echo "PLEASE $1" >/dev/console
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mistakes.sh PROGRAM STORE_FILL: what a user gets wrong, for each command: the wrong file, no right to it, no room,
# nobody who reads. Each gets one sentence that says what is wrong, where, and what to do, and the documented code.
set -u
program=$(realpath "${1:?usage: mistakes.sh PROGRAM STORE_FILL}") fill=$(realpath "${2:?}")
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
export XDG_STATE_HOME=$dir/state NO_COLOR=1

# tell CODE PATTERN COMMAND...: a line of either output matches; nothing crashed
tell()
{
	local want=$1 pattern=$2 code=0

	shift 2
	"$@" >out 2>err </dev/null || code=$?
	[ "$code" = "$want" ] || wrong "${*##*/}: exit $code, not $want: $(head -qn 2 out err)"
	grep -q -e "$pattern" out err || wrong "${*##*/}: nothing matches '$pattern': $(head -qn 2 out err)"
	! grep -q 'Sanitizer\|runtime error' err || wrong "$*: $(cat err)"
}

mkdir folder
: >empty
head -c 4000 "$(command -v bash)" >binary
printf 'version: 1\nname: one\nconnect: test:///default\nlanes: [{domain: test, take-over: true}]\nsteps: [start, destroy]\n' >one.yaml
"$fill" runs.db ended || exit 1
python3 -c 'import sqlite3; c = sqlite3.connect("other.db"); c.execute("create table x (y)"); c.commit()'
"$program" snapshot good.json >/dev/null 2>&1 || wrong 'no snapshot'

# --- no store, or something else in its place ---
stores=(report runs watch undo resume deliver 'compare a b' 'runs prune --keep 1' 'runs stop' 'runs baseline a'
	'snapshot --run latest')
for command in "${stores[@]}"; do
	read -ra words <<<"$command"
	tell 3 '^vfio-stress: there is no store absent.db' "$program" "${words[@]}" --db absent.db
	tell 3 '^vfio-stress: open the store \(.*/\)\?folder: Is a directory' "$program" "${words[@]}" --db folder
	tell 3 '^vfio-stress: \(.*/\)\?empty is empty: no run was stored there yet' "$program" "${words[@]}" --db empty
	tell 3 '/binary: file is not a database' "$program" "${words[@]}" --db binary
	tell 2 'other.db is a database of another program' "$program" "${words[@]}" --db other.db
done
[ ! -s empty ] || wrong 'a command has written into an empty file'
tell 3 '^vfio-stress: open the store folder: Is a directory' "$program" run one.yaml --db folder
tell 2 'other.db is a database of another program' "$program" run one.yaml --db other.db

# --- no snapshot, or something else in its place ---
for command in 'diff good.json' 'devices --topology' 'preflight --topology' 'check one.yaml --topology' 'scan one.yaml --topology'; do
	read -ra words <<<"$command"
	tell 3 '^vfio-stress: open absent: No such file' "$program" "${words[@]}" absent
	tell 3 '^vfio-stress: read folder: Is a directory' "$program" "${words[@]}" folder
	for file in empty binary other.db one.yaml; do
		tell 2 "^vfio-stress: $file is no snapshot" "$program" "${words[@]}" $file
		grep -q '^  hint: .vfio-stress snapshot FILE. makes one' err || wrong "$command $file: no hint"
	done
done

# --- no scenario ---
for command in check run 'webhook test'; do
	read -ra words <<<"$command"
	tell 2 '^absent: error: No such file' "$program" "${words[@]}" absent
	tell 2 '^folder: error: is a directory' "$program" "${words[@]}" folder
	tell 2 '^empty: error: is empty' "$program" "${words[@]}" empty
	tell 2 '^binary: error: is a binary file' "$program" "${words[@]}" binary
done

# --- no log: what could not be read is not called empty ---
tell 3 '^vfio-stress: open absent: No such file' "$program" scan absent
grep -q 'the log is empty' out && wrong 'a log that is not there is called empty'
tell 3 '^vfio-stress: other.db is a database, not lines of text' "$program" scan other.db
tell 3 '^vfio-stress: binary is a program' "$program" scan binary
tell 3 '^vfio-stress: no kernel log in folder' "$program" scan folder
tell 0 '^nothing was read: the log is empty, which proves nothing' "$program" scan empty

# --- no such word ---
for command in 'nosuch' 'run --nosuch' 'list nosuch' 'list steps nosuch' 'report --db runs.db -f nosuch' 'scan -f nosuch' \
	'devices nosuch' 'runs nosuch' 'webhook nosuch' 'scan --since nosuch' 'runs prune --older-than nosuch'; do
	read -ra words <<<"$command"
	tell 2 nosuch "$program" "${words[@]}"
	grep -q '^  hint: ' err || wrong "$command: no hint: $(cat err)"
done

# --- another host's libvirt: its domains hold none of this host's devices ---
for command in devices preflight snapshot; do
	for uri in qemu+ssh://elsewhere/system foo: ''; do
		tell 2 "^vfio-stress: '$uri' is not a local libvirt connection" "$program" $command --connect "$uri"
	done
done

# --- not root ---
as_nobody=(env HOME=/nonexistent XDG_STATE_HOME= "$program")
chmod 755 .
mkdir closed shown
"$fill" closed/runs.db ended
"$fill" shown/runs.db ended
if [ "$(id -u)" = 0 ]; then
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups "${as_nobody[@]}")
	chmod 700 closed
	chmod 644 shown/runs.db
else
	chmod 000 closed
	chmod 444 shown/runs.db
	chmod 555 shown
fi
if "${as_nobody[@]}" version >/dev/null 2>&1; then
	for command in report runs watch undo resume deliver; do
		tell 3 '^vfio-stress: open the store closed/runs.db: Permission denied' "${as_nobody[@]}" $command --db closed/runs.db
		grep -q '^  hint: .*root' err || wrong "$command of root's store: no hint"
	done
	tell 3 '^  hint: this user has stored no run yet: .* root' "${as_nobody[@]}" report
	tell 0 '^nothing is left to undo: there is no store /nonexistent/' "${as_nobody[@]}" undo
	tell 0 '^nothing to resume: there is no store /nonexistent/' "${as_nobody[@]}" resume
	# another one's folder, and a store in it that anybody may read
	tell 0 '^FAIL: 0000:41:00.0' "${as_nobody[@]}" report --db shown/runs.db
	tell 3 '^vfio-stress: open the store shown/runs.db: Permission denied' "${as_nobody[@]}" undo --db shown/runs.db
else
	echo "not tried: commands of another user than root: setpriv (package util-linux) cannot run $program as one"
fi
chmod 755 closed shown

# --- no room, nobody who reads ---
for command in check\ one.yaml devices 'diff good.json good.json' 'report --db runs.db' 'runs --db runs.db' 'scan one.yaml' \
	'list steps' version help 'deliver --db runs.db' 'undo --db runs.db'; do
	read -ra words <<<"$command"
	code=0
	"$program" "${words[@]}" >/dev/full 2>err </dev/null || code=$?
	[ $code = 3 ] && grep -q '^vfio-stress: .*: No space left on device$' err || wrong "$command on a full disk: $code: $(cat err)"
done
code=0
"$program" run one.yaml --db detached.db --kmsg kmsg --detach -q >/dev/full 2>err </dev/null || code=$?
[ $code = 0 ] && grep -q 'No space left' err || wrong "a run that goes on is not one that was refused: $code: $(cat err)"
"$program" watch --db detached.db >out 2>err || wrong "it does not go on: $(cat out err)"

# --- what is drawn where there is no telling what the terminal can ---
for term in '' dumb; do
	script -qec "env -u NO_COLOR TERM=$term '$program' report --db runs.db" /dev/null </dev/null >out 2>err
	grep -q '^FAIL' out || wrong "no report with TERM='$term': $(cat out err)"
	! grep -q $'\033' out || wrong "colours with TERM='$term'"
done
script -qec "env -u NO_COLOR TERM=xterm '$program' report --db runs.db" /dev/null </dev/null >out 2>err
grep -q $'^\033.*FAIL' out || wrong "no colours with TERM=xterm: $(cat out err)"

exit $bad

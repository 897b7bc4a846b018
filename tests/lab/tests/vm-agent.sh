#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest agent: boots proved by it, commands, load in the background. A Linux guest in an emulated
# host takes minutes to boot. Needs --linux-guest.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=vm.sh
. "$(dirname "$0")/vm.sh"

vm --linux --agent
scenario '{agent: true, timeout: 400s}' start \
	'guest: {run: [uname, -a], expect: Linux}' \
	'guest: {run: [sh, -c, "echo no >&2; exit 3"], expect-failure: guest-exit}' \
	'guest: {run: [echo, hello], expect: nope, expect-failure: unexpected-output}' \
	'guest: {run: [sleep, "600"], timeout: 3s, expect-failure: timeout}' \
	'guest: {run: [sleep, "2"], background: true, may-exit: true}' \
	'guest: {run: [sleep, "600"], background: true}' \
	'hold: 5s' vm-reset \
	'guest: {run: [sleep, "2"], background: true}' \
	'hold: {duration: 60s, expect-failure: background-ended}' \
	destroy
runs 0
grep -qE '"boots_proved": ?true' run.json || fail "the boots were not proved"
is_off
virsh -q undefine vm

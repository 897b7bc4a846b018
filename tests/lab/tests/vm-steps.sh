#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every VM step on a real guest with a real device; readiness by every kind of console.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=vm.sh
. "$(dirname "$0")/vm.sh"
ready='{serial: "L2 READY", timeout: 60s}'

# libvirtd is restarted while nothing needs it
vm --serial log
scenario "$ready" start vm-reset reboot 'suspend: 1s' \
	'hold: {duration: 6s, timeout: 60s}' shutdown start stop start destroy start kill
when_held die_and_return
runs 0
wait
grep -q 'connection to libvirtd was lost and came back' run.json || fail "the loss is not told"
is_off
grep -qE '"boots_proved": ?true' run.json || fail "the boots were not proved"
# a boot each for four starts, vm-reset and reboot
[ "$(grep -c 'L2 READY' /run/lab/vm.serial)" = 6 ] || fail "not six boots: $(cat /run/lab/vm.serial)"

for kind in pty unix; do
	vm --serial $kind
	scenario "$ready" start vm-reset destroy
	runs 0
	is_off
done

# a guest that ran before is left running, and a way to be ready that is not there is refused
vm --serial file
virsh -q start vm
scenario "$ready" start shutdown
runs 3
says "domain 'vm' is running"
[ "$(virsh -q domstate vm)" = running ] || fail "the refused run stopped the domain"
sed -i 's/domain: vm/domain: vm\n    take-over: true/' scenario.yaml
runs 0
[ "$(virsh -q domstate vm)" = running ] || fail "the domain was not started again"
grep -q 'L2 POWERBUTTON' /run/lab/vm.serial || fail "the guest was not asked to power off"
virsh -q destroy vm
scenario agent start shutdown
runs 3
says 'no guest agent channel'
is_off
# a guest that powers off long after it was asked to: nobody else pressed its button
vm --serial log --kernel-args "ignorepwr poweroff-after=10"
scenario "$ready" start 'shutdown: {timeout: 3s, expect-failure: shutdown-ignored}' \
	'hold: {duration: 60s, expect-failure: guest-stopped-itself}'
runs 0
is_off
virsh -q undefine vm

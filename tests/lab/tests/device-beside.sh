#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whom a VM's start, reset and end change beside its devices is seen, and what another VM does there
# meanwhile is no such change.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain vm --devices 0000:08:00.0
domain gpu --devices "0000:07:00.0 0000:07:00.1"

# lane NAME STEPS [MORE]: a scenario whose lane is the VM
lane()
{
	scenario "$1" <<Y
lanes: [{domain: vm, ready: {serial: "L2 READY", timeout: 60s}${3:-}}]
steps: [$2]
bystanders: fail
Y
}

bar=$(setpci -s 07:00.1 BASE_ADDRESS_0)
lane start 'start, destroy'
start_run start
within 60 in_step vm 1 start
setpci -s 07:00.1 BASE_ADDRESS_0=0
ends 1
setpci -s 07:00.1 BASE_ADDRESS_0="$bar"
holds '.failures[0] | .step == "start" and .reason == "neighbour-differs"' \
	".failures[0].detail == \"0000:07:00.1, beside 0000:08:00.0: BAR 0 is 00000000, was $bar\""

others()
{
	while virsh -q start gpu && virsh -q destroy gpu; do
		echo >>others
	done
}
others &
lane apart '{reset: flr}, {reset: pm}, start, vm-reset, destroy, rescan'
run 0 apart
sees '^$' others 2 || fail "nothing else went on"
holds '[.notes[], .blind_spots[] | select(contains("beside"))] == []' \
	'[.lanes[0].steps[] | select(.word == "rescan") | .usable_ms.max] | all(. > 0)'
kill %1
wait
virsh -q destroy gpu

# the device itself is looked at also where libvirt binds it as it needs it
lane managed 'start, destroy' ', driver: managed'
run 0 managed
enabled()
{
	grep -qx 1 /sys/bus/pci/devices/0000:08:00.0/enable
}
start_run managed
within 60 in_step vm 1 start
within 60 enabled
sleep 1 # the reset that comes with it is over
dark 06:01.0
within 60 sees 'start failed' out
light 06:01.0
ends 1
holds '.failures[0] | .step == "start" and .reason == "device-unreadable"'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each way in which a guest, QEMU or somebody else can spoil a step ends it at once and has
# its own reason; the domain is put back. Needs --on AERNOW aer:rng0:COMP_TIME.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=vm.sh
. "$(dirname "$0")/vm.sh"
ready='{serial: "L2 READY", timeout: 60s}'
never='{serial: "L2 NEVER", timeout: 60s}'

# expect REASON CODE: the run ends with that reason, well before any step's time is up.
expect()
{
	local began=$EPOCHSECONDS

	runs "$2"
	reason "$1"
	[ $((EPOCHSECONDS - began)) -lt 50 ] || fail "$1 took $((EPOCHSECONDS - began)) s"
	wait
}

# --- the guest (more in guest-fates)
vm --panic-device --kernel-args panic
scenario "$never" start shutdown
expect guest-panicked 1
vm --panic-device --on-crash preserve --kernel-args panic-after=1
scenario "$ready" start 'hold: 60s' shutdown
expect guest-panicked 1
is_off
vm --kernel-args ignorepwr
scenario "$ready" start 'reboot: {timeout: 5s}' shutdown
expect reboot-ignored 1
scenario "$ready" start 'shutdown: {timeout: 3s}'
expect shutdown-ignored 1
is_off
scenario "$ready" start 'stop: 2s'
runs 0
is_off

# --- QEMU
vm --devices 0000:03:00.0
scenario "$ready" start 'hold: 60s' shutdown
when_held echo AERNOW >/dev/console
expect guest-paused-by-error 1
says vfio_err_notifier_handler
is_off

# --- others (libvirtd's own failures: libvirt-faults)
vm
for act in "stopped-by-other virsh -q destroy vm" "stopped-by-other virsh -q shutdown vm" \
	"paused-by-other virsh -q suspend vm" "reset-by-other virsh -q reset vm" \
	"undefined-by-other virsh -q undefine vm"; do
	vm
	# shellcheck disable=SC2086 # a command
	when_held ${act#* }
	expect "${act%% *}" 4
	case $act in
	undefined-by-other*) ! virsh -q domstate vm || fail "vm is there" ;;
	*) is_off ;;
	esac
done
[ ! -e /run/libvirt/qemu/vm.pid ] || fail "its QEMU is there"

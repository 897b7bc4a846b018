#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libvirtd dies, hangs and is used by others: each has its own reason, which is never the device's or
# the guest's, and the domain is put back.
# shellcheck disable=SC2119 # the domain without options is what is meant
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=vm.sh
. "$(dirname "$0")/vm.sh"
ready='{serial: "L2 READY", timeout: 60s}'

# is_off: the domain is as it was found.
is_off()
{
	[ "$(virsh -q domstate vm)" = "shut off" ] || fail "vm is $(virsh -q domstate --reason vm)"
}

# when_in STEP COMMAND...: in the background, once the run that follows has come there.
when_in()
{
	local step=$1

	shift
	: >out # the run before must not answer for it
	rm -f acted
	(
		within 120 in_step vm 1 "$step"
		"$@"
		: >acted
	) &
}

# acted: what was to be done meanwhile was done.
acted()
{
	wait
	[ -e acted ] || fail "nothing was done to libvirtd or the domain: this run proves nothing"
}

# killed and started again in the middle of each step
broken=0
for step in start 'hold: {duration: 8s, timeout: 60s}' 'suspend: 8s' vm-reset reboot shutdown 'stop: 20s' kill destroy; do
	vm
	before=$(cat /run/libvirtd.pid)
	case $step in
	start) scenario "$ready" start destroy ;;
	destroy) scenario "$ready" start destroy ;;
	*) scenario "$ready" start "$step" destroy ;;
	esac
	when_in "${step%%:*}" die_and_return
	rc=0
	vfio-stress run -v --db runs.db --report json:run.json scenario.yaml >out 2>&1 || rc=$?
	acted
	[ "$(cat /run/libvirtd.pid)" != "$before" ] || fail "libvirtd lives on in $step"
	cat out
	case $rc in
	0) ;; # it was over before, or did not need it
	4) reason 'libvirt-(lost|error)'
		broken=$((broken + 1))
		[ "${step%%:*}" != hold ] || fail "a hold needs no libvirtd" ;;
	*) fail "libvirtd killed in $step: exit code $rc" ;;
	esac
	grep -q '"left": \?\[\]' run.json || fail "libvirtd killed in $step: something is left to undo"
	is_off
done
[ $broken -gt 0 ] || fail "libvirtd was missed by no step"

# it hangs: keepalive ends the connection
hang()
{
	local pid

	pid=$(cat /run/libvirtd.pid)
	kill -STOP "$pid"
	within 60 sees 'libvirt-silent' out
	kill -CONT "$pid"
}
vm
scenario "$ready" start 'hold: 90s' destroy
when_in hold hang
runs 4
reason libvirt-silent
acted
is_off

# somebody's job has the domain and does not end
hold_lock()
{
	local qemu

	qemu=$(cat /run/libvirt/qemu/vm.pid)
	kill -STOP "$qemu"
	virsh -q reset vm &
	within 100 sees 'libvirt-busy' out
	kill -CONT "$qemu"
	wait
}
vm
scenario "$ready" start 'hold: 5s' vm-reset destroy
when_in hold hold_lock
runs 4
reason libvirt-busy
acted
is_off

# somebody renames it while it is off
vm
scenario "$ready" 'hold: 30s' start destroy
when_in hold virsh -q domrename vm elsewhere
runs 4
reason renamed-by-other
acted
virsh -q domrename elsewhere vm
is_off
virsh -q undefine vm

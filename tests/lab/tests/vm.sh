# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the tests of VM steps: . "$(dirname "$0")/vm.sh" after lib.sh. libvirtd runs then.

lab-libvirtd start

# vm OPTION...: defines the domain `vm` anew (options of lab-domain).
vm()
{
	virsh -q destroy vm >/dev/null 2>&1
	virsh -q undefine vm --managed-save >/dev/null 2>&1
	: >/run/lab/vm.serial 2>/dev/null
	lab-domain vm "$@" >vm.xml || fail "lab-domain $*"
	virsh -q define vm.xml || fail "virsh define"
}

# scenario READY STEP...: writes scenario.yaml, one cycle of these steps on `vm`.
scenario()
{
	local ready=$1

	shift
	printf 'version: 1\nname: steps\nlanes:\n  - domain: vm\n    devices: []\n    ready: %s\n' "$ready"
	printf 'steps:\n'
	printf '  - %s\n' "$@"
} >scenario.yaml

# runs CODE: runs scenario.yaml; the report is ./run.json.
runs()
{
	exits "$1" vfio-stress run -v --db runs.db --report json:run.json scenario.yaml
}

# reason WORD: the run's failure has that reason.
reason()
{
	grep -qE "\"reason\": ?\"$1\"" run.json || { cat run.json; fail "the reason is not $1"; }
}

# die_and_return: libvirtd is killed, and started again
die_and_return()
{
	lab-libvirtd kill
	lab-libvirtd start
}

# is_off: the domain is as it was found.
is_off()
{
	[ "$(virsh -q domstate vm)" = "shut off" ] || fail "vm is $(virsh -q domstate --reason vm)"
}

# when_held COMMAND...: in the background, once the run that follows holds its guest.
when_held()
{
	: >out # the run before must not answer for it
	(
		within 120 in_step vm 1 hold
		"$@"
	) &
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# preflight.sh PROGRAM TREE: `preflight`, `devices` and `list checks` as a user meets them, on recorded
# machines: exit codes, what goes to which output, and that nothing in the machine is changed.
set -u
program=${1:?usage: preflight.sh PROGRAM TREE}
tree=${2:?usage: preflight.sh PROGRAM TREE}
trees=$(cd "$(dirname "$0")/../trees" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-preflight.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

# expect CODE PATTERN ARGUMENTS...: the exit code, and a line of either output that matches.
expect()
{
	local code=$1 pattern=$2 rc=0

	shift 2
	"$program" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	[ $rc = "$code" ] || { echo "$*: exit $rc, not $code" >&2; bad=1; }
	grep -q -e "$pattern" "$dir/out" "$dir/err" || {
		echo "$*: nothing matches '$pattern':" >&2
		cat "$dir/out" "$dir/err" >&2
		bad=1
	}
}

# fits ARGUMENTS...: whatever is wrong, it is no more than a screen, and says how to see all of it.
fits()
{
	"$program" preflight "$@" >"$dir/out" 2>/dev/null </dev/null
	awk 'length($0) > 80 { exit 1 } END { exit NR > 23 || !/-v shows and explains all/ }' "$dir/out" || {
		echo "preflight $*: more than a screen:" >&2
		cat "$dir/out" >&2
		bad=1
	}
}

# machine NAME: of a recorded one, the options that stand for it
machine()
{
	[ -d "$dir/$1" ] || { mkdir "$dir/$1" && "$tree" unpack "$trees/$1.tree" "$dir/$1"; }
	options=(--root "$dir/$1" --kmsg "$trees/$1.kmsg")
}

machine intel
find "$dir/intel" -printf '%p %l %s %T@\n' | sort >"$dir/before"
expect 0 '^  warn  *0 failed' preflight "${options[@]}"
expect 0 'device.group of 0000:08:00.0: group 20: with bridges only' \
	preflight -v 0000:08:00.0 "${options[@]}"
expect 1 'device.users of 0000:00:03.0: the host uses it: disk vdb -> mounted' preflight 00:03.0 "${options[@]}"
expect 0 '"schema": "vfio-stress/preflight/1"' preflight --json class:gpu "${options[@]}"
expect 3 '^  unknown  kernel.log-ring: open .*nowhere' preflight --root "$dir/intel" --kmsg "$dir/nowhere"
expect 2 'does not select a device' preflight gpu "${options[@]}"
expect 3 "no device here is '10de:2684'" preflight 10de:2684 "${options[@]}"
expect 3 '/sys/bus/pci/devices' preflight --root "$dir/nowhere"
expect 0 '0000:02:00.0 .* flr bus' devices "${options[@]}"
expect 0 '^group 14' devices --groups class:gpu "${options[@]}"
expect 2 'exclude each other' devices --tree --json "${options[@]}"
expect 3 "no device here is '0000:ff:00.0'" devices 0000:ff:00.0 "${options[@]}"
find "$dir/intel" -printf '%p %l %s %T@\n' | sort >"$dir/after"
cmp "$dir/before" "$dir/after" || { echo "the machine was changed" >&2; bad=1; }

expect 0 '29 functions, 23 IOMMU groups, 1 domain' snapshot "$dir/intel.json" "${options[@]}"
expect 0 '"schema": "vfio-stress/snapshot/1"' snapshot "${options[@]}"
expect 3 "create snapshot '$dir/nowhere/x'" snapshot "$dir/nowhere/x" "${options[@]}"
expect 3 "write snapshot '/dev/full'" snapshot /dev/full "${options[@]}"
# another machine: the same is said of it, after a line that says whose it is
for command in 'preflight -v' 'preflight --json class:gpu' 'devices --all' 'devices --tree'; do
	# shellcheck disable=SC2086
	expect 0 . $command "${options[@]}"
	grep -v '"snapshot"' "$dir/out" >"$dir/live"
	# shellcheck disable=SC2086
	expect 0 'from the snapshot of lab at 20\|"snapshot": {"host":"lab"' \
		$command --topology "$dir/intel.json"
	grep -v '"snapshot"' "$dir/out" | sed '1{/^from the snapshot/{N;d}}' | cmp - "$dir/live" ||
		{ echo "$command: otherwise of a snapshot" >&2; bad=1; }
done
# before a run the same is asked, and told
printf '%s\n' 'version: 1' 'name: fit' 'connect: test:///default' \
	'lanes: [{name: a, devices: ["0000:02:00.0"]}]' 'steps: [{hold: 1s}]' >"$dir/fit.yaml"
expect 0 '^note: preflight warns' check "$dir/fit.yaml" "${options[@]}"
cp -r "$dir/intel" "$dir/kdump" && echo >"$dir/kdump/proc/vmcore"
expect 3 'this is the kernel that saves the dump of a crash' run "$dir/fit.yaml" --db "$dir/runs.db" \
	--root "$dir/kdump" --kmsg "$trees/intel.kmsg"
[ ! -e "$dir/runs.db" ] || { echo "a run was begun that is refused" >&2; bad=1; }
expect 3 '^would be refused: .*kernel.crash-kernel' run --dry-run "$dir/fit.yaml" \
	--root "$dir/kdump" --kmsg "$trees/intel.kmsg"

head -c 30000 "$dir/intel.json" >"$dir/cut.json"
expect 2 'cut.json:[0-9]*:[0-9]*: ' devices --topology "$dir/cut.json"
expect 2 'not a snapshot' devices --topology "$trees/../../docs/schema/run-1.schema.json"
expect 3 'nowhere.json' devices --topology "$dir/nowhere.json"
expect 2 'exclude each other' devices --topology "$dir/intel.json" --connect test:///default

expect 0 'nothing has changed' diff "$dir/intel.json" "$dir/intel.json"
sed 's/"reset_methods":"flr bus"/"reset_methods":"bus"/' "$dir/intel.json" >"$dir/less.json"
expect 1 '^regression    0000:02:00.0: reset methods: flr is lost' diff "$dir/intel.json" "$dir/less.json"
expect 0 '^improvement ' diff "$dir/less.json" "$dir/intel.json"
expect 1 '"result": "regression"' diff --json "$dir/intel.json" "$dir/less.json"
expect 2 'cut.json' diff "$dir/intel.json" "$dir/cut.json"
expect 2 'not two' diff - -
expect 2 'BEFORE AFTER is missing' diff "$dir/intel.json"
sed 's/"state":"read","errno":0,"length":[0-9]*,"rows":[^]]*/"state":"asleep","errno":0,"length":0,"rows":[/' \
	"$dir/intel.json" >"$dir/asleep.json"
expect 3 'not compared' diff "$dir/intel.json" "$dir/asleep.json"

cat >"$dir/check.yaml" <<'X'
version: 1
name: check
lanes: [{domain: vm, ready: {delay: 1s}}]
steps: [{reset: {method: flr, if-offered: true}}]
X
expect 0 'reset 0000:02:00.0 by flr' check --topology "$dir/intel.json" "$dir/check.yaml"
expect 3 'a snapshot cannot tell' check --strict --topology "$dir/intel.json" "$dir/check.yaml"
sed 's/"reset_methods":"flr bus"/"reset_methods":"bus"/' "$dir/intel.json" >"$dir/less.json"
expect 0 "0000:02:00.0 offers 'bus', not 'flr'" check --topology "$dir/less.json" "$dir/check.yaml"
echo 'nvme 0000:02:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)' >"$dir/log"
expect 0 'is  *1b36:0010 .*nvme' scan --topology "$dir/intel.json" "$dir/log"
expect 2 'for people' scan --format json --topology "$dir/intel.json" "$dir/log"

machine amd
expect 0 'iommu.interrupt-remapping: they are remapped' preflight -v "${options[@]}"
machine none
expect 1 'iommu.groups: there are no IOMMU groups' preflight "${options[@]}"
fits "${options[@]}"
fits --all "${options[@]}"
fits "${options[@]}" 00:00.0 00:02.0 00:03.0 00:04.0 00:05.0
machine intel
fits "${options[@]}"
fits --all --topology "$dir/intel.json"
rm -r "$dir/intel/proc" "$dir/intel/sys/kernel" # nearly nothing can be told
fits --all "${options[@]}"

expect 0 '^device.reset  *how can it be reset' list checks
expect 0 'where it fails no run begins' list checks device.config
expect 2 "did you mean 'iommu.groups'" list checks iommu.group
exit $bad

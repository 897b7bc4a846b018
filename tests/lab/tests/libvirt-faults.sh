#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libvirtd dies, hangs and is used by others: each has its own reason, which is never the device's or
# the guest's, and all is put back. It is killed and started again in the middle of each step: what needs
# libvirtd is broken by that, what does not goes on. All of that is counted in a table.
# shellcheck disable=SC2119 # the domain without options is what is meant
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=vm.sh
. "$(dirname "$0")/vm.sh"
ready='{serial: "L2 READY", timeout: 60s}'
rng=0000:03:00.0
attempts=4 # to kill it in the middle of a step that may be over soon

# acted: what was to be done meanwhile was done.
acted()
{
	wait
	[ -e acted ] || fail "nothing was done to libvirtd or the domain: this run proves nothing"
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

# --- killed and started again in the middle of each step

# die_in STEP: libvirtd is killed as soon as that begins, and started again. Spins, because a function
# level reset is over after 0.1 s. When it was done, in ms: ./killed
die_in()
{
	local until=$((EPOCHSECONDS + 120)) pid text=''

	read -r pid </run/libvirtd.pid
	until [[ $text =~ 'info: lane: vm cycle '[0-9]+': '$1[[:space:]] ]]; do
		[ $EPOCHSECONDS -lt $until ] || fail "the run does not come to $1"
		IFS= read -r -d '' text <out
	done
	kill -9 "$pid"
	echo $((${EPOCHREALTIME/[.,]/} / 1000)) >killed
	die_and_return
}

# as_it_is: all of the host that a run may change
as_it_is()
{
	echo "$(driver_of $rng) $(cat /sys/bus/pci/devices/$rng/reset_method) $(timeout 60 virsh -q domstate vm)" \
		"$(grep -ls qemu-system /proc/[0-9]*/comm | wc -l)"
}

# in_the_middle PHASE STEP: was libvirtd killed while that ran? By the stored times, in ms.
in_the_middle()
{
	vfio-stress report latest --db runs.db --format ocp >run.ocp
	jq -es --arg name "vm: $1 step [0-9]+: $2( |:|\$)" --argjson killed "$(cat killed)" '
		[.[].testStepArtifact | select(.)] as $all |
		[$all[] | select(.testStepStart.name? // "" | test($name)) | .testStepId] as $ids |
		[$all[] | select(.testStepId | IN($ids[])) | .measurementSeriesElement | select(.) |
			(.timestamp | (.[:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber)) as $over |
			select($killed <= $over and $killed >= $over - .value / 1000)] | length > 0
	' run.ocp >/dev/null
}

# judge RC PHASE STEP KIND: counts what became of it. True when it was in the middle of the step.
judge()
{
	local began stored

	began=$(grep -c '^info: lane: vm cycle ' out)
	stored=$(jq '([.lanes[0].steps[] | .count - .skipped] | add) - .klog.lost' run.json)
	if [ "$began" != "$stored" ]; then
		lost=$((lost + began - stored))
		echo "lost: $began steps began, $stored are stored: $(jq -c '.klog, .lanes[0].steps' run.json)"
	fi
	if [ "$(as_it_is)" != "$found" ] || ! jq -e '.undo.left == []' run.json >/dev/null; then
		left=$((left + 1))
		echo "left: $(as_it_is), not $found; $(jq -c .undo run.json)"
	fi
	case $4 in
	needs) # broken, in this step, and by nothing else, nor is what `after` tries before it is back; or it
		# was over, or is noticed by the next
		jq -e '.verdict == "pass" or (.verdict == "broken" and
			([.failures[] | [.outcome, .reason]] | unique) == [["broken", "libvirt-lost"]] and
			([.failures[] | select(.cycle != null)] | length) <= 1)' run.json >/dev/null &&
			[ "$1" = "$(jq .exit_code run.json)" ] || wrongly
		jq -e --arg step "$3" '.failures[0].step == $step' run.json >/dev/null ;;
	idles)
		jq -e '.verdict == "pass" and (.blind_spots |
			any(contains("connection to libvirtd was lost and came back")))' run.json >/dev/null &&
			[ "$1" = 0 ] || wrongly
		in_the_middle "$2" "$3" ;;
	esac
}

wrongly()
{
	wrong=$((wrong + 1))
	echo "wrong: $(jq -c '{verdict, exit_code, failures, incidents, blind_spots}' run.json)"
}

# dies NEEDS|IDLES PHASE STEP DEVICES STEPS [BEFORE AFTER]: libvirtd, in that step of that scenario.
# Again, when it came too late.
dies()
{
	local tried=0 hit=0 rc lost=0 wrong=0 left=0 found

	found=$(as_it_is)
	cat >scenario.yaml <<-X
	version: 1
	name: steps
	lanes: [{domain: vm, devices: $4, ready: $ready}]
	${6:+before: $6}
	steps: $5
	${7:+after: $7}
	X
	while [ $hit = 0 ] && [ $tried -lt $attempts ]; do
		tried=$((tried + 1)) rc=0
		: >out
		rm -f killed run.json
		die_in "$3" &
		vfio-stress run -v --db runs.db --report json:run.json scenario.yaml >out 2>&1 || rc=$?
		wait $! && [ -s killed ] && [ -s run.json ] ||
			{ cat out; fail "libvirtd was not killed in $3, or there is no report"; }
		judge $rc "$2" "$3" "$1" && hit=1
		[ "$lost $wrong $left" = "0 0 0" ] || cat out
	done
	printf '| %-8s | %-6s | %-6s | %5s | %6s | %4s | %5s | %4s |\n' "$3" "$2" \
		"$([ "$4" = '[]' ] || echo rng)" $tried $((tried - hit)) $lost $wrong $left | tee -a table
	[ $hit = 1 ] || never_hit+=" $3"
}

echo '| step     | list   | device | tried | missed | lost | wrong | left |' >table
never_hit=
vm
dies needs cycle start '[]' '[start, destroy]'
dies needs cycle vm-reset '[]' '[start, vm-reset, destroy]'
dies needs cycle reboot '[]' '[start, reboot, destroy]'
dies needs cycle suspend '[]' '[start, {suspend: 8s}, destroy]'
dies needs cycle shutdown '[]' '[start, shutdown]'
dies needs cycle stop '[]' '[start, {stop: 20s}]'
dies needs cycle kill '[]' '[start, kill]'
dies needs cycle destroy '[]' '[start, destroy]'
dies idles cycle hold '[]' '[start, {hold: {duration: 8s, timeout: 60s}}, destroy]'
dies needs before start '[]' '[{hold: 1s}]' '[start]' '[destroy]'
dies needs after shutdown '[]' '[{hold: 1s}]' '[start]' '[shutdown]'
vm --devices $rng
dies needs cycle start "[$rng]" '[start, destroy]'
dies needs cycle destroy "[$rng]" '[start, destroy]'
dies idles cycle hold "[$rng]" '[start, {hold: {duration: 8s, timeout: 60s}}, destroy]'
dies idles cycle rebind "[$rng]" '[{rebind: virtio-pci}, {rebind: vfio-pci}, {hold: 1s}]'
dies idles cycle reset "[$rng]" '[{reset: flr}, {hold: 1s}, start, destroy]'
dies idles cycle rescan "[$rng]" '[rescan, {hold: 1s}, start, destroy]'
dies idles cycle check "[$rng]" '[check, {hold: 1s}]'
dies idles before reset "[$rng]" '[{hold: 1s}]' '[{reset: flr}, {hold: 1s}]'
dies idles after reset "[$rng]" '[check]' '' '[{reset: flr}, {hold: 1s}]'
awk -F '|' '
	{ print }
	NR > 1 { for (i = 5; i <= 9; i++) all[i] += $i }
	END { printf "| %-8s | %-6s | %-6s | %5d | %6d | %4d | %5d | %4d |\n", "all", "", "",
		all[5], all[6], all[7], all[8], all[9]
		exit all[7] + all[8] + all[9] > 0 }' table || fail "records lost, verdicts wrong, or things left"
[ -z "$never_hit" ] || fail "libvirtd was never killed in the middle of:$never_hit"

# --- it hangs: keepalive ends the connection
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

# --- somebody's job has the domain and does not end
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

# --- somebody renames it while it is off
vm
scenario "$ready" 'hold: 30s' start destroy
when_in hold virsh -q domrename vm elsewhere
runs 4
reason renamed-by-other
acted
virsh -q domrename elsewhere vm
is_off
virsh -q undefine vm

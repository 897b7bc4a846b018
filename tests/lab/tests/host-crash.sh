#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The host dies in the middle of a reset: by a panic, by the reset button, by a power cut. Each boot
# resumes the run of the one before, as a boot hook does: it names the step and the device, has the
# kernel's last words where pstore kept them, and leaves nothing changed. ROUNDS of these, each at a
# random instant of the reset (SEED repeats them). GOES_ON: then a run goes on in the next boot.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:0b:00.0 # its bus reset takes 2 s and fails
kinds=(panic reset-host power-cut)
kept=/var/lib/vfio-stress # over a boot
last=$((${ROUNDS:-1} * ${#kinds[@]})) # boot that ends like this
seed=${SEED:-$(cat $kept/seed 2>/dev/null || echo $EPOCHSECONDS)}
echo "$seed" >$kept/seed
sync $kept/seed # what the host dies with is lost

# instant BOOT: in ms after the begin of that boot's reset
instant()
{
	RANDOM=$((seed + $1 * 7919))
	echo $((RANDOM % 1700))
}

die_as()
{
	case $1 in
	panic) echo c >/proc/sysrq-trigger ;;
	*) outside "$1 in $LAB_BOOT." ;;
	esac
}

# dies KIND: in the reset of the second cycle
dies()
{
	local ms

	cat /sys/bus/pci/devices/$device/reset_method >$kept/methods
	driver_of $device >$kept/driver
	scenario resets <<-X
	lanes: [{name: rng, devices: [$device]}]
	steps: [{reset: pm}, {hold: 1s}, {reset: {method: bus, expect-failure: reset-failed}}]
	repeat: {until: {cycles: 3}}
	tolerate: [{fault: pci.link-not-active, count: 3}]
	report: [{json: $kept/report.json}]
	${2-}
	X
	cp resets.yaml $kept/
	sync $kept/{methods,driver,resets.yaml} # these files alone: the store must see to itself
	start_run resets
	echo "$run_id" >$kept/run-id
	sync $kept/run-id
	within 60 in_step rng 2 hold
	narrowed $device bus
	ms=$(instant "$LAB_BOOT")
	echo "$1 at $ms ms, seed $seed"
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
	die_as "$1"
	sleep 60
	fail "the host did not die by $1"
}

# tells_when KIND: how far into the step it died. What comes before the reset itself, and between the
# decision and the death, takes its time here; a heartbeat may be a second old, and after a reset or a
# power cut, which leave no words of the kernel, what was written last may be lost with the disk's cache.
tells_when()
{
	local ms told least=0

	ms=$(instant $((LAB_BOOT - 1)))
	[ "$1" != panic ] || least=$((ms - 1100))
	if [[ $(<out) =~ 'step reset, less than 2 seconds in' ]]; then
		told=0 # the last heartbeat was from before the step
	elif [[ $(<out) =~ 'step reset, '([0-9]+)\.([0-9])' seconds in' ]]; then
		told=$((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] * 100))
	else
		fail "it is not told when"
	fi
	printf '| %-10s | %7d ms | %7d ms |\n' "$1" "$ms" $told >>$kept/told
	[ $told -ge $least ] && [ $told -le $((ms + 2500)) ] ||
		fail "$1 at $ms ms of the reset is told as $told ms into the step"
}

# died KIND: the run of the boot before is resumed, and judged
died()
{
	exits 0 vfio-stress runs
	says "died"
	exits 0 vfio-stress report
	says "ABORTED: suspect $device" "the run died"
	vfio-stress report --format json >report.json
	holds '.verdict == "aborted"' '.exit_code == 4' '.lanes[0].cycles == {done: 1, failed: 0}' \
		"[.failures[] | [.cycle, .step, .step_index, .device, .outcome, .reason]] ==
			[[2, \"reset\", 2, \"$device\", \"aborted\", \"run-died\"]]" \
		'[.incidents[] | [.id, .tolerated, .lane, .cycle, .step]]
			== [["pci.link-not-active", true, "rng", 1, "reset"]]'
	exits 1 vfio-stress resume
	says 'host died in lane rng, cycle 2, step reset, ' "FAIL: $device"
	tells_when "$1"
	says "not needed, the host was rebooted since"
	cp $kept/report.json .
	holds '.verdict == "fail"' '.exit_code == 1' '.undo.left == []' \
		'.lanes[0].cycles == {done: 1, failed: 0}' \
		"[.failures[] | [.cycle, .step, .step_index, .device, .outcome, .reason]] ==
			[[2, \"reset\", 2, \"$device\", \"fail\", \"host-died\"]]" \
		"[.incidents[] | select(.id == \"host.died\") | [.bdf, .lane, .cycle, .step]] ==
			[[\"$device\", \"rng\", 2, \"reset\"]]" \
		'.incidents[] | select(.id == "host.died") | .fields | .last_heartbeat and .last_marker'
	if [ "$1" = panic ]; then
		says 'its kernel said: Kernel panic - not syncing: sysrq triggered crash'
		holds '[.incidents[].id] | contains(["host.panic"])' \
			'[.incidents[] | select(.id == "host.died") | .fields.evidence[]] | any(contains("pstore"))'
	else
		says 'its kernel left no last words'
		holds '.blind_spots | any(contains("why the host died is not known"))'
	fi
	put_back
	exits 0 vfio-stress resume
	says "nothing to resume"
}

put_back()
{
	[ "$(cat /sys/bus/pci/devices/$device/reset_method)" = "$(cat $kept/methods)" ] ||
		fail "reset_method is $(cat /sys/bus/pci/devices/$device/reset_method)"
	[ "$(driver_of $device)" = "$(cat $kept/driver)" ] || fail "its driver is $(driver_of $device)"
	exits 0 vfio-stress undo
	says "nothing is left to undo"
}

# goes_on: the last of them continues in this boot
goes_on()
{
	exits 1 vfio-stress resume
	says "run $(cat $kept/run-id) goes on"
	cp $kept/report.json .
	holds ".run.id == \"$(cat $kept/run-id)\"" '.lanes[0].cycles == {done: 2, failed: 0}' \
		'[.failures[].reason] == ["host-died"]' '.undo.left == []'
	put_back
}

kind_of()
{
	echo "${kinds[($1 - 1) % ${#kinds[@]}]}"
}

if [ "$LAB_BOOT" -gt 1 ] && [ "$LAB_BOOT" -le $((last + 1)) ]; then
	died "$(kind_of $((LAB_BOOT - 1)))"
fi
if [ "$LAB_BOOT" -le "$last" ]; then
	dies "$(kind_of "$LAB_BOOT")"
elif [ -n "${GOES_ON-}" ] && [ "$LAB_BOOT" = $((last + 1)) ]; then
	dies power-cut "$(printf 'on-host-crash: continue\ncool-down: 0s')"
else
	[ -z "${GOES_ON-}" ] || goes_on
	echo '| host died  | after      | told       |'
	cat $kept/told
fi

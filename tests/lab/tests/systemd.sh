#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The units under a real systemd (--init systemd): a run as a service sees and does all that the same
# run does from a shell; it can be stopped, also with a lane that is stuck or sleeps in the kernel; it is
# killed when it hangs; and the resume unit ends what is left of it, then and after a panic. PARTS: only
# these of the first boot.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
nvme=0000:02:00.0
slow=0000:0b:00.0 # its bus reset takes 2 s and fails
kept=/var/lib/vfio-stress # over a boot
token=nobody-reads-this-in-a-journal
secret=whsec_bm9ib2R5IHJlYWRzIHRoaXMgaW4gYSBqb3VybmFs

# service NAME: /etc/vfio-stress/NAME.yaml, from what follows; its report: $kept/NAME.json
service()
{
	{
		cat
		printf 'report:\n- json: %s\n' "$kept/$1.json"
		# shellcheck disable=SC2016
		echo '- webhook: {url: "${env:WEBHOOK_URL}", secret: "${env:WEBHOOK_SECRET}"}'
	} | scenario "$1"
	cp "$1.yaml" /etc/vfio-stress/
}

property()
{
	systemctl show --value -p "$2" "vfio-stress@$1"
}

is_over()
{
	case $(property "$1" ActiveState) in
	inactive | failed) ;;
	*) false ;;
	esac
}

journal_of()
{
	journalctl --sync
	journalctl --no-pager -o cat -u "vfio-stress@$1" >journal
}

# in_service NAME PATTERN: what `systemctl status` says of it
in_service()
{
	property "$1" StatusText >status
	sees "$2" status || {
		! is_over "$1" || { journal_of "$1"; cat journal; fail "$1 is over"; }
		false
	}
}

# ended NAME RESULT CODE: as systemd has it (CODE is a pattern); report.json is its report
ended()
{
	local seen

	within 240 is_over "$1"
	journal_of "$1"
	cat journal
	rm -f report.json
	cp "$kept/$1.json" report.json || fail "$1 has left no report"
	seen="$(property "$1" Result) $(property "$1" ExecMainStatus)"
	# shellcheck disable=SC2053
	[[ $seen == $2\ $3 ]] || fail "$1 ended as '$seen', not '$2 $3'"
}

# --- as from a shell

# One connection after the other, each with one request: got.N has its body.
receive()
{
	local n=0 line length=0 body

	while true; do
		coproc TLS {
			openssl s_server -quiet -naccept 1 -accept 8443 -cert tls.pem -key tls.key 2>>tls.err
		}
		while IFS= read -r line <&"${TLS[0]}" && [ "${line%$'\r'}" != '' ]; do
			[[ ${line,,} != content-length:* ]] || length=${line//[!0-9]/}
		done
		LC_ALL=C IFS= read -r -N "$length" body <&"${TLS[0]}"
		n=$((n + 1))
		printf '%s' "$body" >"got.$n"
		printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' >&"${TLS[1]}"
		wait "$TLS_PID"
	done
}

start_receiver()
{
	printf '[req]\ndistinguished_name=dn\n[dn]\n' >tls.cnf
	openssl req -config tls.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout tls.key -out tls.pem -subj /CN=lab -addext subjectAltName=DNS:localhost \
		2>tls.err || fail "no certificate: $(cat tls.err)"
	cp tls.pem /etc/vfio-stress/ca.pem
	receive &
	# it listens: who finds nobody comes back much later
	within 20 grep -qs ':20FB 0*:0000 0A' /proc/net/tcp /proc/net/tcp6
	cat >/etc/vfio-stress/environment <<-X
	WEBHOOK_URL=https://localhost:8443/$token
	WEBHOOK_SECRET=$secret
	CURL_CA_BUNDLE=/etc/vfio-stress/ca.pem
	X
}

# what a report says but for times and chance
gist()
{
	jq -S '{schema, verdict, exit_code, simulated, boots_proved, host, blind_spots, undo, notes,
		klog: (.klog | del(.records)),
		preflight: [.preflight[] | [.id, .device, .domain, .item, .result]],
		lanes: [.lanes[] | {name, verdict, reason, devices, cycles,
			steps: [.steps[] | del(.ms, .usable_ms)]}],
		incidents: [.incidents[] | [.id, .bdf, .lane, .step, .seen_by]]}' "$1"
}

# less what changes from one moment to the next
fitness()
{
	jq -S . "$1" | sed -E 's/[0-9]+( of [0-9]+)? MiB (is |are )?available/N MiB available/g'
}

# as_unit NAME COMMAND...: what it prints, run by the unit's rules
as_unit()
{
	local name=$1

	shift
	sed "s,^ExecStart=.*,ExecStart=$*," /usr/lib/systemd/system/vfio-stress@.service |
		sed "s,^Type=.*,Type=oneshot\nStandardOutput=file:$PWD/$name.out\nSuccessExitStatus=1 3," \
			>"/run/systemd/system/$name.service"
	systemctl daemon-reload
	systemctl start "$name" || { journalctl --no-pager -o cat -u "$name"; fail "$name did not work"; }
}

as_from_a_shell()
{
	local said

	service whole <<-X
	lanes:
	  - {domain: vm, ready: {serial: "L2 READY", timeout: 90s}}
	  - {name: rng, devices: ["0000:09:00.0"], steps: [{reset: flr}, {reset: pm}, {hold: 200ms}, rescan]}
	before: [{rebind: vfio-pci}]
	steps: [start, reboot, vm-reset, {suspend: 200ms}, shutdown, start, kill, {reset: flr}, {reset: bus}, check]
	repeat: {until: {cycles: 1}}
	X
	exits 0 systemctl start vfio-stress@whole
	[ "$(property whole ActiveState)" = active ] || fail "not active when systemctl start returns"
	within 60 in_service whole '^run [0-9a-f-]*: 0 cycles done, 0 failed; vm: cycle 1, start; rng: '
	systemctl status --no-pager vfio-stress@whole
	ended whole success 0
	[ -s got.1 ] || fail "the webhook was not delivered"
	holds '.verdict == "pass"' '[.lanes[].cycles.done] == [1, 1]'
	gist report.json >inside || fail "the report is not as it was"

	(
		set -a
		# shellcheck source=/dev/null
		. /etc/vfio-stress/environment
		rm -f $kept/whole.json
		exits 0 vfio-stress run --quiet /etc/vfio-stress/whole.yaml
	) || exit
	gist $kept/whole.json >outside || fail "the report is not as it was"
	diff -u outside inside || fail "a run in the unit is not the same as one without"

	vfio-stress preflight --json >outside
	as_unit fit /usr/bin/vfio-stress preflight --json
	for said in outside fit.out; do
		jq -e '.checks | length > 10' $said >/dev/null || fail "no preflight: $(cat $said)"
	done
	diff -u <(fitness outside) <(fitness fit.out) ||
		fail "preflight in the unit is not the same as without"
	as_found
}

# as_found: what a run has put back
as_found()
{
	holds '.undo.left == []'
	[ "$(state_of vm)" = 'shut off' ] || fail "the domain is $(state_of vm)"
	[ "$(driver_of $nvme)" = "$driver" ] || fail "its driver is $(driver_of $nvme)"
}

# stops NAME SECONDS: systemctl stop returns within that
stops()
{
	local began=$EPOCHSECONDS

	exits 0 systemctl stop "vfio-stress@$1"
	echo "it took $((EPOCHSECONDS - began)) s"
	[ $((EPOCHSECONDS - began)) -le "$2" ] || fail "it took $((EPOCHSECONDS - began)) s"
}

# --- stopped in the middle

stopped()
{
	service stopped <<-X
	lanes:
	  - {domain: vm, ready: {serial: "L2 READY", timeout: 90s}, steps: [start, {hold: 60s}, shutdown]}
	  - {name: rng, devices: ["0000:09:00.0"], steps: [{reset: flr}, {hold: 200ms}]}
	repeat: {until: {cycles: 1000}}
	X
	exits 0 systemctl start vfio-stress@stopped
	within 90 in_service stopped 'vm: cycle 1, hold'
	stops stopped 60
	ended stopped exit-code 4
	holds '.verdict == "aborted"' '.failures == []'
	as_found
}

# --- stopped while its QEMU does not answer, and somebody else's command holds the domain's lock

is_held()
{
	kill -0 "$holder" 2>/dev/null || fail "nobody waits for QEMU any more"
	virsh -q domcontrol vm >control
	sees '^occupied' control
}

# $holder has the lock until QEMU is gone
hold_the_lock()
{
	kill -STOP "$(cat /run/libvirt/qemu/vm.pid)"
	virsh -q qemu-monitor-command vm --hmp 'info version' >/dev/null 2>&1 &
	holder=$!
	within 20 is_held
}

stuck()
{
	local holder

	service stuck <<-X
	lanes:
	  - {domain: vm, ready: {serial: "L2 READY", timeout: 90s}, steps: [start, {hold: 60s}, shutdown]}
	repeat: {until: {cycles: 2}}
	X
	exits 0 systemctl start vfio-stress@stuck
	within 90 in_service stuck 'vm: cycle 1, hold'
	hold_the_lock
	stops stuck 180
	! wait "$holder" || fail "QEMU has answered"
	ended stuck exit-code 4
	holds '.verdict == "aborted"'
	as_found
}

# The lane itself waits for the lock, in a step that does not end.
overdue()
{
	local holder

	service overdue <<-X
	lanes:
	  - domain: vm
	    ready: {serial: "L2 READY", timeout: 90s}
	    steps: [start, {hold: 20s}, {shutdown: {timeout: 20s}}]
	repeat: {until: {cycles: 2}}
	X
	exits 0 systemctl start vfio-stress@overdue
	within 90 in_service overdue 'vm: cycle 1, hold'
	hold_the_lock
	within 60 in_service overdue 'vm: cycle 1, shutdown'
	stops overdue 180
	! wait "$holder" || fail "QEMU has answered"
	ended overdue exit-code 1
	jq .notes report.json
	holds '.verdict == "fail"' '.notes | any(startswith("vm, stuck in shutdown: QEMU: "))' \
		'[.failures[] | [.lane, .cycle, .step, .reason]] == [["vm", 1, "shutdown", "timeout"]]'
	as_found
}

# --- stopped while QEMU sleeps in the kernel, for 140 s: its dead device is reset there. The lane, which
# waits for libvirt, is given 90 s; then its domain is off, and the dead device takes no driver.

destroying()
{
	service destroying <<-X
	lanes:
	  - {domain: dead, ready: {serial: "L2 READY", timeout: 90s}, steps: [start, {hold: 5s}, destroy]}
	  - {name: nvme, devices: [$nvme], steps: [{reset: flr}, {hold: 200ms}]}
	repeat: {until: {cycles: 1000}}
	X
	exits 0 systemctl start vfio-stress@destroying
	within 90 in_service destroying 'dead: cycle 1, hold'
	dark 00:15.0
	within 60 in_service destroying 'dead: cycle 1, destroy'
	stops destroying 240
	light 00:15.0
	ended destroying exit-code 1 # the kernel gave the device up
	jq .notes report.json
	holds '[.incidents[].id] == ["pci.not-ready-timeout"]' '.failures == []' \
		'.undo.left == ["bind 0000:09:00.0 to virtio-pci"]' \
		'[.lanes[] | [.name, .verdict]] == [["dead", "fail"], ["nvme", "aborted"]]' \
		'.notes | any(startswith("dead, stuck in destroy: QEMU: ") and contains("pci_dev_wait"))'
	[ "$(state_of dead)" = 'shut off' ] || fail "the domain is $(state_of dead)"
	within 120 vfio-stress undo
	[ "$(driver_of 0000:09:00.0)" = virtio-pci ] || fail "its driver is $(driver_of 0000:09:00.0)"
}

# --- stopped while a reset sleeps in the kernel: what is left behind is said, and has its device until
# the kernel is done. By the test seam it has 10 s.

# In the wait for a device that does not come back, not in any sleep.
is_asleep()
{
	local stack comm

	for stack in /proc/[0-9]*/stack; do
		read -r comm <"${stack%stack}comm" && [ "$comm" = vfio-stress ] &&
			grep -q pci_dev_wait "$stack" && return
	done 2>/dev/null
	false
}

# An FLR lasts 100 ms: when the dark came behind its end, it is done again.
falls_asleep()
{
	for _ in 1 2 3 4 5; do
		exits 0 systemctl start vfio-stress@asleep
		narrowed $nvme flr && dark 00:11.0
		! (within 5 is_asleep) >/dev/null || return 0
		light 00:11.0
		stops asleep 60
	done
	fail "it never sleeps"
}

asleep()
{
	local run='/usr/bin/vfio-stress run --quiet --kmsg /dev/kmsg --term-patience 10s'

	service asleep <<-X
	lanes:
	  - {name: dead, devices: [$nvme], steps: [{reset: flr}]}
	  - {name: rng, devices: ["0000:09:00.0"], steps: [{reset: flr}, {hold: 200ms}]}
	repeat: {until: {cycles: 1000}}
	X
	mkdir -p /run/systemd/system/vfio-stress@asleep.service.d
	printf '[Service]\nExecStart=\nExecStart=%s /etc/vfio-stress/%%i.yaml\n' "$run" \
		>/run/systemd/system/vfio-stress@asleep.service.d/short.conf
	systemctl daemon-reload
	falls_asleep
	stops asleep 30
	is_asleep || fail "nothing sleeps any more"
	ended asleep exit-code '[14]' # 1: the dark came before the reset, and the kernel complained
	jq .notes report.json
	sees "$nvme is quarantined: a call of an earlier run" journal || fail "what is left is not said"
	holds '.verdict == if any(.incidents[]; .severity == "fatal") then "fail" else "aborted" end' \
		'.failures == []' '.undo.left | length == 2' \
		'.lanes[0].reason | contains("a call of it is still in the kernel")' \
		'.notes | any(startswith("dead, stuck in reset: the lane: ") and contains("pci_dev_wait"))'
	light 00:11.0
	within 120 vfio-stress undo
	vfio-stress report latest --format json >report.json
	as_found
}

# --- it hangs: its manager ends it, and has another process end the run

resume_is_over()
{
	[ "$(systemctl show --value -p ActiveState vfio-stress-resume)" = inactive ] &&
		journalctl --no-pager -o cat -b -u vfio-stress-resume >journal &&
		sees "$1" journal
}

hung()
{
	service hung <<-X
	lanes: [{domain: vm, ready: {serial: "L2 READY", timeout: 90s}}]
	steps: [start, {hold: 60s}, shutdown]
	repeat: {until: {cycles: 2}}
	X
	mkdir -p /run/systemd/system/vfio-stress@hung.service.d
	printf '[Service]\nWatchdogSec=4s\n' >/run/systemd/system/vfio-stress@hung.service.d/short.conf
	systemctl daemon-reload
	exits 0 systemctl start vfio-stress@hung
	within 90 in_service hung 'vm: cycle 1, hold'
	kill -STOP "$(property hung MainPID)"
	within 30 is_over hung
	within 90 resume_is_over 'tool died'
	ended hung watchdog 6
	cat journal
	holds '.verdict == "broken"' '[.failures[].reason] == ["tool-died"]'
	as_found
}

# --- the host panics in a reset

panics()
{
	service panics <<-X
	lanes: [{name: slow, devices: [$slow]}]
	steps: [{reset: pm}, {hold: 5s}, {reset: {method: bus, expect-failure: reset-failed}}]
	repeat: {until: {cycles: 3}}
	tolerate: [{fault: pci.link-not-active, count: 3}]
	X
	exits 0 systemctl start vfio-stress@panics
	within 60 in_service panics 'slow: cycle 2, hold'
	narrowed $slow bus
	sleep 0.5
	echo c >/proc/sysrq-trigger
	sleep 60
	fail "the host did not panic"
}

is_delivered()
{
	case $(systemctl show --value -p ActiveState vfio-stress-deliver) in
	inactive | failed) ;;
	*) false ;;
	esac
}

# delivers_all: by the unit of the timer. An exit code of 4, something is left, is a success of the unit.
delivers_all()
{
	local seen

	systemctl start vfio-stress-deliver
	within 90 is_delivered
	journalctl --no-pager -o cat -b -u vfio-stress-deliver
	seen=$(systemctl show --value -p Result,ExecMainStatus vfio-stress-deliver | sort | xargs)
	[ "$seen" = '0 success' ] || fail "the delivery ended as '$seen'"
}

# by the time that the boot is done the resume unit has ended the run
panicked()
{
	[ "$(systemctl show --value -p Result,ActiveState vfio-stress-resume | xargs)" = 'success inactive' ] ||
		fail "resume: $(systemctl status --no-pager vfio-stress-resume)"
	journalctl --no-pager -o cat -b -u vfio-stress-resume >out
	cat out
	says 'host died in lane slow, cycle 2, step reset, ' "FAIL: $slow" \
		'its kernel said: Kernel panic - not syncing: sysrq triggered crash'
	cp $kept/panics.json report.json || fail "there is no report"
	holds '.verdict == "fail"' '.undo.left == []' '[.failures[].reason] == ["host-died"]' \
		'[.incidents[] | select(.id == "host.died") | .fields.evidence[]] | any(contains("/systemd/pstore"))'
	# nobody listened then; the timer's unit sends it (without what a build with sanitizers does at its
	# end: it would trace itself, which the unit forbids)
	start_receiver
	echo ASAN_OPTIONS=detect_leaks=0 >>/etc/vfio-stress/environment
	delivers_all
	grep -qs '"host-died"' got.* || fail "the panic was not told"
}

tells_no_secrets()
{
	journalctl --sync
	journalctl --no-pager -o json -a >journal
	sees '"_SYSTEMD_UNIT":"vfio-stress[@-]' journal || fail "there is no journal"
	systemctl show --all 'vfio-stress*' >>journal
	sees '^Id=vfio-stress' journal || fail "there are no units"
	! sees "$token" journal || fail "the webhook's address is in the journal: $(grep -m 3 "$token" journal)"
	! sees "${secret#whsec_}" journal || fail "the webhook's secret is in the journal"
}

# What a run could not tell, its receiver being away, is told by the unit.
left_to_tell()
{
	local run id

	service left <<-X
	lanes: [{name: rng, devices: ["0000:09:00.0"]}]
	steps: [check]
	repeat: {until: {cycles: 1}}
	X
	WEBHOOK_URL=https://localhost:1/ WEBHOOK_SECRET=$secret \
		vfio-stress run --quiet /etc/vfio-stress/left.yaml &
	run=$!
	within 60 test -s $kept/left.json
	kill -INT $run
	exits 0 wait $run
	exits 4 vfio-stress deliver
	# the sanitizer that looks for leaks traces its own process, which this unit must not
	mkdir -p /run/systemd/system/vfio-stress-deliver.service.d
	printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' \
		>/run/systemd/system/vfio-stress-deliver.service.d/leaks.conf
	systemctl daemon-reload
	id=$(jq -re .run.id $kept/left.json) || fail "which run is that?"
	! grep -qsF "$id" got.* || fail "it was told before"
	delivers_all
	grep -qsF "\"$id.ended\"" got.* || fail "what was left was not told"
	exits 0 vfio-stress deliver
}

wanted()
{
	[[ " ${PARTS:-$1} " == *" $1 "* ]] && echo "--- $1"
}

if [ "$LAB_BOOT" = 1 ]; then
	domain vm --devices $nvme
	domain dead --devices 0000:09:00.0
	start_receiver
	driver=$(driver_of $nvme)
	wanted as_from_a_shell && as_from_a_shell
	wanted stopped && stopped
	wanted stuck && stuck
	wanted overdue && overdue
	wanted destroying && destroying
	wanted asleep && asleep
	wanted hung && hung
	wanted left_to_tell && left_to_tell
	tells_no_secrets
	panics
else
	panicked
	tells_no_secrets
fi

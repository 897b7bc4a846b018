#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The units under a real systemd (--init systemd): a run as a service sees and does all that the same
# run does from a shell.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
nvme=0000:02:00.0
kept=/var/lib/vfio-stress # over a boot
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

# ended NAME RESULT CODE: as systemd has it; report.json is its report
ended()
{
	local seen

	within 60 is_over "$1"
	journal_of "$1"
	cat journal
	seen="$(property "$1" Result) $(property "$1" ExecMainStatus)"
	[ "$seen" = "$2 $3" ] || fail "$1 ended as '$seen', not '$2 $3'"
	rm -f report.json
	cp "$kept/$1.json" report.json || fail "$1 has left no report"
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
	receive &
	cat >/etc/vfio-stress/environment <<-X
	WEBHOOK_URL=https://localhost:8443/hook
	WEBHOOK_SECRET=$secret
	CURL_CA_BUNDLE=$PWD/tls.pem
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
	gist report.json >inside

	(
		set -a
		# shellcheck source=/dev/null
		. /etc/vfio-stress/environment
		rm -f $kept/whole.json
		exits 0 vfio-stress run --quiet /etc/vfio-stress/whole.yaml
	) || exit
	gist $kept/whole.json >outside
	diff -u outside inside || fail "a run in the unit is not the same as one without"

	vfio-stress preflight --json >outside
	as_unit fit /usr/bin/vfio-stress preflight --json
	diff -u <(fitness outside) <(fitness fit.out) ||
		fail "preflight in the unit is not the same as without"
}

mkdir -p /etc/vfio-stress
domain vm --devices $nvme
start_receiver
driver=$(driver_of $nvme)
as_from_a_shell
[ "$(driver_of $nvme)" = "$driver" ] || fail "its driver is $(driver_of $nvme)"

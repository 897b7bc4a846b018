#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd.sh PROGRAM UNITS: what the service manager hears of a run, and the units themselves. UNITS is
# where the build made them.
set -u
program=${1:?usage: systemd.sh PROGRAM UNITS}
units=${2:?usage: systemd.sh PROGRAM UNITS}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# --- sd_notify: ready when the run has begun, then the watchdog's word, longer patience at the end

cat >manager.py <<'X'
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("notify")
manager.settimeout(60)
with open("heard", "w") as heard:
    while True:
        text = manager.recv(4096).decode()
        print(" ".join(text.split("\n")), file=heard, flush=True)
        if "STATUS=putting the host back" in text:
            break
X
cat >quiet.yaml <<'X'
version: 1
name: quiet
connect: test:///default
lanes: [{domain: test, take-over: true}]
steps: [{hold: 2s}]
X
python3 manager.py &
manager=$!
for _ in $(seq 100); do
	[ -S notify ] && break
	sleep 0.05
done
code=0
NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=1500000 "$program" run quiet.yaml --db runs.db --kmsg kmsg \
	>out 2>err </dev/null || code=$?
wait $manager
expect 0 '^PASS' 'a run under a manager'
[ "$(grep -c READY=1 heard)" = 1 ] || wrong "ready once: $(cat heard)"
grep -q '^STATUS=run [0-9a-f-]*: 0 cycles done, 0 failed; test: cycle 1, hold$' heard ||
	wrong "where it is: $(cat heard)"
[ "$(head -n 1 heard)" = WATCHDOG_USEC=1500000 ] || wrong "how long it may be silent: $(cat heard)"
[ "$(grep -c '^WATCHDOG=1$' heard)" -ge 4 ] || wrong "a watchdog that is heard: $(cat heard)"
tail -n 1 heard | grep -q 'WATCHDOG_USEC=[0-9]* WATCHDOG=1' || wrong "patience at the end: $(cat heard)"

# one who is not asked to speak does not
rm -f notify heard
python3 -c 'import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("notify")
s.settimeout(0.5)
try: s.recv(99); print("spoke")
except TimeoutError: pass' >heard &
"$program" runs --db runs.db >/dev/null
wait $!
[ ! -s heard ] || wrong 'a command that is no service speaks to nobody'

# --- the units

command -v systemd-analyze >/dev/null || {
	echo 'there is no systemd-analyze'
	[ $bad = 0 ] && exit 77
	exit $bad
}
# verified as they are installed: each knows of the others, and of its page, which is not installed here
mkdir verified
for unit in "$units"/*.service "$units"/*.timer; do
	sed "s,^ExecStart=[^ ]*,ExecStart=$program," "$unit" >"verified/$(basename "$unit")"
done
# tenths: what each was rated when this was written
for row in 'vfio-stress-deliver.service 22' 'vfio-stress-deliver.timer -' 'vfio-stress-resume.service 52' \
	'vfio-stress@.service 52'; do
	read -r unit most <<<"$row"
	name=$PWD/verified/${unit/@./@some-scenario.}
	[ -e "$name" ] || mv "verified/$unit" "$name"
	said=$(SYSTEMD_UNIT_PATH=$PWD/verified: systemd-analyze --man=no verify "$name" 2>&1) || wrong "$unit does not verify"
	[ -z "$said" ] || wrong "$unit: $said"
	page=$(sed -n 's/^Documentation=man:\(.*\)(1)$/\1/p' "$name")
	"$program" help "${page#vfio-stress-}" >/dev/null || wrong "$unit is not documented in $page"
	[ "$most" != - ] || continue
	said=$(systemd-analyze security --offline=true --no-pager --threshold="$most" "$name" 2>&1) ||
		wrong "$unit is more exposed than it was: $said"
done
for unit in resume.service @some-scenario.service; do
	grep -q '^KillMode=process$' verified/vfio-stress*"$unit" ||
		wrong "$unit: stopping it must not wait for a lane"
done
# 1, 3 and 4 are answers; what is not in the store is tried again as long as it takes
for line in 'SuccessExitStatus=1 3 4' Restart=on-failure StartLimitIntervalSec=0; do
	grep -qx "$line" verified/vfio-stress-resume.service || wrong "the unit for resume lacks $line"
done
DESTDIR=$PWD/root cmake -P "$units/cmake_install.cmake" >/dev/null
for unit in vfio-stress-resume.service vfio-stress-deliver.service vfio-stress-deliver.timer; do
	find root -name $unit | grep -q /systemd/system/ || wrong "$unit is installed"
done

exit $bad

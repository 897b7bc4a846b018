#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Full cycles of a guest with two devices pass clean, with every kind of start, stop and reset.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cycles=${CYCLES:-2}

domain vm --devices "0000:02:00.0 0000:03:00.0"
scenario full <<X
lanes: [{domain: vm, ready: {serial: READY, timeout: 60s}}]
steps:
  - start
  - vm-reset
  - reboot
  - reset: {method: flr, device: "0000:03:00.0", while-running: true}
  - shutdown
  - reset: {method: flr, if-offered: true}
  - reset: {method: bus, if-offered: true}
  - reset: {method: pm, if-offered: true}
  - start
  - destroy
repeat: {until: {cycles: $cycles}}
X
run 0 full
says "PASS: $cycles cycles on 1 lane"
holds '.verdict == "pass"' '.boots_proved' '.simulated == false' '.failures == []' \
	'.undo.left == []' '.klog.blind == false' '.klog.lost == 0' \
	".lanes[0].cycles == {done: $cycles, failed: 0}" \
	'[.lanes[0].devices[].bdf] == ["0000:02:00.0", "0000:03:00.0"]' \
	'[.incidents[] | select(.severity != "info")] == []' \
	"[.lanes[0].steps[] | select(.count != $cycles)] == []"

# flr and bus are offered by both, pm by one of them; one is reset while the guest has it
holds "[.lanes[0].steps[] | select(.skipped > 0) | [.arg, .device, .skipped]]
		== [[\"pm\", \"0000:02:00.0\", $cycles]]" \
	'[.lanes[0].steps[] | select(.word == "reset" and .ms.p50 != null)] | length == 6'

[ "$(state_of vm)" = "shut off" ] || fail "the domain is $(state_of vm)"
[ ! -e /sys/bus/pci/devices/0000:02:00.0/driver ] || fail "a driver was left on the NVMe drive"
[ "$(cat /sys/bus/pci/devices/0000:03:00.0/driver_override)" = "(null)" ] || fail "an override was left"
[ "$(cat /sys/bus/pci/devices/0000:03:00.0/reset_method)" = "flr pm bus" ] ||
	fail "reset_method was left narrowed: $(cat /sys/bus/pci/devices/0000:03:00.0/reset_method)"
exits 0 vfio-stress undo
says "nothing is left to undo"

# in which state was it reset? bound and idle, with its guest running, and bound to nothing
holds "[.resets[] | select(.device == \"0000:03:00.0\" and .method == \"flr\") | [.state, .tried, .worked]]
		== [[\"vfio\", $cycles, $cycles], [\"vm-running\", $cycles, $cycles]]" \
	'[.resets[] | select(.method != "flr") | .state] | unique == ["vfio"]' \
	'[.preflight[].result] | length > 20 and (unique - ["ok", "warn", "unknown", "fail"] == [])'
exits 0 vfio-stress report --format html
says 'class="node lane"' 'root complex' 'id="preflight"'
scenario unbound <<X
lanes: [{devices: [0000:02:00.0], driver: managed}]
steps: [{reset: flr}]
X
run 0 unbound
holds '[.resets[] | [.state, .worked]] == [["unbound", 1]]'

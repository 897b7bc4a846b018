#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An IO_PAGE_FAULT in cycle 2 fails the run. QEMU's AMD-Vi reports none, so its text is put into the
# kernel log, by the kernel itself and with the device's dictionary.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain vm --devices 0000:01:00.0
scenario stray <<'X'
lanes: [{domain: vm, ready: {serial: READY, timeout: 60s}}]
steps: [start, {hold: 8s}, destroy]
repeat: {until: {cycles: 3}}
X
start_run stray
within 200 in_step vm 2 hold
sleep 3 # what comes 2 s after the end of `start` is no longer its doing
kfault 3 0000:01:00.0 \
	'AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0002 address=0x7f000000 flags=0x0030]'
ends 1
says "where       lane vm, cycle 2, step 2 of 3 (hold: 8s)" "what        amdvi.io-page-fault, error"
holds '.verdict == "fail"' '.failures == []' '.lanes[0].cycles == {done: 2, failed: 1}' \
	'[.incidents[] | select(.severity == "error" or .severity == "fatal")] | length == 1' \
	'.incidents[] | select(.id == "amdvi.io-page-fault") |
		[.tolerated, .bdf, .lane, .cycle, .step, .step_index, .late, .fields.address] ==
		[false, "0000:01:00.0", "vm", 2, "hold", 1, false, "0x7f000000"]'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host whose kernel log cannot be read (printk.devkmsg=off): the run says at once that it is blind,
# and does not pass. Nor does the self-test.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

scenario blind <<'X'
lanes: [{name: rng, devices: [0000:03:00.0]}]
steps: [{reset: flr}]
X
run 4 blind
says "BROKEN: blind" "blind, so this run cannot pass" printk.devkmsg
holds '.verdict == "broken"' '.exit_code == 4' '.klog.blind' '.klog.blind_reason != null' \
	'.lanes[0].verdict == "pass"' '.undo.left == []'

exits 3 vfio-stress scan --self-test
says printk.devkmsg

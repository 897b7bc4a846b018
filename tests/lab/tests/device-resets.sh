#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every way to reset that the lab's devices offer, rescan and rebind; the host is left as it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bindings()
{
	local d

	for d in 0000:01:00.0 0000:02:00.0 0000:03:00.0; do
		cd "/sys/bus/pci/devices/$d" || fail "$d is gone"
		echo "$d $(readlink driver) $(cat driver_override reset_method | tr '\n' ' ')"
	done
}

cat > resets.yaml <<'X'
version: 1
name: device-resets
lanes:
  - devices: [0000:01:00.0, 0000:02:00.0, 0000:03:00.0]
steps:
  - reset: {method: flr, if-offered: true}
  - reset: {method: pm, if-offered: true}
  - reset: bus
  - reset: default
  - check: {driver: vfio-pci}
  - rescan
  - rebind: vfio-pci
  - check
repeat: {until: {cycles: 2}}
X
before=$(bindings)
if [ "$LAB_VARIANT" = none ]; then
	exits 3 vfio-stress run resets.yaml
	says 'IOMMU is off' 'nothing was tried'
	exit 0
fi
exits 0 vfio-stress run resets.yaml
says 'PASS: 2 cycles'
exits 0 vfio-stress report --format json
says '"name":"rescan"' '"left":[]'
[ "$(bindings)" = "$before" ] || fail "the host was changed: $(bindings)"
exits 0 vfio-stress undo

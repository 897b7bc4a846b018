#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scan --self-test: the marker comes back; a real error, injected on demand only, is found and named.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
device=0000:03:00.0

# total: of its counter of correctable errors
total()
{
	sed -n 's/^TOTAL_ERR_COR //p' /sys/bus/pci/devices/$device/aer_dev_correctable
}

inject()
{
	exits "$1" vfio-stress scan --self-test --inject --device "$2"
}

exits 0 vfio-stress scan --self-test
says 'written to /dev/kmsg and read back after' 'detection is proved: what the kernel says is seen'

# Without the module it is said, and nobody loads it.
inject 3 $device
says 'read back after' 'neither /dev/aer_inject nor' 'modprobe aer_inject'
[ ! -e /dev/aer_inject ] || fail "the self-test has loaded aer_inject"

modprobe aer_inject || fail "no aer_inject"
before=$(total)
exits 0 vfio-stress scan --self-test
[ "$(total)" = "$before" ] || fail "an error was injected without being asked for"
inject 0 $device
says "injected   a corrected error (BadTLP) of $device, by aer_inject" \
	"found      aer.bus-error of $device after" "told by 0000:00:12.0" 'AER counters counted it too' \
	'detection is proved: what the kernel says is seen, and an error in it is found'
[ "$(total)" = $((before + 1)) ] || fail "counted $(total) after $before"

# Again: what was found before does not answer for what comes now.
inject 0 $device
[ "$(total)" = $((before + 2)) ] || fail "counted $(total) after $before"

# The host bridge has no AER, and the other is not there.
for other in 0000:00:00.0 0000:7f:00.0; do
	inject 3 $other
	says 'write the error to /dev/aer_inject' 'hint: '
done

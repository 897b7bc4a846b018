#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What must not be reset is refused before anything is tried, with the name of who needs it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# refused DEVICE STEP TEXT...
refused()
{
	local device=$1 step=$2

	shift 2
	printf 'version: 1\nname: refused\nlanes: [{devices: ["%s"]}]\nsteps: [%s]\n' \
		"$device" "$step" > refused.yaml
	exits 3 vfio-stress run refused.yaml
	says 'nothing was tried' "$@"
}

refused 0000:00:02.0 '{reset: default}' 'disk vda'
refused 0000:00:00.0 '{reset: default}' 'host bridge'
refused 0000:00:1f.0 '{reset: default}' 'ISA bridge'
refused 0000:1f:00.0 '{reset: flr}' 'no device'
refused 0000:02:00.0 '{reset: pm}' "offers 'flr bus', not 'pm'"
refused 0000:02:00.0 '{rebind: no-such-driver}' 'modprobe no-such-driver'

# another VM's device
lab-libvirtd start
lab-domain other --devices 0000:03:00.0 > other.xml
virsh define other.xml
virsh start other
refused 0000:03:00.0 '{reset: flr}' qemu /dev/vfio/
refused 0000:03:00.0 rescan qemu /dev/vfio/
virsh destroy other
virsh undefine other
lab-libvirtd stop

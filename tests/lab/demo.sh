#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside the lab, for tests/demo: a domain with two devices, the demo scenario, the report.
set -eu

lab-libvirtd start
lab-domain demo --devices "0000:02:00.0 0000:03:00.0" >demo.xml
virsh -q define demo.xml >/dev/null

echo
echo '$ vfio-stress check scenarios/demo.yaml'
vfio-stress check scenarios/demo.yaml
echo
echo '$ vfio-stress run --report html:report.html --report json:report.json scenarios/demo.yaml'
rc=0
vfio-stress run --report html:report.html --report json:report.json scenarios/demo.yaml || rc=$?
echo
echo "exit code $rc"
exit "$rc"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The program runs in the lab: its libraries are there, and the kernel is the lab's.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

exits 0 vfio-stress version
says vfio-stress
exits 2 vfio-stress nonsense
exits 0 uname -r
[ "$LAB_VARIANT" = none ] || [ -n "$(ls /sys/kernel/iommu_groups)" ] || fail "no IOMMU groups"

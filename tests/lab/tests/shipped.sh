#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The shipped scenarios: all can be checked here; the demo and the smoke test run.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

domain demo --devices "0000:02:00.0 0000:03:00.0"
for file in ~/scenarios/*.yaml; do
	exits 0 vfio-stress check "$file"
done
exits 0 vfio-stress run ~/scenarios/demo.yaml --report json:report.json
holds '.verdict == "pass"' '.lanes[0].cycles == {done: 3, failed: 0}' '.boots_proved'

# the tiny guest has no agent; what proves its boot is said as the scenario's comment tells to
# shellcheck disable=SC2016 # the scenario's variable
sed 's/^  - domain: "${domain}"$/&\n    ready: {serial: READY}/' ~/scenarios/smoke.yaml >smoke.yaml
grep -q 'serial: READY' smoke.yaml || fail "smoke.yaml looks different"
run 0 smoke --set domain=demo
holds '.verdict == "pass"' '.lanes[0].cycles == {done: 10, failed: 0}' '.boots_proved'

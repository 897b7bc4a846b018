#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# blind_spots.sh PROGRAM FAKEHOST: what cannot be seen on a machine is said: in JSON word by word as in
# blind_spots.expected, and in text, which has room for the begin of each at least.
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=${1:?usage: blind_spots.sh PROGRAM FAKEHOST}
fakehost=${2:?usage: blind_spots.sh PROGRAM FAKEHOST}
# shellcheck source=lib.sh
. "$here/lib.sh"

# machine NAME: two devices below a port each
machine()
{
	"$fakehost" "$1" >"$1.log" <<'X' &
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=vfio-pci group=11 methods=flr class=010802
0000:00:02.0 secondary=2 driver=pcieport
0000:02:00.0 parent=0000:00:02.0 driver=vfio-pci group=12 methods=flr class=020000
X
	wait_for ready "$1.log"
}

# seen_on NAME LANES: the sentences of a run there, after it is the same in both reports
seen_on()
{
	printf 'version: 1\nname: %s\nconnect: test:///default\nlanes: %s\nsteps: [{hold: 10ms}]\n' \
		"$1" "$2" >"$1.yaml"
	run "$1" --root "$1" --report json:run.json
	expect 0 '^PASS' "a quiet run on $1"
	echo "== $1"
	python3 - "$PWD/$1" <<'X' || wrong "$1: the reports differ"
import json, sys
said = json.load(open("run.json"))["blind_spots"]
text = " ".join(open("out").read().split())
for sentence in said:
    print(sentence.replace(sys.argv[1], ""))
missing = [s for s in said if s[:60].rstrip() not in text]
print(*missing, sep="\n", file=sys.stderr)
sys.exit(bool(missing) or not said)
X
}

devices='[{name: net, devices: ["0000:02:00.0"]}]'
machine bare
machine vtd && mkdir -p vtd/sys/class/iommu/dmar0
machine amdvi && mkdir -p amdvi/sys/class/iommu/ivhd0
machine smmu && mkdir -p smmu/sys/class/iommu/smmu3.0x0000000009050000
{
	seen_on bare "$devices"
	seen_on vtd "$devices"
	seen_on amdvi "$devices"
	seen_on smmu '[{domain: test, take-over: true}]'
} >seen
diff -u "$here/blind_spots.expected" seen || wrong 'other blind spots than expected'
exit $bad

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel says of a device below a switch, of its neighbours and of its port: each its own
# incident, of the right device, at the right step.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
net=0000:08:00.0 rng=0000:09:00.0 edu=0000:03:00.0

# holding NAME LANES [KEYS]: a run that does nothing with its devices
holding()
{
	scenario "$1" <<X
lanes: $2
steps: [{hold: 8s}]
${3:-}
X
	start_run "$1"
	sleep 1 # the step has begun too
}

# Through a switch, two errors in one message; and the neighbour's between them.
holding switch "[{name: net, devices: [$net]}]"
aerinj $net cor 41
aerinj $rng cor 1
aerinj $net cor 41
ends 0
says "bystander   warning aer.bus-error of $rng"
holds "[.incidents[] | select(.id == \"aer.bus-error\") | [.bdf, .reporter, .severity, .count, .lane, .cycle, .step]] |
		sort == [[\"$net\", \"0000:00:14.0\", \"warning\", 2, \"net\", 1, \"hold\"],
			[\"$rng\", \"0000:00:15.0\", \"warning\", 1, null, null, null]]" \
	"[.incidents[] | select(.bdf == \"$net\") | .fields.bits] == [[\"RxErr\", \"BadTLP\"]]"

# What the port itself reports stays the port's, though all below it is ours.
holding port "[{name: net, devices: [$net]}]"
aerinj 0000:00:14.0 cor 40
ends 0
holds '[.incidents[] | select(.id | startswith("aer.")) | [.id, .severity, .bdf, .reporter, .lane, .step]] ==
	[["aer.bus-error", "warning", "0000:00:14.0", null, "net", "hold"]]'

# DMA that the host's own programs make a device do: a bystander's, and then the lane's.
holding stray "[{name: net, devices: [$net]}]" 'bystanders: fail'
edudma $edu 12340000 w
ends 1
holds '.lanes[0].verdict == "pass"' \
	"[.incidents[] | select(.id == \"dmar.dma-fault\") | [.bdf, .severity, .lane, .step, .fields.direction]]
		== [[\"$edu\", \"error\", null, null, \"write\"]]"
sleep 5 # the kernel's limiter
holding own "[{name: edu, devices: [$edu]}]"
edudma $edu 12340000 r
ends 1
holds "[.incidents[] | select(.id == \"dmar.dma-fault\") | [.bdf, .lane, .cycle, .step, .fields.direction]]
	== [[\"$edu\", \"edu\", 1, \"hold\", \"read\"]]"

# A card that is unplugged while a lane is at work with it is a loss, whoever did it.
holding unplugged "[{name: rng, devices: [$rng]}]"
outside unplug
ends 1
says "FAIL: $rng"
holds "[.incidents[] | select(.severity == \"error\") | [.id, .bdf, .lane, .cycle, .step]] ==
	[[\"iommu.group-remove\", \"$rng\", \"rng\", 1, \"hold\"]]"
outside replug
within 10 test -e /sys/bus/pci/devices/$rng

# A slot that loses its card: the port tells, the only device of ours below it is to blame. (The
# lab's slots are ACPI's and there is no DPC: the words are the kernel's, but from kfault.)
holding pulled "[{name: rng, devices: [$rng]}, {name: net, devices: [$net]}]"
kfault 6 0000:00:15.0 'pciehp: Slot(6): Link Down'
kfault 6 0000:00:15.0 'pciehp: Slot(6): Card not present'
kfault 4 0000:00:14.0 'DPC: containment event, status:0x1f01: unmasked uncorrectable error detected'
ends 1
holds "[.incidents[] | select(.severity == \"error\") | [.id, .bdf, .reporter, .lane, .cycle, .step]] | sort ==
		[[\"dpc.containment\", \"$net\", \"0000:00:14.0\", \"net\", 1, \"hold\"],
			[\"hotplug.link-down\", \"$rng\", \"0000:00:15.0\", \"rng\", 1, \"hold\"]]" \
	'[.incidents[] | select(.id == "hotplug.link-down") | .fields.also] == [["hotplug.card-absent"]]'

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_log MEGABYTES FAULTS LOOKALIKES [SEED]: a kernel log on standard output, as dmesg prints it.
 * Of 10,000 lines FAULTS begin a report that is a fault, and LOOKALIKES are normal lines with the
 * same words. "storm" for FAULTS: every line is a fault, of eight buses; "devices": of all.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * %d small number, %u large number, %x 8 hex digits, %l 16 hex digits, %b bus number, %n a
 * driver's name, %i an interface, %p a program.
 */
static const char *const ordinary[] = {
	"usb 1-%d: new high-speed USB device number %d using xhci_hcd",
	"usb 1-%d: New USB device found, idVendor=%x, idProduct=%x, bcdDevice= 1.00",
	"usb 1-%d: New USB device strings: Mfr=1, Product=2, SerialNumber=3",
	"usb 1-%d: Product: Virtual Keyboard and Mouse",
	"usb 1-%d: USB disconnect, device number %d",
	"hid-generic 0003:046B:FF10.%x: input,hidraw%d: USB HID v1.10 Keyboard [American "
	"Megatrends Inc. Virtual Keyboard and Mouse] on usb-0000:%b:00.3-2/input0",
	"input: American Megatrends Inc. Virtual Keyboard as "
	"/devices/pci0000:%b/0000:%b:08.1/usb1/1-2/1-2:1.0/input/input%d",
	"audit: type=1400 audit(%u.%d:%d): apparmor=\"STATUS\" operation=\"profile_replace\" "
	"profile=\"unconfined\" name=\"libvirt-%x\" pid=%u comm=\"apparmor_parser\"",
	"audit: type=1400 audit(%u.%d:%d): apparmor=\"DENIED\" operation=\"open\" class=\"file\" "
	"profile=\"libvirt-%x\" name=\"/proc/%u/task\" pid=%u comm=\"qemu-system-x86\" "
	"requested_mask=\"r\" denied_mask=\"r\" fsuid=64055 ouid=0",
	"audit: type=1130 audit(%u.%d:%d): pid=1 uid=0 auid=4294967295 ses=4294967295 "
	"subj=unconfined msg='unit=%p comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? "
	"addr=? terminal=? res=success'",
	"%i: port %d(vnet%d) entered blocking state",
	"%i: port %d(vnet%d) entered disabled state",
	"%i: port %d(vnet%d) entered forwarding state",
	"vnet%d: entered promiscuous mode",
	"device vnet%d left promiscuous mode",
	"IPv6: ADDRCONF(NETDEV_CHANGE): %i: link becomes ready",
	"[UFW BLOCK] IN=%i OUT= MAC=%x:%x SRC=10.%d.%d.7 DST=10.0.%d.4 LEN=%d TOS=0x00 PREC=0x00 "
	"TTL=63 ID=%u DF PROTO=TCP SPT=%u DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0",
	"ixgbe 0000:%b:00.0 %i: NIC Link is Up 10 Gbps, Flow Control: RX/TX",
	"mlx5_core 0000:%b:00.1 %i: Link up",
	"mlx5_core 0000:%b:00.0: Port module event: module 0, Cable plugged",
	"r8169 0000:%b:00.0 %i: Link is Up - 1Gbps/Full - flow control rx/tx",
	"nvme nvme%d: %d/0/0 default/read/poll queues",
	"nvme%dn1: p1 p2 p3",
	"EXT4-fs (nvme%dn1p2): mounted filesystem %x-%x with ordered data mode. Quota mode: none.",
	"EXT4-fs (dm-%d): re-mounted. Opts: errors=remount-ro. Quota mode: none.",
	"XFS (dm-%d): Mounting V5 Filesystem %x",
	"XFS (dm-%d): Ending clean mount",
	"sd %d:0:0:0: [sda] %u 512-byte logical blocks: (1.92 TB/1.75 TiB)",
	"scsi %d:0:0:0: Direct-Access     ATA      SAMSUNG MZ7L31T9 %d4Q PQ: 0 ANSI: 6",
	"systemd[1]: Started %p.",
	"systemd[1]: Finished %p.",
	"systemd-journald[%u]: Received client request to flush runtime journal.",
	"systemd-journald[%u]: /var/log/journal/%l%l/system.journal: Journal header limits reached "
	"or header out-of-date, rotating.",
	"perf: interrupt took too long (%d > %d), lowering kernel.perf_event_max_sample_rate to %u",
	"TCP: request_sock_TCP: Possible SYN flooding on port %u. Sending cookies.",
	"hrtimer: interrupt took %u ns",
	"CPU%d: update max cpu_capacity 1024",
	"x86/split lock detection: #AC: CPU %d/KVM/%u took a split_lock trap at address: 0x%l",
	"kvm: vcpu %d: requested lapic timer restore with starting count register 0x390=%u (%u ns) "
	"> initial count",
	"loop%d: detected capacity change from 0 to %u",
	"ACPI: \\_SB_.PCI0.GPP%d: Power state changed to D0",
	"nf_conntrack: default automatic helper assignment has been turned off for security "
	"reasons",
	"cgroup: fork rejected by pids controller in "
	"/machine.slice/machine-qemu\\x2d%d\\x2dgpu.scope",
	"overlayfs: upper fs does not support RENAME_WHITEOUT, fs %d.",
	"BTRFS info (device nvme%dn1p%d): using crc32c (crc32c-intel) checksum algorithm",
	"md: md%d: data-check done.",
	"ata%d: SATA link up 6.0 Gbps (SStatus 133 SControl 300)",
	"ata%d.00: configured for UDMA/133",
	"%n 0000:%b:00.0: firmware: direct-loading firmware %n/fw-%d.bin",
	"%n 0000:%b:00.0: irq %d: using MSI-X vector %d",
	"%n 0000:%b:00.0: runtime suspend of device took %d usecs",
	"workqueue: %n_work hogged CPU for >10000us %d times, consider switching to WQ_UNBOUND",
	"mce: CPU%d: bank %d is enabled",
	"Bluetooth: hci%d: unexpected event for opcode 0x%x",
	"nfs: server 10.0.%d.%d OK",
	"rcu: Hierarchical SRCU implementation, level %d.",
	"random: %p: uninitialized urandom read (%d bytes read)",
	"process '%p' started with executable stack",
	"vfio-pci 0000:%b:00.0: No more image in the PCI ROM",
	"zram%d: detected capacity change from 0 to %u",
};

/* the words that people grep for, in lines that say that all is well */
static const char *const lookalike[] = {
	"DMAR: Host address width 46",
	"DMAR: DRHD base: 0x000000%x flags: 0x0",
	"DMAR: dmar%d: reg_base_addr %x ver 1:0 cap %l ecap %l",
	"DMAR: RMRR base: 0x000000%x end: 0x000000%x",
	"DMAR: ATSR flags: 0x0",
	"DMAR: Intel(R) Virtualization Technology for Directed I/O",
	"DMAR-IR: IOAPIC id %d under DRHD base  0x%x IOMMU %d",
	"DMAR-IR: Enabled IRQ remapping in x2apic mode",
	"ACPI: DMAR 0x00000000%x 0002A0 (v01 DELL   PE_SC3   00000001 DELL 00000001)",
	"AMD-Vi: Found IOMMU cap 0x40",
	"AMD-Vi: Extended features (0x%l): PPR X2APIC NX GT IA GA PC",
	"AMD-Vi: Interrupt remapping enabled",
	"pcieport 0000:%b:03.1: AER: enabled with IRQ %d",
	("acpi PNP0A08:%b: _OSC: OS now controls [PCIeHotplug SHPCHotplug PME AER PCIeCapability "
	 "LTR]"),
	"IPv6: ADDRCONF(NETDEV_UP): %i: link is not ready",
	"pcieport 0000:%b:01.0: DPC: enabled with IRQ %d",
	"pci 0000:%b:00.0: Adding to iommu group %d",
	"vfio-pci 0000:%b:00.0: enabling device (0000 -> 0003)",
};

/* Reports of one to five lines, as one kernel prints them. */
static const char *const fault[][6] = {
	{"DMAR: DRHD: handling fault status reg 2",
		"DMAR: [DMA Read NO_PASID] Request device [%b:00.0] fault addr 0x%x000 [fault "
		"reason 0x06] PTE Read access is not set"},
	{"vfio-pci 0000:%b:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x%x000 "
	 "flags=0x0020]"},
	{"pcieport 0000:%b:01.0: AER: Correctable error message received from 0000:%b:00.0",
		"vfio-pci 0000:%b:00.0: PCIe Bus Error: severity=Correctable, type=Physical Layer, "
		"(Receiver ID)",
		"vfio-pci 0000:%b:00.0:   device [10de:2684] error status/mask=00000001/0000a000",
		"vfio-pci 0000:%b:00.0:    [ 0] RxErr                  (First)"},
	{"pcieport 0000:%b:01.0: AER: Uncorrectable (Non-Fatal) error message received from "
	 "0000:%b:00.0",
		"vfio-pci 0000:%b:00.0: PCIe Bus Error: severity=Uncorrectable (Non-Fatal), "
		"type=Transaction Layer, (Requester ID)",
		"vfio-pci 0000:%b:00.0:   device [10de:2684] error status/mask=00100000/00000000",
		"vfio-pci 0000:%b:00.0:    [20] UnsupReq               (First)",
		"vfio-pci 0000:%b:00.0: AER:   TLP Header: 40000001 0000000f %x 00000000"},
	{"vfio-pci 0000:%b:00.0: not ready 1023ms after FLR; waiting",
		"vfio-pci 0000:%b:00.0: not ready 65535ms after FLR; giving up"},
	{"NVRM: Xid (PCI:0000:%b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the "
	 "bus."},
	{"DMAR: VT-d detected Invalidation Time-out Error: SID %b00"},
	{"vfio-pci 0000:%b:00.0: vfio_bar_restore: reset recovery - restoring BARs"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static const char *pick(const char *const *list, size_t n)
{
	return list[rnd() % n];
}

static char *put_text(char *out, const char *s)
{
	size_t n = strlen(s);

	memcpy(out, s, n);
	return out + n;
}

static char *put_number(char *out, uint64_t v)
{
	char digits[24];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n > 0)
		*out++ = digits[--n];
	return out;
}

static char *put_hex(char *out, uint64_t v, int width)
{
	while (width-- > 0)
		*out++ = "0123456789abcdef"[v >> 4 * width & 15];
	return out;
}

static char *put_field(char *out, char kind, unsigned bus)
{
	static const char *const drivers[] = {"bnxt_en", "ice", "i40e", "mlx5_core", "mpt3sas",
		"nvme", "xhci_hcd", "amdgpu", "iwlwifi"};
	static const char *const interfaces[] = {"br0", "virbr0", "eno1", "enp65s0f0", "docker0"};
	static const char *const programs[] = {"cron.service", "dbus.service", "qemu-system-x86",
		"libvirtd", "multipathd", "apt-daily.timer", "prometheus-node-exporter.service"};

	switch (kind) {
	case 'd':
		return put_number(out, rnd() % 128);
	case 'u':
		return put_number(out, rnd() % 4000000000);
	case 'x':
		return put_hex(out, rnd() >> 20, 8);
	case 'l':
		return put_hex(out, rnd(), 16);
	case 'b':
		return put_hex(out, bus, 2);
	case 'n':
		return put_text(out, pick(drivers, COUNT(drivers)));
	case 'i':
		return put_text(out, pick(interfaces, COUNT(interfaces)));
	default:
		return put_text(out, pick(programs, COUNT(programs)));
	}
}

/* "[  123.456789] " and the text */
static char *put_line(char *out, uint64_t usec, const char *format, unsigned bus)
{
	uint64_t s = usec / 1000000, limit;

	*out++ = '[';
	for (limit = 10000; limit > s && limit > 1; limit /= 10)
		*out++ = ' ';
	out = put_number(out, s);
	*out++ = '.';
	for (limit = 100000; limit > usec % 1000000 && limit > 1; limit /= 10)
		*out++ = '0';
	out = put_number(out, usec % 1000000);
	out = put_text(out, "] ");
	for (; *format != '\0'; format++)
		if (*format == '%')
			out = put_field(out, *++format, bus);
		else
			*out++ = *format;
	*out++ = '\n';
	return out;
}

int main(int argc, char **argv)
{
	uint64_t bytes, faults, looks, usec = 0, done = 0;
	bool storm, devices;
	unsigned buses;
	char line[4096];

	if (argc < 4) {
		fputs("usage: scan_log MEGABYTES FAULTS|storm|devices LOOKALIKES [SEED]\n", stderr);
		return 2;
	}
	bytes = strtoull(argv[1], NULL, 10) * 1000000;
	storm = strcmp(argv[2], "storm") == 0;
	devices = strcmp(argv[2], "devices") == 0;
	buses = storm ? 8 : devices ? 192 : 64;
	faults = storm || devices ? 10000 : strtoull(argv[2], NULL, 10);
	looks = strtoull(argv[3], NULL, 10);
	state = argc > 4 ? strtoull(argv[4], NULL, 10) : 88172645463325252;
	while (done < bytes) {
		uint64_t what = rnd() % 10000;
		unsigned bus = 0x40 + (unsigned)(rnd() % buses);
		char *end = line;

		usec += 20 + rnd() % 4000;
		if (what < faults) {
			const char *const *f = fault[rnd() % COUNT(fault)];

			for (; *f != NULL; f++)
				end = put_line(end, usec++, *f, bus);
		} else if (what < faults + looks) {
			end = put_line(end, usec, pick(lookalike, COUNT(lookalike)), bus);
		} else {
			end = put_line(end, usec, pick(ordinary, COUNT(ordinary)), bus);
		}
		fwrite(line, 1, (size_t)(end - line), stdout);
		done += (size_t)(end - line);
	}
	return fflush(stdout) != 0;
}

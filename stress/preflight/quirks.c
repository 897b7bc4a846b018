/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/quirks.h"

#include "base/vec.h"
#include "model/topology.h"
#include "preflight/check.h"

/*
 * Models and families by vendor and range of device ids. "quirk_*" are functions in the kernel's
 * drivers/pci/quirks.c, where most of this comes from.
 */
static const struct quirk {
	uint16_t vendor, first, last;
	uint32_t class_code, class_mask; /* 0, 0 = any */
	const char *seen, *meaning, *advice;
} quirks[] = {
	/* AMD GPUs of the generations that vendor-reset lists */
	{0x1002, 0x67c0, 0x67ff, 0, 0, "AMD Polaris: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x6980, 0x699f, 0, 0, "AMD Polaris 12: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x6860, 0x687f, 0, 0, "AMD Vega 10: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x66a0, 0x66af, 0, 0, "AMD Vega 20: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x7310, 0x731f, 0, 0, "AMD Navi 10: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x7340, 0x734f, 0, 0, "AMD Navi 14: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x6fdf, 0x6fdf, 0, 0, "AMD Polaris 20: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x7360, 0x7362, 0, 0, "AMD Navi 12: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x738c, 0x738c, 0, 0, "AMD Arcturus: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	{0x1002, 0x73ff, 0x73ff, 0, 0, "AMD Navi 23: no reset that works",
		"After its guest has stopped it does not start again until the host reboots.",
		"Load the vendor-reset module, and choose `device_specific` as reset_method."},
	/* quirk_no_flr */
	{0x1022, 0x1487, 0x1487, 0, 0, "AMD Starship/Matisse audio: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do from Linux 5.8 on."},
	{0x1022, 0x148c, 0x148c, 0, 0, "AMD Starship USB: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do from Linux 5.8 on."},
	{0x1022, 0x149c, 0x149c, 0, 0, "AMD Matisse USB: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do from Linux 5.8 on."},
	{0x1022, 0x7901, 0x7901, 0, 0, "AMD FCH SATA: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do from Linux 6.3 on, nor with a later stable kernel before it."},
	{0x8086, 0x1502, 0x1503, 0, 0, "Intel 82579: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do."},
	{0x14c3, 0x0616, 0x0616, 0, 0, "MediaTek MT7922: FLR hangs it",
		"It advertises function level reset and hangs on it; the kernel knows.",
		"Nothing to do from Linux 6.14 on; before, leave `flr` out of reset_method."},
	/* quirk_nvidia_no_bus_reset: its mask is 0xffc0 */
	{0x10de, 0x2340, 0x237f, 0, 0, "NVIDIA: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Use FLR."},
	/* quirk_no_bus_reset */
	{0x168c, 0x0030, 0x0030, 0, 0, "Atheros: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x168c, 0x0032, 0x0034, 0, 0, "Atheros: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x168c, 0x003c, 0x003c, 0, 0, "Atheros: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x168c, 0x003e, 0x003e, 0, 0, "Atheros: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x17cb, 0x1103, 0x1103, 0, 0, "Qualcomm WCN6855: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x17cb, 0x1107, 0x1107, 0, 0, "Qualcomm WCN7850: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Another wireless card for the guest."},
	{0x1b21, 0x1164, 0x1164, 0, 0, "ASMedia ASM1164: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"Use `pm`."},
	{0x104c, 0xb005, 0xb005, 0, 0, "TI KeyStone C667X: a bus reset does not work",
		"The kernel keeps bus resets from it, because it does not come back from one.",
		"None; what a guest leaves in it, the next one finds."},
	/* quirk_dma_func1_alias */
	{0x1b4b, 0x9120, 0x9235, 0x010600, 0xffff00, "Marvell SATA: DMA as another function",
		"It does DMA as its function 1, which it does not have; the kernel adds an alias.",
		"DMA faults of function 1 are of this controller."},
	/* integrated GPUs: the firmware's stolen memory, and no reset but FLR of some */
	{0x8086, 0x0000, 0xffff, 0x030000, 0xffff00, "Intel graphics",
		"An integrated GPU shares the host's memory and its outputs with the firmware; a "
		"guest may see nothing on a monitor.",
		"Expect to need its ROM (OpRegion) and a boot without a framebuffer."},
	/* consumer GPUs of NVIDIA have no FLR: only the slot as a whole resets */
	{0x10de, 0x0000, 0xffff, 0x030000, 0xffff00, "NVIDIA GPU",
		"Without FLR only the whole slot resets, with its audio, USB and UCSI functions; "
		"an Xid 79 ('fallen off the bus') after a reset ends it until a cold boot.",
		"Pass all functions of the slot through; stop nvidia-persistenced before."},
};

static bool fits(const struct quirk *q, const struct pcidev *dev)
{
	return dev->vendor == q->vendor && dev->device >= q->first && dev->device <= q->last &&
		(dev->class_code & q->class_mask) == q->class_code;
}

/* What can be done about it may be done already: FLR is there, or a routine of the kernel. */
static bool is_mended(const struct pcidev *dev)
{
	return pcidev_offers(dev, "device_specific") || pcidev_offers(dev, "flr");
}

void quirks_tell(struct look *l)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(quirks); i++) {
		struct finding *f;

		if (!fits(&quirks[i], l->dev))
			continue;
		f = answer(l, is_mended(l->dev) ? CHECK_OK : CHECK_WARN, "%s", quirks[i].seen);
		finding_means(l, f, "%s", quirks[i].meaning);
		finding_advises(l, f, "%s", quirks[i].advice);
		return;
	}
	answer(l, CHECK_OK, "nothing against this model");
}

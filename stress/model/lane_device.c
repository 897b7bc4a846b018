/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/lane_device.h"

#include "base/str.h"
#include "model/event.h"

#include <stdio.h>

void lane_device_pack(const struct pcidev *dev, struct event *ev)
{
	bdf_text(dev->bdf, ev->subject);
	snprintf(ev->text, sizeof(ev->text), "%04x %04x %04x %04x %02x %06x %s", dev->vendor,
		dev->device, dev->subvendor, dev->subdevice, dev->revision, dev->class_code,
		dev->name);
}

void lane_device_unpack(const struct event *ev, struct pcidev *dev)
{
	unsigned vendor, device, subvendor, subdevice, revision, class_code;
	int name_at = 0;

	*dev = (struct pcidev){.iommu_group = -1, .numa_node = -1};
	(void)bdf_parse(ev->subject, &dev->bdf);
	if (sscanf(ev->text, "%4x %4x %4x %4x %2x %6x %n", &vendor, &device, &subvendor, &subdevice,
		    &revision, &class_code, &name_at) != 6)
		return;
	dev->vendor = (uint16_t)vendor;
	dev->device = (uint16_t)device;
	dev->subvendor = (uint16_t)subvendor;
	dev->subdevice = (uint16_t)subdevice;
	dev->revision = (uint8_t)revision;
	dev->class_code = class_code;
	str_set(dev->name, ev->text + name_at);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pcidev.h"

#include "base/diags.h"
#include "base/str.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* Words for PCI base classes and subclasses (PCI Code and ID Assignment, 1.x): `class:gpu`. */
static const struct {
	const char *name;
	uint32_t code, mask; /* of the 24-bit class code */
} classes[] = {
	{"accelerator", 0x120000, 0xff0000},
	{"audio", 0x040300, 0xffff00},
	{"bridge", 0x060000, 0xff0000},
	{"display", 0x030000, 0xff0000},
	{"gpu", 0x030000, 0xff0000},
	{"network", 0x020000, 0xff0000},
	{"nic", 0x020000, 0xff0000},
	{"nvme", 0x010802, 0xffffff},
	{"serial-bus", 0x0c0000, 0xff0000},
	{"storage", 0x010000, 0xff0000},
	{"usb", 0x0c0300, 0xffff00},
};

/* The 3D controllers of compute GPUs (0302) and the VGA ones (0300) are both display. */
static int find_class(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++)
		if (str_eq(classes[i].name, name))
			return (int)i;
	return -1;
}

/* 10de:2684 */
static bool parse_ids(const char *text, uint16_t *vendor, uint16_t *device)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (strlen(text) != 9 || strspn(text, hex) != 4 || text[4] != ':' ||
		strspn(text + 5, hex) != 4)
		return false;
	*vendor = (uint16_t)strtoul(text, NULL, 16);
	*device = (uint16_t)strtoul(text + 5, NULL, 16);
	return true;
}

static int unknown_class(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(classes) + 1] = {0}, *near;
	struct str known = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		names[i] = classes[i].name;
		str_addf(&known, "%s%s", i ? ", " : "", names[i]);
	}
	near = nearest_word(name, names);
	err_set(err, ERR_INPUT, 0, "unknown device class '%.40s'", name);
	if (near != NULL)
		err_hint(err, "did you mean 'class:%s'?", near);
	else
		err_hint(err, "known classes: %s", known.s);
	str_finish(&known);
	return -1;
}

int pcidev_selector_check(const char *selector, struct err *err)
{
	uint16_t vendor, device;
	struct bdf bdf;

	if (bdf_parse(selector, &bdf) || parse_ids(selector, &vendor, &device))
		return 0;
	if (str_starts(selector, "class:"))
		return find_class(selector + 6) >= 0 ? 0 : unknown_class(selector + 6, err);
	err_set(err, ERR_INPUT, 0, "'%.60s' does not select a device", selector);
	return err_hint(err,
		"write an address (0000:41:00.0), vendor:device (10de:2684) or a class "
		"(class:gpu)");
}

bool pcidev_matches(const struct pcidev *dev, const char *selector)
{
	uint16_t vendor, device;
	struct bdf bdf;
	int c;

	if (bdf_parse(selector, &bdf))
		return bdf_eq(bdf, dev->bdf);
	if (parse_ids(selector, &vendor, &device))
		return vendor == dev->vendor && device == dev->device;
	c = str_starts(selector, "class:") ? find_class(selector + 6) : -1;
	return c >= 0 && (dev->class_code & classes[c].mask) == classes[c].code;
}

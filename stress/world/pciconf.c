/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pciconf.h"

#include "base/vec.h"
#include "world/aer.h"

#include <stdio.h>
#include <string.h>

/* Registers and capabilities: linux/pci_regs.h. */
#define REG_STATUS      0x06
#define REG_HEADER_TYPE 0x0e
#define REG_CAPS        0x34
#define REG_CAPS_BUS    0x14 /* of a CardBus bridge */
#define REG_PIN         0x3d
#define STATUS_HAS_CAPS 0x10

#define CAP_MSI   0x05
#define CAP_EXP   0x10
#define CAP_MSIX  0x11
#define EXT_AER   0x01
#define EXT_ACS   0x0d
#define EXT_SRIOV 0x10
#define EXT_REBAR 0x15

#define EXP_FLAGS   0x02
#define EXP_DEVCTL  0x08
#define EXP_DEVSTA  0x0a
#define EXP_LNKCAP  0x0c
#define EXP_LNKCTL  0x10
#define EXP_LNKSTA  0x12
#define EXP_LNKCAP2 0x2c

#define REBAR_SIZE_MAX 43 /* 8 EiB, what an address of 64 bits can reach */

#define CAPS_MAX     48 /* there is room for no more in 256 bytes */
#define EXT_CAPS_MAX 480 /* nor for more in 4096, eight bytes each */

/* Of extended capabilities: how much is read. */
static const struct {
	uint16_t id, len;
} ext_lengths[] = {
	{EXT_AER, 0x48},
	{EXT_ACS, 0x08},
	{EXT_SRIOV, 0x40},
	{EXT_REBAR, 0x34},
};

uint8_t pciconf_8(const struct pciconf *c, size_t at)
{
	return at < c->len ? c->bytes[at] : 0;
}

uint16_t pciconf_16(const struct pciconf *c, size_t at)
{
	return (uint16_t)(pciconf_8(c, at) | pciconf_8(c, at + 1) << 8);
}

uint32_t pciconf_32(const struct pciconf *c, size_t at)
{
	return (uint32_t)pciconf_16(c, at) | (uint32_t)pciconf_16(c, at + 2) << 16;
}

bool pciconf_all_ones(const struct pciconf *c, bool is_vf)
{
	size_t i;

	if (c->len < PCICONF_HEADER)
		return false;
	for (i = is_vf ? 4 : 0; i < PCICONF_HEADER; i++)
		if (c->bytes[i] != 0xff)
			return false;
	return true;
}

size_t pciconf_cap(const struct pciconf *c, uint8_t id)
{
	bool cardbus = (pciconf_8(c, REG_HEADER_TYPE) & 0x7f) == 2;
	size_t at = pciconf_8(c, cardbus ? REG_CAPS_BUS : REG_CAPS) & ~3u, i;

	if (!(pciconf_16(c, REG_STATUS) & STATUS_HAS_CAPS))
		return 0;
	for (i = 0; i < CAPS_MAX && at >= 0x40 && at + 4 <= c->len; i++) {
		if (pciconf_8(c, at) == id)
			return at;
		at = pciconf_8(c, at + 1) & ~3u;
	}
	return 0;
}

size_t pciconf_ext_cap(const struct pciconf *c, uint16_t id)
{
	size_t at = PCICONF_LEGACY, i;

	for (i = 0; i < EXT_CAPS_MAX && at >= PCICONF_LEGACY && at + 4 <= c->len; i++) {
		uint32_t header = pciconf_32(c, at);

		if (header == 0 || header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & ~3u;
	}
	return 0;
}

/* ---- reading ---- */

static size_t ext_length(uint32_t header)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ext_lengths); i++)
		if (ext_lengths[i].id == (header & 0xffff))
			return ext_lengths[i].len;
	return 4;
}

/* The chain behind the first 256 bytes; returns where what was read ends. */
static size_t read_ext_caps(pciconf_fetch *fetch, void *arg, uint8_t *buf)
{
	size_t at = PCICONF_LEGACY, end = PCICONF_LEGACY, i;

	for (i = 0; i < EXT_CAPS_MAX && at >= PCICONF_LEGACY && at + 4 <= PCICONF_SIZE; i++) {
		struct pciconf c = {buf, at + 4};
		uint32_t header;
		size_t len;

		if (fetch(arg, buf + at, 4, at) != 4)
			break;
		header = pciconf_32(&c, at);
		if (header == 0 || header == UINT32_MAX)
			break;
		len = ext_length(header);
		if (at + len > PCICONF_SIZE)
			len = PCICONF_SIZE - at;
		if (len > 4 && fetch(arg, buf + at + 4, len - 4, at + 4) < 0)
			break;
		if (at + len > end)
			end = at + len;
		at = header >> 20 & ~3u;
	}
	return end;
}

long pciconf_read(pciconf_fetch *fetch, void *arg, uint8_t *buf)
{
	long n = fetch(arg, buf, PCICONF_LEGACY, 0);
	struct pciconf c = {buf, n > 0 ? (size_t)n : 0};

	/* only PCIe has more; without privileges the read ended at 64 */
	if (n < PCICONF_LEGACY || pciconf_cap(&c, CAP_EXP) == 0)
		return n;
	return (long)read_ext_caps(fetch, arg, buf);
}

/* ---- the PCIe capability ---- */

enum pcie_type pciconf_type(const struct pciconf *c)
{
	size_t cap = pciconf_cap(c, CAP_EXP);

	return cap ? (enum pcie_type)(pciconf_16(c, cap + EXP_FLAGS) >> 4 & 0xf) : PCIE_NOT;
}

/* The highest of the supported speeds; before PCIe 3.0 there was no vector of them. */
static unsigned speed_max(const struct pciconf *c, size_t cap)
{
	unsigned vector = pciconf_32(c, cap + EXP_LNKCAP2) >> 1 & 0x7f, generation = 0;
	unsigned version = pciconf_16(c, cap + EXP_FLAGS) & 0xf;

	if (version < 2 || vector == 0)
		return pciconf_32(c, cap + EXP_LNKCAP) & 0xf;
	for (; vector != 0; vector >>= 1)
		generation++;
	return generation;
}

bool pciconf_link(const struct pciconf *c, struct pcie_link *out)
{
	enum pcie_type type = pciconf_type(c);
	size_t cap = pciconf_cap(c, CAP_EXP);
	uint16_t status = pciconf_16(c, cap + EXP_LNKSTA);
	uint32_t capable = pciconf_32(c, cap + EXP_LNKCAP);

	if (cap == 0 || cap + EXP_LNKSTA + 2 > c->len || type == PCIE_INTEGRATED ||
		type == PCIE_EVENT_COLLECTOR || (capable >> 4 & 0x3f) == 0)
		return false;
	*out = (struct pcie_link){
		.width = status >> 4 & 0x3f,
		.width_max = capable >> 4 & 0x3f,
		.speed = status & 0xf,
		.speed_max = speed_max(c, cap),
		.aspm = pciconf_16(c, cap + EXP_LNKCTL) & 3,
		.aspm_max = capable >> 10 & 3,
	};
	return true;
}

const char *pcie_speed_name(unsigned generation)
{
	static const char *const names[] = {
		"?", "2.5 GT/s", "5 GT/s", "8 GT/s", "16 GT/s", "32 GT/s", "64 GT/s", "128 GT/s"};

	return generation < ARRAY_SIZE(names) ? names[generation] : names[0];
}

static bool exp_16(const struct pciconf *c, size_t reg, unsigned *out)
{
	size_t cap = pciconf_cap(c, CAP_EXP);

	if (cap == 0 || cap + reg + 2 > c->len)
		return false;
	*out = pciconf_16(c, cap + reg);
	return true;
}

bool pciconf_device_status(const struct pciconf *c, unsigned *out)
{
	return exp_16(c, EXP_DEVSTA, out);
}

bool pciconf_device_control(const struct pciconf *c, unsigned *out)
{
	return exp_16(c, EXP_DEVCTL, out);
}

/* ---- other capabilities ---- */

bool pciconf_acs(const struct pciconf *c, unsigned *capable, unsigned *enabled)
{
	size_t cap = pciconf_ext_cap(c, EXT_ACS);

	if (cap == 0 || cap + 8 > c->len)
		return false;
	*capable = pciconf_16(c, cap + 4);
	*enabled = pciconf_16(c, cap + 6);
	return true;
}

bool pciconf_aer(const struct pciconf *c, struct pcie_aer *out)
{
	size_t cap = pciconf_ext_cap(c, EXT_AER);

	if (cap == 0 || cap + 0x18 > c->len)
		return false;
	*out = (struct pcie_aer){
		.uncorrectable = pciconf_32(c, cap + 0x04),
		.uncorrectable_mask = pciconf_32(c, cap + 0x08),
		.uncorrectable_severity = pciconf_32(c, cap + 0x0c),
		.correctable = pciconf_32(c, cap + 0x10),
		.correctable_mask = pciconf_32(c, cap + 0x14),
	};
	return true;
}

/* PCIe base spec, 7.8.4.3 and 7.8.4.6; bit 0 means nothing any more */
#define UNCORRECTABLE_MASKED_BY_DEFAULT (1u << 0 | 1u << 22 | 1u << 26)
#define CORRECTABLE_MASKED_BY_DEFAULT   (1u << 13 | 1u << 14 | 1u << 15)

static size_t add_names(enum aer_class cls, uint32_t bits, char *buf, size_t size, size_t len)
{
	unsigned bit;

	for (bit = 0; bit < AER_BITS && len < size; bit++)
		if ((bits >> bit & 1) && aer_bit_name(cls, bit) != NULL)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
				aer_bit_name(cls, bit));
	return len;
}

const char *pcie_aer_masked(const struct pcie_aer *aer, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	len = add_names(AER_NONFATAL, aer->uncorrectable_mask & ~UNCORRECTABLE_MASKED_BY_DEFAULT,
		buf, size, len);
	add_names(AER_CORRECTABLE, aer->correctable_mask & ~CORRECTABLE_MASKED_BY_DEFAULT, buf,
		size, len);
	return buf;
}

size_t pciconf_rebars(const struct pciconf *c, struct pcie_rebar out[REBARS_MAX])
{
	size_t cap = pciconf_ext_cap(c, EXT_REBAR), i, n = 0;
	size_t count = cap ? pciconf_32(c, cap + 8) >> 5 & 7 : 0;

	for (i = 0; i < count && i < REBARS_MAX && cap + 12 + 8 * i <= c->len; i++) {
		/* bit 4 of the capability stands for 1 MiB, bit 31 for 128 TiB; what is beyond is ignored */
		uint32_t sizes = pciconf_32(c, cap + 4 + 8 * i) >> 4;
		uint32_t control = pciconf_32(c, cap + 8 + 8 * i);
		struct pcie_rebar *r = &out[n];

		*r = (struct pcie_rebar){.bar = control & 7, .size = control >> 8 & 0x3f};
		r->size_max = r->size;
		for (; sizes != 0; sizes &= sizes - 1)
			r->size_max = (unsigned)__builtin_ctz(sizes);
		if (r->bar < 6 && r->size <= REBAR_SIZE_MAX)
			n++;
	}
	return n;
}

void pciconf_interrupts(const struct pciconf *c, struct pci_interrupts *out)
{
	size_t msi = pciconf_cap(c, CAP_MSI), msix = pciconf_cap(c, CAP_MSIX);

	*out = (struct pci_interrupts){
		.msi = msi != 0,
		.msix = msix != 0,
		.msi_used = msi && (pciconf_16(c, msi + 2) & 1),
		.msix_used = msix && pciconf_16(c, msix + 2) >> 15,
		.pin = pciconf_8(c, REG_PIN) != 0,
	};
}

unsigned pciconf_total_vfs(const struct pciconf *c)
{
	size_t cap = pciconf_ext_cap(c, EXT_SRIOV);

	return cap ? pciconf_16(c, cap + 0x0e) : 0;
}

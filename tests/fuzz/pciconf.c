/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pciconf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	const uint8_t *data;
	size_t size;
};

static long fetch(void *arg, void *buf, size_t n, size_t at)
{
	const struct source *s = arg;
	size_t got = at >= s->size ? 0 : n < s->size - at ? n : s->size - at;

	if (got > 0)
		memcpy(buf, s->data + at, got);
	return (long)got;
}

/* Any bytes are a config space: what is read of it stays in bounds, and every look at it ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {data, size < PCICONF_SIZE ? size : PCICONF_SIZE};
	uint8_t *buf = calloc(1, PCICONF_SIZE);
	long len = pciconf_read(fetch, &source, buf);
	struct pciconf c = {buf, len > 0 ? (size_t)len : 0};
	struct pcie_rebar rebars[REBARS_MAX];
	struct pci_interrupts irq;
	unsigned capable, enabled;
	struct pcie_link link;
	struct pcie_aer aer;
	char text[64];
	size_t i, n;

	if (c.len > PCICONF_SIZE)
		abort();
	if (pciconf_link(&c, &link) && (link.width > 63 || link.speed_max > 15))
		abort();
	n = pciconf_rebars(&c, rebars);
	for (i = 0; i < n; i++)
		if (rebars[i].bar > 5 || rebars[i].size > 43 || rebars[i].size_max > 43)
			abort();
	if (pciconf_aer(&c, &aer) && strlen(pcie_aer_masked(&aer, text, sizeof(text))) >= 64)
		abort();
	pciconf_acs(&c, &capable, &enabled);
	pciconf_interrupts(&c, &irq);
	pciconf_device_status(&c, &enabled);
	if (pciconf_total_vfs(&c) > 65535 || pciconf_cap(&c, 0x10) >= 256)
		abort();
	(void)pciconf_all_ones(&c, true);
	free(buf);
	return 0;
}

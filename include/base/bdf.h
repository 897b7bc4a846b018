/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_BDF_H
#define VFIO_STRESS_BASE_BDF_H

#include <stdbool.h>
#include <stdint.h>

/* Address of a PCI function. A domain may need five or more hex digits (VMD: 10000:80:02.0). */
struct bdf {
	uint32_t domain;
	uint8_t bus, dev, fn;
};

/* Asked a million times where the reach of every reset of 1,000 functions is worked out. */
static inline bool bdf_eq(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.dev == b.dev && a.fn == b.fn;
}

#define BDF_LEN 24 /* room for the text, NUL included */

/* Accepts 0000:41:00.0 and 41:00.0 (domain 0), whole string. */
bool bdf_parse(const char *text, struct bdf *out);
/* Always written 0000:41:00.0. Returns buf, which has BDF_LEN bytes. */
const char *bdf_text(struct bdf bdf, char *buf);
int bdf_cmp(struct bdf a, struct bdf b); /* BDF order */
/* Requester ID: bus<<8 | dev<<3 | fn (PCIe base spec, 2.2.4.2). */
uint16_t bdf_rid(struct bdf bdf);
struct bdf bdf_from_rid(uint32_t domain, uint16_t rid);

#endif

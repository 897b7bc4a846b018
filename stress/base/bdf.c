/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads 1..max_digits hex digits followed by `stop`; NULL when that is not what stands there. */
static const char *hex_until(const char *s, size_t max_digits, char stop, uint32_t *out)
{
	size_t n = strspn(s, "0123456789abcdefABCDEF");

	if (n == 0 || n > max_digits || s[n] != stop)
		return NULL;
	*out = (uint32_t)strtoul(s, NULL, 16);
	return s + n + (stop != '\0');
}

bool bdf_parse(const char *text, struct bdf *out)
{
	uint32_t domain = 0, bus, dev, fn;
	const char *s = text;

	if (strchr(s, ':') != strrchr(s, ':'))
		s = hex_until(s, 8, ':', &domain);
	if (s == NULL || (s = hex_until(s, 2, ':', &bus)) == NULL ||
		(s = hex_until(s, 2, '.', &dev)) == NULL || hex_until(s, 1, '\0', &fn) == NULL ||
		dev > 31 || fn > 7)
		return false;
	*out = (struct bdf){domain, (uint8_t)bus, (uint8_t)dev, (uint8_t)fn};
	return true;
}

const char *bdf_text(struct bdf bdf, char *buf)
{
	snprintf(buf, BDF_LEN, "%04x:%02x:%02x.%x", bdf.domain, bdf.bus, bdf.dev, bdf.fn & 7);
	return buf;
}

int bdf_cmp(struct bdf a, struct bdf b)
{
	if (a.domain != b.domain)
		return a.domain < b.domain ? -1 : 1;
	return (int)bdf_rid(a) - (int)bdf_rid(b);
}

uint16_t bdf_rid(struct bdf bdf)
{
	return (uint16_t)(bdf.bus << 8 | (bdf.dev & 31) << 3 | (bdf.fn & 7));
}

struct bdf bdf_from_rid(uint32_t domain, uint16_t rid)
{
	return (struct bdf){
		domain, (uint8_t)(rid >> 8), (uint8_t)(rid >> 3 & 31), (uint8_t)(rid & 7)};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <string.h>

struct range {
	uint32_t first, last;
};

/* Unicode 15 EastAsianWidth.txt, W and F, coarsely: too wide is safe, too narrow breaks a screen. */
static const struct range wide[] = {
	{0x1100, 0x115f},
	{0x231a, 0x231b},
	{0x2329, 0x232a},
	{0x23e9, 0x23f3},
	{0x25fd, 0x25fe},
	{0x2614, 0x2615},
	{0x2648, 0x2653},
	{0x267f, 0x267f},
	{0x2693, 0x2693},
	{0x26a1, 0x26a1},
	{0x26aa, 0x26ab},
	{0x26bd, 0x26be},
	{0x26c4, 0x26c5},
	{0x26ce, 0x26ce},
	{0x26d4, 0x26d4},
	{0x26ea, 0x26ea},
	{0x26f2, 0x26f5},
	{0x26fa, 0x26fd},
	{0x2705, 0x2705},
	{0x270a, 0x270b},
	{0x2728, 0x2728},
	{0x274c, 0x274e},
	{0x2753, 0x2757},
	{0x2795, 0x2797},
	{0x27b0, 0x27bf},
	{0x2b1b, 0x2b1c},
	{0x2b50, 0x2b55},
	{0x2e80, 0xa4cf},
	{0xa960, 0xa97f},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe10, 0xfe19},
	{0xfe30, 0xfe6f},
	{0xff00, 0xff60},
	{0xffe0, 0xffe6},
	{0x16fe0, 0x18d08},
	{0x1aff0, 0x1b2fb},
	{0x1f000, 0x1fbff},
	{0x20000, 0x3fffd},
};

/* Combining marks and format characters that take no column of their own. */
static const struct range zero[] = {
	{0x0300, 0x036f},
	{0x0483, 0x0489},
	{0x0591, 0x05bd},
	{0x0610, 0x061a},
	{0x064b, 0x065f},
	{0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e},
	{0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff},
	{0x200b, 0x200d},
	{0x2060, 0x2064},
	{0x20d0, 0x20ff},
	{0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f},
	{0xfeff, 0xfeff},
	{0xe0100, 0xe01ef},
};

size_t utf8_decode(const char *text, size_t n, uint32_t *cp_out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	size_t len, i;
	uint32_t cp;

	len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len == 0 || len > n || s[0] > 0xf4)
		return 0;
	cp = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	if (cp_out != NULL)
		*cp_out = cp;
	return len;
}

static int in_ranges(uint32_t cp, const struct range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n && r[i].first <= cp; i++)
		if (cp <= r[i].last)
			return 1;
	return 0;
}

static size_t width(uint32_t cp)
{
	if (cp < 0x300)
		return 1;
	if (in_ranges(cp, zero, sizeof(zero) / sizeof(zero[0])))
		return 0;
	return in_ranges(cp, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

size_t utf8_columns(const char *s)
{
	size_t left = strlen(s), columns = 0;

	while (left > 0) {
		uint32_t cp = 0;
		size_t len = utf8_decode(s, left, &cp);

		columns += len ? width(cp) : 1;
		s += len ? len : 1;
		left -= len ? len : 1;
	}
	return columns;
}

size_t utf8_fit(const char *s, size_t columns)
{
	size_t used = 0, fits = 0, len, w;
	uint32_t cp;

	while (s[fits] != '\0') {
		len = w = 1;
		/* a sequence never goes on behind the terminator */
		if ((unsigned char)s[fits] >= 0x80 && (len = utf8_decode(s + fits, 4, &cp)) > 0)
			w = width(cp);
		if (used + w > columns)
			break;
		used += w;
		fits += len ? len : 1;
	}
	return fits;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/time_bins.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define OCTAVE_BITS 5 /* TIME_BINS_OCTAVE = 1 << 5 */

/* The power of two, and the bits below it. */
static unsigned bin_of(int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 1, part;
	unsigned octave = 63 - (unsigned)__builtin_clzll(v), bin;

	part = octave >= OCTAVE_BITS ? v >> (octave - OCTAVE_BITS) : v << (OCTAVE_BITS - octave);
	bin = octave * TIME_BINS_OCTAVE + ((unsigned)part & (TIME_BINS_OCTAVE - 1));
	return bin < TIME_BINS ? bin : TIME_BINS - 1;
}

void time_bins_add(struct time_bins *b, int64_t us)
{
	b->count[bin_of(us)]++;
	b->n++;
}

double time_bin_us(unsigned bin)
{
	double part = 1 + (double)(bin % TIME_BINS_OCTAVE) / TIME_BINS_OCTAVE;

	return ldexp(part, (int)(bin / TIME_BINS_OCTAVE));
}

const char *time_bins_text(const struct time_bins *b, struct arena *arena)
{
	struct str s = {0};
	const char *text;
	unsigned i;

	for (i = 0; i < TIME_BINS; i++)
		if (b->count[i] > 0)
			str_addf(&s, "%s%u:%" PRIu32, s.len ? " " : "", i, b->count[i]);
	text = arena_strdup(arena, s.s ? s.s : "");
	str_finish(&s);
	return text;
}

/* A number and the byte behind it; NULL = it is none, or too large. */
static const char *number(const char *s, unsigned long most, char behind, unsigned long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return NULL;
	errno = 0;
	*out = strtoul(s, &end, 10);
	if (errno != 0 || *out > most || (*end != behind && *end != '\0'))
		return NULL;
	return *end == '\0' ? end : end + 1;
}

void time_bins_read(const char *text, struct time_bins *out)
{
	*out = (struct time_bins){0};
	while (*text != '\0') {
		unsigned long bin, n;

		text = number(text, TIME_BINS - 1, ':', &bin);
		text = text ? number(text, UINT32_MAX, ' ', &n) : NULL;
		if (text == NULL || out->count[bin] > 0)
			return;
		out->n += n;
		out->count[bin] = (uint32_t)n;
	}
}

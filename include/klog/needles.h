/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_NEEDLES_H
#define VFIO_STRESS_KLOG_NEEDLES_H

#include <stddef.h>

#define NEEDLES_MAX    24 /* more would be no sieve */
#define NEEDLE_LEN_MIN 3 /* a shorter one would let every line through */
#define NEEDLE_LEN_MAX 23 /* no rarer when longer, and the tables stay small */

/* Texts of which every match of an expression contains one. n 0: nothing is certain. */
struct needles {
	size_t n;
	char v[NEEDLES_MAX][NEEDLE_LEN_MAX + 1];
};

/*
 * Of a PCRE2 expression that compiles without options; what is not understood is not certain.
 * Needles stand in a raw record, too, as they stand in its text.
 */
void needles_find(const char *regex, struct needles *out);
/* How seldom lines have such letters, for comparing; what is in needles_common they have often. */
unsigned needles_letters(const char *s, size_t n);
/* What ordinary lines consist of. */
const char *needles_common(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_PREFILTER_H
#define VFIO_STRESS_KLOG_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that a pattern needs; "" = it needs none, and is always a candidate. */
struct needle {
	const char *text;
	size_t pattern;
};

/*
 * The first stage: which patterns can match this line at all? One pass over the text finds every
 * needle (Aho-Corasick). Immutable once built.
 */
struct prefilter;

struct prefilter *prefilter_new(const struct needle *needles, size_t n, size_t patterns);
void prefilter_free(struct prefilter *pf);
/* 64-bit words that a set of candidates has. */
size_t prefilter_words(const struct prefilter *pf);
/* Sets bit i of `set` for each candidate, clears the rest; false when there is none. */
bool prefilter_scan(const struct prefilter *pf, const char *text, size_t len, uint64_t *set);
/* Behind the first needle that ends in the text, 0 when there is none. */
size_t prefilter_find(const struct prefilter *pf, const char *text, size_t len);

#endif

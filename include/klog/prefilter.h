/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_PREFILTER_H
#define VFIO_STRESS_KLOG_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern;

/*
 * The first stage: which patterns can match this line at all? One pass over the text finds every
 * needle (Aho-Corasick). Immutable once built.
 */
struct prefilter;

/* A pattern without needles is always a candidate. */
struct prefilter *prefilter_new(const struct pattern *const *patterns, size_t n);
void prefilter_free(struct prefilter *pf);
/* 64-bit words that a set of candidates has. */
size_t prefilter_words(const struct prefilter *pf);
/* Sets bit i of `set` for each candidate, clears the rest; false when there is none. */
bool prefilter_scan(const struct prefilter *pf, const char *text, size_t len, uint64_t *set);

#endif

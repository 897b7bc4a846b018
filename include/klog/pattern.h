/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_PATTERN_H
#define VFIO_STRESS_KLOG_PATTERN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_GROUPS_MAX 16

/* A piece of the text; s NULL = it took no part. */
struct span {
	const char *s;
	size_t n;
};

/* A compiled PCRE2 expression over bytes. Use by one thread at a time. */
struct pattern;

/* On failure *at_out is the offset in `regex` where it is wrong. */
int pattern_compile(
	const char *regex, struct pattern **out, size_t *at_out, struct err *err) must_check;
void pattern_free(struct pattern *p);
/* Name of group `number` (1..), NULL when it has none. */
const char *pattern_group_name(const struct pattern *p, int number);
/* Texts of which every match contains one; *n_out 0 when nothing is certain. */
const char *const *pattern_needles(const struct pattern *p, size_t *n_out);
/*
 * groups[0] is the whole match, the rest by number; those that took no part are emptied. Work is
 * bounded: an expression that would run away on this text does not match.
 */
bool pattern_match(
	struct pattern *p, const char *text, size_t len, struct span groups[PATTERN_GROUPS_MAX]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_WIDESCAN_H
#define VFIO_STRESS_KLOG_WIDESCAN_H

#include <stddef.h>
#include <stdint.h>

/* a text that is looked for; of longer ones a piece does */
#define WIDESCAN_LEN_MIN 3
#define WIDESCAN_LEN_MAX 8

/*
 * Some hundred short texts found at once, at seven gigabytes a second, on x86 processors that have
 * AVX-512 VBMI (Ice Lake, Zen 4 and later). Shared by threads.
 */
struct widescan;

/* Called in the order of the text for each place where one or more were found: in front of `end`. */
typedef void widescan_found(void *arg, size_t end);

/*
 * NULL on other processors, and when a text has another length. `ordinary` is an example of what
 * they are looked for in: any will do, a good one makes it faster.
 */
struct widescan *widescan_new(const char *const *texts, size_t n, const char *ordinary);
void widescan_free(struct widescan *w);
void widescan_text(
	const struct widescan *w, const char *text, size_t len, widescan_found *found, void *arg);
/* How many newlines a text has. */
uint64_t widescan_newlines(const struct widescan *w, const char *text, size_t len);

#endif

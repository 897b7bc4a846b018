/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_MULTISCAN_H
#define VFIO_STRESS_KLOG_MULTISCAN_H

#include <stddef.h>

/* Many texts found at once, at gigabytes a second: vectorscan. Shared by threads. */
struct multiscan;
/* What a thread needs for it. */
struct multiscan_hand;

/* Called in the order of the text for each that was found: it ends in front of `end`. */
typedef void multiscan_found(void *arg, size_t end);

/* NULL in a build without vectorscan, and where it does not know the processor. */
struct multiscan *multiscan_new(const char *const *texts, size_t n);
void multiscan_free(struct multiscan *m);
struct multiscan_hand *multiscan_hand_new(const struct multiscan *m);
void multiscan_hand_free(struct multiscan_hand *h);
/* At most 4 GiB. */
void multiscan_text(const struct multiscan *m, struct multiscan_hand *h, const char *text,
	size_t len, multiscan_found *found, void *arg);

#endif

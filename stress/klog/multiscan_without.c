/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/multiscan.h"

#include <stdlib.h>

/* A build without vectorscan. */

struct multiscan *multiscan_new(const char *const *texts, size_t n)
{
	(void)texts;
	(void)n;
	return NULL;
}

void multiscan_free(struct multiscan *m)
{
	(void)m;
}

struct multiscan_hand *multiscan_hand_new(const struct multiscan *m)
{
	(void)m;
	abort();
}

void multiscan_hand_free(struct multiscan_hand *h)
{
	(void)h;
}

void multiscan_text(const struct multiscan *m, struct multiscan_hand *h, const char *text,
	size_t len, multiscan_found *found, void *arg)
{
	(void)m;
	(void)h;
	(void)text;
	(void)len;
	(void)found;
	(void)arg;
	abort();
}

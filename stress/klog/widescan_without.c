/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/widescan.h"

#include <stdlib.h>

/* A build for other processors. */

struct widescan *widescan_new(const char *const *texts, size_t n, const char *ordinary)
{
	(void)texts;
	(void)n;
	(void)ordinary;
	return NULL;
}

void widescan_free(struct widescan *w)
{
	(void)w;
}

void widescan_text(
	const struct widescan *w, const char *text, size_t len, widescan_found *found, void *arg)
{
	(void)w;
	(void)text;
	(void)len;
	(void)found;
	(void)arg;
	abort();
}

uint64_t widescan_newlines(const struct widescan *w, const char *text, size_t len)
{
	(void)w;
	(void)text;
	(void)len;
	abort();
}

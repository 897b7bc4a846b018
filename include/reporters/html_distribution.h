/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_DISTRIBUTION_H
#define VFIO_STRESS_REPORTERS_HTML_DISTRIBUTION_H

#include <stdio.h>

struct time_bins;

/* Times from the shortest to the longest, as bars; nothing when there are fewer than two. */
void html_distribution(FILE *out, const struct time_bins *times);
/* Two runs' on one scale, of bins as text: the earlier one's behind, with its outline in front. */
void html_distributions(FILE *out, const char *before, const char *now);
/* What is what in them; no foreign text. */
void html_distributions_key(FILE *out, const char *before, const char *now);

#endif

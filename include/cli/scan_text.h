/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_TEXT_H
#define VFIO_STRESS_CLI_SCAN_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct found;
struct scan_result;

/* For people, 80 columns wide: by device, the culprit first. Sorts. */
void scan_write_text(struct scan_result *r, bool colour, FILE *out);

/* Of a log that grows: one incident each time that there are news of it, and the sums. */
enum scan_news {
	NEWS_NEW, /* with all that is known of it */
	NEWS_OTHER, /* it is another than it was: without what it means */
	NEWS_MORE, /* it came again: its count */
};

void scan_write_live_text(const struct found *f, enum scan_news news, bool colour, FILE *out);
void scan_write_live_end(const struct scan_result *r, FILE *out);

#endif

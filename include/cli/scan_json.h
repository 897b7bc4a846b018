/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_JSON_H
#define VFIO_STRESS_CLI_SCAN_JSON_H

#include <stdio.h>

struct found;
struct klog_match;
struct savedlog_line;
struct scan_result;

/* vfio-stress/scan/1, or one incident a line. */
void scan_write_json(const struct scan_result *r, FILE *out);
void scan_write_jsonl(const struct scan_result *r, FILE *out);
/* An incident of a log that grows: it is written again, with the same `no`, when it has changed. */
void scan_write_live_json(const struct found *f, FILE *out);
/* One line of the log as one line of JSON; m->rule NULL = nothing applies. file may be NULL. */
void scan_write_line(
	const char *file, const struct savedlog_line *line, const struct klog_match *m, FILE *out);

#endif

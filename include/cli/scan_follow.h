/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_FOLLOW_H
#define VFIO_STRESS_CLI_SCAN_FOLLOW_H

#include "base/err.h"

#include <stdbool.h>

struct savedlog;
struct scan;

enum follow_format { FOLLOW_TEXT, FOLLOW_JSONL, FOLLOW_LINES };

/*
 * Reads what there is, then what comes, until SIGINT or SIGTERM or its end, and writes each incident
 * when it is found and again when it has changed. Takes the log.
 */
int scan_follow(struct scan *s, struct savedlog *log, const char *name, enum follow_format format,
	struct err *err) must_check;

#endif

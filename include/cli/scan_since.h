/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_SINCE_H
#define VFIO_STRESS_CLI_SCAN_SINCE_H

#include "base/err.h"

enum since_kind {
	SINCE_ALWAYS,
	SINCE_WALL, /* a day and a time */
	SINCE_BOOT, /* seconds since the boot */
};

struct since {
	enum since_kind kind;
	int64_t wall_ns;
	int64_t usec;
};

/*
 * "2026-05-30 19:39", "19:39", "today", "yesterday", "now", "-2h", "2 hours ago"; and a number,
 * seconds since the boot as they stand in the kernel's brackets: "123.456".
 */
int since_parse(
	const char *text, int64_t now_wall_ns, struct since *out, struct err *err) must_check;

#endif

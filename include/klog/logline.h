/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_LOGLINE_H
#define VFIO_STRESS_KLOG_LOGLINE_H

#include <stddef.h>
#include <stdint.h>

/* One line of a saved log without what the saving program put before it. */
struct logline {
	const char *text; /* into the line */
	size_t len;
	int64_t usec; /* since boot, from [ 123.456789]; -1 = unknown */
	uint8_t level; /* from <6> or "kern  :info  :"; 255 = unknown */
	unsigned source; /* of enum klog_source; 0 = another program wrote it */
};

/*
 * Accepts what dmesg (plain, -T, -d, -x), the caller column, syslog, journalctl and serial consoles
 * put there, several of them one after the other. Trailing newlines are cut.
 */
void logline_parse(const char *line, size_t len, struct logline *out);

#endif

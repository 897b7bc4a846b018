/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_LOGLINE_H
#define VFIO_STRESS_KLOG_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of a saved log without what the saving program put before it. */
struct logline {
	const char *text; /* into the line */
	size_t len;
	int64_t usec; /* since boot, from [ 123.456789]; -1 = unknown */
	uint8_t level; /* from <6> or "kern  :info  :"; 255 = unknown */
	unsigned source; /* of enum klog_source; 0 = another program wrote it */
	const char *date; /* as it stands, for logdate.h; NULL = none */
	uint8_t date_len;
	bool bare; /* nothing stood in front of the text */
};

/*
 * Accepts what stands in front of lines that these save, several of them one after the other: dmesg
 * (plain, -T, -H, -d, -x, --raw, --time-format), the caller column, syslog (RFC 3164, 3339, 5424,
 * busybox), journalctl (short and its kin), Xen, serial consoles with stamps of their own, behind
 * prompts, quoted in mails, found by grep. Trailing newlines are cut.
 */
void logline_parse(const char *line, size_t len, struct logline *out);

#endif

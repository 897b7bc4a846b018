/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_LOGNAME_H
#define VFIO_STRESS_KLOG_LOGNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How kernel logs are called, where sosreport, supportconfig and people put them. */

/* for messages */
#define LOGNAME_EXAMPLES                                                                           \
	"dmesg*, kern.log*, messages*, syslog*, journalctl*, *console*.log, nvidia-bug-report* "   \
	"and QEMU's logs"

enum logname_sort {
	LOGNAME_NO,
	LOGNAME_MAYBE, /* its text tells: logname_is_klog */
	LOGNAME_YES, /* a log, or an archive that may hold some */
};

enum logname_sort logname_sort(const char *path);
/* Is it only what the kernel still held, of which logs on disk may have the beginning? */
bool logname_is_ring(const char *path);
/* "*.tar.gz" and the like. */
bool logname_is_archive(const char *path);
/* Does a text begin as kernel logs do? */
bool logname_is_klog(const char *head, size_t n);

/* A part of a log that is rotated, or of a dump that pstore cut into pieces. */
struct logname {
	size_t stem_len; /* what its parts have in common; 0 = it is not such a part */
	uint64_t age; /* the higher, the older; 0 = what is being written */
};

struct logname logname_parse(const char *path);

#endif

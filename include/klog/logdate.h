/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_LOGDATE_H
#define VFIO_STRESS_KLOG_LOGDATE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads the dates of one log. A date without a zone is this machine's local time, one without its
 * year the last such day that is not behind `newest_ns`: when the log was written last.
 */
struct logdates {
	int64_t newest_ns;
	/* the hour that was converted last: lines of a log stand close together */
	int year, month, day, hour;
	int64_t hour_s;
};

void logdates_init(struct logdates *d, int64_t newest_ns);
/*
 * "May 30 19:39:03", "2026-05-30T19:39:03.123456+02:00", "Wed Apr 15 17:12:31 2026" and the seconds
 * of the epoch with six digits behind the point; names are English. 0 = it does not tell the day.
 */
int64_t logdate_read(struct logdates *d, const char *s, size_t n);

#endif

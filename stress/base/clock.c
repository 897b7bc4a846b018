/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t frozen_ns; /* 0 = real time */

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return frozen_ns ? frozen_ns : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_of(int64_t wall_ns)
{
	int64_t ago = clock_wall_ns() - wall_ns;

	return clock_mono_ns() - (ago > 0 ? ago : 0);
}

int clock_poll_ms(int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns == NEVER)
		return -1;
	left = deadline_ns - clock_mono_ns();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT_MAX ? INT_MAX : (int)left;
}

const char *clock_rfc3339(int64_t wall_ns, char *buf, size_t size)
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	/* not strftime: a report has a million of them */
	snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(int)(wall_ns % NS_PER_S / NS_PER_MS));
	return buf;
}

void clock_test_set(int64_t mono_ns)
{
	frozen_ns = mono_ns;
}

void clock_test_advance(int64_t ns)
{
	frozen_ns += ns;
}

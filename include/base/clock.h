/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_CLOCK_H
#define VFIO_STRESS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)
#define NEVER     INT64_MAX /* a deadline that does not come */

/* CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. The only two places that read a clock. */
int64_t clock_mono_ns(void);
int64_t clock_wall_ns(void);

/* The monotonic time of a moment of the wall's that is over. */
int64_t clock_mono_of(int64_t wall_ns);

/* Milliseconds until a monotonic deadline, for poll(): 0 when past, -1 for NEVER, rounded up. */
int clock_poll_ms(int64_t deadline_ns);

/* RFC 3339 with milliseconds and zone, UTC: "2026-11-21T04:00:00.123Z". Returns buf. */
const char *clock_rfc3339(int64_t wall_ns, char *buf, size_t size);

/* Tests: freeze the monotonic clock at a value and move it. Real time again with set(0). */
void clock_test_set(int64_t mono_ns);
void clock_test_advance(int64_t ns);

#endif

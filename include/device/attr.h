/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_ATTR_H
#define VFIO_STRESS_DEVICE_ATTR_H

#include "world/child.h"
#include "world/host.h"

/*
 * Attributes whose handler may sleep in the kernel for minutes (reset, remove, bind; and those that
 * wait for the lock of a device under reset, like driver_override): in a disposable child, so that
 * the caller lives. err->sys is the kernel's errno; ERR_TIMEOUT when the call did not return by the
 * deadline. `out` (may be NULL) is filled also on failure.
 */
int attr_write(const struct host *host, const char *path, const char *value, int64_t deadline_ns,
	struct child_result *out, struct err *err) must_check;
/* The trailing newline is cut. */
int attr_read(const struct host *host, const char *path, char *buf, size_t size,
	int64_t deadline_ns, struct err *err) must_check;

/* Opens a file with these flags in a child and closes it at once: 0 or the errno; ETIMEDOUT. */
int attr_try_open(const struct host *host, const char *path, int flags);

#endif

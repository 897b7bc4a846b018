/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_HOST_H
#define VFIO_STRESS_WORLD_HOST_H

#include "base/bdf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define HOST_PATH_MAX 512
#define HOST_RUN_PATH "/run/vfio-stress"

/* Where the machine is. Tests put a directory in front of /sys, /proc, /dev/vfio, /dev/aer_inject and /run. */
struct host {
	const char
		*root; /* "" for the real one, or the --root directory, without a trailing slash */
	const char *kmsg; /* "/dev/kmsg", or the --kmsg path */
	bool simulated; /* a test seam is in use: reports say so */
};

/* root + formatted absolute path. Returns buf, which has HOST_PATH_MAX bytes. */
const char *host_path(const struct host *host, char *buf, const char *fmt, ...) printf_like(3, 4);
/*
 * Where files are that go with the boot: root's /run/vfio-stress below the root, of a user who is not root
 * $XDG_RUNTIME_DIR/vfio-stress. Returns buf, which has HOST_PATH_MAX bytes.
 */
const char *host_users_run_path(const struct host *host, char *buf);
/* "/sys/bus/pci/devices/BDF/NAME" below root; name "" for the directory itself. Returns buf. */
const char *host_dev_path(const struct host *host, char *buf, struct bdf bdf, const char *name);

/*
 * One attribute: read into buf (NUL-terminated, trailing newline cut) or written whole in one
 * write(2). These may sleep in the kernel for minutes: a reset attribute always goes through child_call.
 */
int host_read(const struct host *host, const char *path, char *buf, size_t size,
	struct err *err) must_check;
int host_write(
	const struct host *host, const char *path, const char *value, struct err *err) must_check;

/* Name at the end of what a link points to ("nvme" of .../driver), harmless; "" = none. Returns buf. */
const char *host_link_name(const struct host *host, const char *path, char *buf, size_t size);

/*
 * -1 (ERR_REFUSED) in the kernel that kdump starts after a panic, to save the dump: it has neither the
 * drivers nor the devices of the host, and what the everyday boot would find it would use up.
 */
int host_check_not_kdump(const struct host *host, struct err *err) must_check;

/* The boot's UUID from /proc/sys/kernel/random/boot_id; "" when it cannot be read. Returns buf. */
const char *host_boot_id(const struct host *host, char buf[40]);

#endif

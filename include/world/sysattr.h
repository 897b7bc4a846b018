/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_SYSATTR_H
#define VFIO_STRESS_WORLD_SYSATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSATTR_MAX 256 /* bytes looked at */

/*
 * Attributes of one directory of sysfs, relative to it. Only those that the kernel answers from
 * memory: these do not wait for a device.
 */

/* Its text, harmless to print and without the newline; "" when it cannot be read. Returns buf. */
char *sysattr_text(int dirfd, const char *name, char *buf, size_t size);
/* 0 when it is no number up to max. */
uint64_t sysattr_number(int dirfd, const char *name, uint64_t max);
bool sysattr_exists(int dirfd, const char *name);
/* Last component of where a link points to; "" when it is none. Returns buf. */
char *sysattr_link(int dirfd, const char *name, char *buf, size_t size);

#endif

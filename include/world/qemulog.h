/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_QEMULOG_H
#define VFIO_STRESS_WORLD_QEMULOG_H

#include <stddef.h>
#include <stdint.h>

/* QEMU's log of a domain, written by libvirt: what QEMU says is only there. */

/* Its size now; 0 when there is none. */
int64_t qemulog_size(const char *path);
/*
 * QEMU's last words since `from`, printable, at most a few lines joined by " | ": without libvirt's
 * banner and the command line. "" when there are none.
 */
void qemulog_words(const char *path, int64_t from, char *buf, size_t size);

#endif

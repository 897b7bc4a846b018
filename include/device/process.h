/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_PROCESS_H
#define VFIO_STRESS_DEVICE_PROCESS_H

#include "device/holders.h"

/*
 * "qemu-system-x86 (process 4711, domain gpu-vm)": who a holder is, as far as it shows without
 * reading what can block on a stuck process. Returns buf.
 */
const char *process_text(const struct host *host, const struct holder *h, char *buf, size_t size);

#endif

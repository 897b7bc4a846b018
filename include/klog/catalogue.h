/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_CATALOGUE_H
#define VFIO_STRESS_KLOG_CATALOGUE_H

#include <stddef.h>

struct source;

/* The rule files of stress/klog/rules, compiled in. */
size_t catalogue_count(void);
const struct source *catalogue_file(size_t i);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_WORDS_H
#define VFIO_STRESS_PREFLIGHT_WORDS_H

struct host;
struct topology;

/*
 * Reads what the kernel log still holds into t->words: incidents, and what was said about IOMMU and
 * virtualization when the machine started. Never fails: t->log_unknown says why.
 */
void words_read(const struct host *host, struct topology *t);

#endif

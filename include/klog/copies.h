/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_COPIES_H
#define VFIO_STRESS_KLOG_COPIES_H

#include <stdbool.h>

struct klog_rec;

/*
 * A support bundle holds the same records in several logs: dmesg, kern.log, the journal. Records of
 * two logs with the same text and the same microsecond since the boot are one.
 */
struct copies;

/* what is remembered; beyond it copies are no longer told apart */
#define COPIES_MAX (1u << 20)

struct copies *copies_new(void);
void copies_free(struct copies *c);
/* What follows is of another log. */
void copies_next_log(struct copies *c);
/* Was it in a log before this one? Remembers it. */
bool copies_is_copy(struct copies *c, const struct klog_rec *rec);

#endif

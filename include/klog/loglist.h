/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_LOGLIST_H
#define VFIO_STRESS_KLOG_LOGLIST_H

#include "base/err.h"

#include <stddef.h>

struct savedlog;

/*
 * The logs that a user's paths hold: files, and what is found in support bundles (archives,
 * directories). Files that a log daemon rotated are one log, the oldest part first.
 */
struct loglist;

struct logitem {
	const char *name; /* the path; "bundle.tar.xz:var/log/kern.log.1" of an archive's */
	unsigned family; /* parts of one log have the same and stand together */
	unsigned bundle; /* 0 = named by the user; logs of one bundle hold copies of each other */
};

/* what is looked at in a bundle, and what is taken; the rest of a larger one is not read, and said */
#define LOGLIST_MEMBERS_MAX 200000
#define LOGLIST_LOGS_MAX    1000
/* of all logs taken out of archives: they are kept in an unnamed file in $TMPDIR, else /var/tmp */
#define LOGLIST_BYTES_MAX (INT64_C(16) << 30)

struct loglist *loglist_new(void);
void loglist_free(struct loglist *l);
/* "-" is standard input. On failure (part of it unreadable, no log in a bundle) some may be added. */
int loglist_add(struct loglist *l, const char *path, struct err *err) must_check;
/* Joins what was rotated. Once, after the last one was added. */
void loglist_sort(struct loglist *l);
size_t loglist_count(const struct loglist *l);
const struct logitem *loglist_at(const struct loglist *l, size_t i);
/* Once for each. */
int loglist_open(struct loglist *l, size_t i, struct savedlog **out, struct err *err) must_check;

#endif

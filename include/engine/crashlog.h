/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_CRASHLOG_H
#define VFIO_STRESS_ENGINE_CRASHLOG_H

#include "base/vec.h"

#include <stdint.h>

struct host;
struct klog_rec;

/* Which boot died, and what of its log is known already. */
struct crashlog_question {
	const struct host *host;
	const char *boot_id;
	const char *
		known_dumps; /* those of before the run; NULL = not known, then their times count */
	int64_t since_ns, until_ns; /* wall: within its life, and before the boot that runs now */
	uint64_t after_seq; /* the last record that is known */
	int64_t after_usec, after_wall_ns; /* its time; usec -1 = none is known */
};

#define CRASHLOG_RECORDS_MAX 10000 /* the newest are kept */

/*
 * What a kernel said before it died, as far as something kept it: pstore, what systemd made of that,
 * kdump, the journal, else the files of a log daemon. And what the firmware told the next boot.
 */
struct crashlog {
	VEC(struct klog_rec *) recs; /* heap, in order, numbered from after_seq on */
	size_t nfirmware; /* of these, the last ones: said by the boot that runs now */
	VEC(char *) sources; /* where they were found */
};

/*
 * The dumps that are there now, for a later `known_dumps`: by what they are, for names are used again,
 * they are moved, and some backends of pstore keep no time. Heap.
 */
char *crashlog_dumps(const struct host *host);
void crashlog_read(const struct crashlog_question *q, struct crashlog *out);
void crashlog_finish(struct crashlog *c);

#endif

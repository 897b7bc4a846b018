/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STORE_PRUNE_H
#define VFIO_STRESS_MODEL_STORE_PRUNE_H

#include "model/store.h"

/* Which runs may go. What is not asked for keeps everything. */
struct prune_rules {
	int64_t keep; /* the newest so many stay, whatever else is asked for */
	int64_t older_than_ns; /* those that began longer ago go; NEVER = not asked for */
	int64_t max_bytes; /* then the oldest, until what is stored fits; NEVER = not asked for */
	bool beyond_keep; /* all but the newest `keep` go */
	bool dry_run; /* say it only */
};

enum prune_fate {
	PRUNE_DELETED,
	PRUNE_UNFINISHED, /* it goes on, or died and nobody has looked: `undo` and `resume` need it */
	PRUNE_UNDO, /* a change of the host that it made stands */
	PRUNE_UNTOLD, /* a webhook has not heard all of it */
	PRUNE_BASELINE, /* others are compared with it */
};

struct prune_result {
	uint64_t deleted, kept;
	int64_t bytes_before,
		bytes_after; /* in use; the file itself shrinks only when nobody has it open */
	bool too_large; /* what must stay is larger than max_bytes */
};

/*
 * Deletes runs, oldest first, each in a transaction of its own. `each` hears of every run that the rules
 * mean, also of those that stay nevertheless.
 */
int store_prune(struct store *s, const struct prune_rules *rules,
	void (*each)(void *arg, const struct run_line *line, enum prune_fate fate), void *arg,
	struct prune_result *out, struct err *err) must_check;
/* Gives the space back to the file system; -1 when another process uses the store, or the disk is full. */
int store_shrink(struct store *s, struct err *err) must_check;

#endif

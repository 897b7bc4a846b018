/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_UNDO_RUN_H
#define VFIO_STRESS_ENGINE_UNDO_RUN_H

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

struct host;
struct store;

/* What came of replaying undo records. */
struct undo_tally {
	size_t done, void_, refused, failed;
};

/*
 * Replays the open records (of one run, or run 0 = of all), newest first, and marks them done. A record
 * of another boot is void; of a living run, or of a device that a lane still holds, refused. Says in
 * `out` what it does, one line each (NULL = silent). May block as long as the kernel does.
 */
int undo_run(const struct host *host, struct store *store, int64_t run, FILE *out,
	struct undo_tally *tally, struct err *err) must_check;

#define UNDO_CHILD_S 240 /* also in packaging/systemd/common.conf */

/*
 * `vfio-stress undo --run ID` in a process of its own, waited for UNDO_CHILD_S, and not longer than
 * until cancel_fd (-1 = none) becomes readable: it is then ended.
 */
int undo_in_child(const struct host *host, const char *db, const char *run_id, int cancel_fd,
	struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_DETACH_H
#define VFIO_STRESS_CLI_DETACH_H

#include <stdbool.h>

/*
 * A run that goes on in the background. Until it has begun it is the foreground's: what keeps it from
 * beginning is said there, and is the exit code of the command.
 */
struct detach {
	char *store; /* its file */
	char *log; /* what it says goes there */
	int tell; /* the process in the foreground */
};

/*
 * The caller has no thread of its own. True in the process in the background, which goes on to run
 * with detach_begun as its `begun`; false in the foreground, with the exit code once that is known.
 * db: --db, NULL = default; quiet: only the run's id is printed.
 */
bool detach_fork(struct detach *d, const char *db, bool quiet, int *code_out);
void detach_begun(void *detach, const char *run_id);
void detach_finish(struct detach *d);

#endif

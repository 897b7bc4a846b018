/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_AFTERMATH_H
#define VFIO_STRESS_ENGINE_AFTERMATH_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct run_request;
struct store;
struct streaming;

/*
 * After the last lane: puts back what a lane could not, judges the run from the store, writes the
 * reports and the summary, and waits a while for webhooks, `at_once` for a second only. Once cancel_fd is
 * readable it waits neither for the putting back nor for webhooks nor for a reader of standard output.
 * streaming: the reports that were written meanwhile; NULL = none were.
 * Returns the exit code of `run`. unstored NULL: an end that cannot be stored is reported from what is
 * there. Else that is left to the caller, who gets why; ERR_NONE: the end is in the store.
 */
int aftermath(const struct run_request *req, struct store *store, int64_t run, const char *run_id,
	struct streaming *streaming, int cancel_fd, bool at_once, struct err *unstored);
/*
 * Of a run that has its end in the store, and whose process died before it had written the reports:
 * these, the summary, what webhooks are to be told, and before that what could not be put back.
 */
int aftermath_of_ended(
	const struct run_request *req, struct store *store, int64_t run, const char *run_id);
/* Judges and reports what the caller's transaction has, which will not stay: files and summary alone. */
void aftermath_unstored(
	const struct run_request *req, struct store *store, int64_t run, const char *run_id);

/* The last of these: what waits in the outbox, of this run and of others; says how much is left. */
void aftermath_tell(struct store *store, bool quiet, int cancel_fd);

#endif

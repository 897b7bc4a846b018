/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_STREAMING_H
#define VFIO_STRESS_ENGINE_STREAMING_H

#include "base/err.h"

#include <stdbool.h>

struct run_request;
struct way_out;

/*
 * Reports that grow with their run: each is written by a child of its own (this program, `report
 * --follow`), from the store. The run never waits for one. A file is written once more at the end, whole;
 * what a child has written to standard output is all that comes there.
 */
struct streaming;

/* Everything stays the caller's. */
struct streaming *streaming_begin(
	const struct run_request *req, const char *db, const char *run_id);
/* No child writes to a file any more. */
void streaming_end_files(struct streaming *s, const struct way_out *out);
/* Is standard output a child's? s may be NULL. */
bool streaming_to_stdout(const struct streaming *s);
/* The store will not tell that child how the run ended: what it writes has no end. s may be NULL. */
void streaming_drop_stdout(struct streaming *s);
/* The run has ended: waits until the child has written all, or cancel_fd is readable. */
int streaming_end_stdout(struct streaming *s, int cancel_fd, struct err *err) must_check;
/* Kills what is left. */
void streaming_free(struct streaming *s);

#endif

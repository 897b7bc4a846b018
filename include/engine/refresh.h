/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_REFRESH_H
#define VFIO_STRESS_ENGINE_REFRESH_H

struct progress;
struct run_request;
struct way_out;

/*
 * Reports of a run that goes on: those with `every` are made by a child, one at a time, from the store.
 * The supervisor never waits for one; what cannot be made is said, and made at the end all the same.
 */
struct refresh;

/* Everything stays the caller's. */
struct refresh *refresh_begin(const struct run_request *req, const char *db, const char *run_id,
	struct progress *progress);
/* Once a second. */
void refresh_tick(struct refresh *r);
/* No child of it writes any more: the last reports are the run's. */
void refresh_end(struct refresh *r, const struct way_out *out);

#endif

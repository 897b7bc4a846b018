/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_PROGRESS_H
#define VFIO_STRESS_ENGINE_PROGRESS_H

#include "base/err.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct incident;
struct scenario;

/*
 * What a person sees while a run goes on: one status block on a terminal, plain lines elsewhere.
 * On stderr, because stdout is the report's. Never blocks the supervisor for long and never fails.
 */
struct progress;

struct progress *progress_new(const struct scenario *sc, bool quiet);
/* The same on another descriptor than stderr, which stays the caller's. */
struct progress *progress_new_on(const struct scenario *sc, int fd, bool quiet);
void progress_free(struct progress *p); /* leaves the terminal as it was */

/* The run has begun: its id. Until then only notes are shown. */
void progress_begin(struct progress *p, const char *run_id);
/* A lane is at this step (word "" = between two steps) of this cycle. device may be "". */
void progress_lane(
	struct progress *p, uint32_t lane, uint32_t cycle, const char *word, const char *device);
void progress_lane_over(struct progress *p, uint32_t lane);
/* A cycle has ended; one that was cut off (aborted) does not count. */
void progress_cycle(struct progress *p, uint32_t lane, uint32_t cycle, enum outcome outcome);
/* A step's END that is not a pass; word = the step's. */
void progress_failure(struct progress *p, uint32_t lane, const struct event *end, const char *word);
/* New, or now over its budget. */
void progress_incident(struct progress *p, const struct incident *inc);
/* A sentence that the user should read now. */
void progress_note(struct progress *p, const char *fmt, ...) printf_like(2, 3);
/* The run was told to stop: what was left to do does not count any more. */
void progress_stopping(struct progress *p);
/* Once a second: redraws times and ETA. */
void progress_tick(struct progress *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_PROGRESS_H
#define VFIO_STRESS_ENGINE_PROGRESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct incident;
struct pcidev;
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

/* The run has begun, at this monotonic time: its id. Until then only notes are shown. */
void progress_begin(struct progress *p, const char *run_id, int64_t began_ns);
/* What a lane has, for who has room to see it. */
void progress_devices(struct progress *p, uint32_t lane, const struct pcidev *devices, size_t n);
/* What a lane did, at ev->mono_ns (0 = now). word: of the step that it is about. */
void progress_event(struct progress *p, const struct event *ev, const char *word);
/* New, or now over its budget. */
void progress_incident(struct progress *p, const struct incident *inc);
/* A sentence that the user should read now. */
void progress_note(struct progress *p, const char *fmt, ...) printf_like(2, 3);
/* The run was told to stop: what was left to do does not count any more. */
void progress_stopping(struct progress *p);
/* Once a second: redraws times and ETA. */
void progress_tick(struct progress *p);
/* We were stopped, and are in the foreground again: what is on the screen is not known. */
void progress_continued(struct progress *p);

/*
 * What is told between these two has been for a while: its last lines are shown, each with its own
 * time, and the rest is only counted.
 */
void progress_past_begin(struct progress *p);
void progress_past_end(struct progress *p);

#endif

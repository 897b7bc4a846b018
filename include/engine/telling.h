/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_TELLING_H
#define VFIO_STRESS_ENGINE_TELLING_H

#include "model/outcome.h"

#include <stddef.h>
#include <stdint.h>

struct event;
struct incident;
struct report_spec;
struct run_request;
struct store;
struct way_out;
struct writer;

/*
 * Tells the webhooks of a run while it lives: that it has started, that it is alive, that it fails.
 * Messages go through the writer into the store's outbox; a child of its own sends them, so that a
 * receiver that does not answer delays nothing.
 */
struct telling;

struct told_run {
	const char *id, *host, *db; /* db: the store's file */
	int previous; /* telling_previous */
};

/* What the run before this one came to, enum verdict; -1 = there is none. Before a writer has the store. */
int telling_previous(struct store *store, const char *scenario, const char *host, int64_t before);
/* Never NULL; without webhooks it does nothing. */
struct telling *telling_begin(
	const struct run_request *req, struct writer *writer, const struct told_run *run);
/* Nothing is sent any more but from the store. NULL is fine, here and there. */
void telling_hang_up(struct telling *t);
/* Ends the child; what is not sent stays in the outbox. Before the store is written by others. */
void telling_end(struct telling *t, const struct way_out *out);

/* Of a run that cannot go on now, that its host has died: into the outbox, as when it went on. */
void telling_crash(const struct run_request *req, struct store *store, const struct told_run *run);

/* A lane is at this step (word "" = between two steps) of this cycle. */
void telling_lane(struct telling *t, uint32_t lane, uint32_t cycle, const char *word);
void telling_lane_over(struct telling *t, uint32_t lane);
void telling_cycle(struct telling *t, uint32_t lane, enum outcome outcome);
/* A step's END that is a failure. */
void telling_failure(struct telling *t, uint32_t lane, const struct event *end, const char *word);
/* It is over its budget, and was not before. */
void telling_incident(struct telling *t, const struct incident *inc);
/* Once a second. */
void telling_tick(struct telling *t);
/* Where the run is, in a printable line: "run ID: 3 cycles done, 1 failed; vm: cycle 4, reset". Returns buf. */
const char *telling_status(const struct telling *t, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_INCIDENT_ROWS_H
#define VFIO_STRESS_MODEL_INCIDENT_ROWS_H

#include "model/incident.h"

struct db;
struct query;
struct run_view;

/* What incident_read reads, in its order: for SELECT. */
#define INCIDENT_COLUMNS                                                                           \
	"no, id, severity, tolerated, over_budget, expected, bdf, reporter, lane, candidates,"     \
	" cycle, step, step_index, late, in_lane, count, lower_bound, first_seq, last_seq,"        \
	" first_ns, last_ns, fields, omitted, seen_by, meaning, advice, telling, budget"

/* Into a zeroed one, without its lines. */
void incident_read(struct query *q, struct incident *inc);
int incident_read_lines(
	struct db *db, int64_t run, struct incident *inc, struct err *err) must_check;
/* What stands in the store; what is no severity is the worst. */
enum severity incident_severity(int64_t stored);

/* Those of a run that goes on, as they come. The store that the view is of must stay open. */
struct incident_feed;

struct incident_feed *incident_feed_new(const struct run_view *run);
/* 1 = one that is new, or now over its budget (incident_finish it); 0 = no more for now; -1. */
int incident_feed_next(
	struct incident_feed *feed, struct incident *out, struct err *err) must_check;
void incident_feed_free(struct incident_feed *feed);

#endif

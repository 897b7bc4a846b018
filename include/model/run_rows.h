/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_ROWS_H
#define VFIO_STRESS_MODEL_RUN_ROWS_H

#include "base/err.h"

#include <stdint.h>

struct db;
struct event;
struct klog_rec;
struct run_view;

/*
 * What a stored run has too much of for its view: read row by row, in the order in which it was
 * stored. The store that the view was loaded from must be open; of a view without one there is none.
 * One reading of a kind at a time.
 */
struct run_rows;

/* What lanes said: events of these kinds. */
#define EVENTS_ALL       UINT32_MAX
#define EVENTS_OF(kind_) (1u << (kind_))
struct run_rows *run_events(const struct run_view *run, uint32_t kinds);
/* 1 = one more, 0 = no more (of a running run: so far; ask again), -1. mono_ns and flags are 0. */
int run_events_next(struct run_rows *rows, struct event *out, struct err *err) must_check;

/* The kernel log. */
struct run_rows *run_records(const struct run_view *run);
int run_records_next(struct run_rows *rows, struct klog_rec *out, struct err *err) must_check;

void run_rows_free(struct run_rows *rows);

/* The keys that a run's events have, and others between them may have; first > last: there are none. */
struct event_ids {
	int64_t first, last;
};

int run_event_ids(struct db *db, int64_t run, struct event_ids *out, struct err *err) must_check;

#endif

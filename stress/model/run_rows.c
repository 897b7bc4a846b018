/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_rows.h"

#include "base/str.h"
#include "model/db.h"
#include "model/event.h"
#include "model/run_view.h"
#include "model/store.h"
#include "world/kmsg.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct run_rows {
	struct db *db; /* NULL = there are no rows */
	struct query *query; /* NULL = between two readings */
	int64_t run, last; /* key of the row before the next one */
	uint32_t kinds; /* of events */
	int (*begin)(struct run_rows *rows, struct err *err);
};

/* Kind, lane, phase and step: by these the index of events has them, and by id among those. */
#define PART 4

static bool is_behind(const int64_t a[PART], const int64_t b[PART])
{
	size_t i = 0;

	while (i < PART && a[i] == b[i])
		i++;
	return i < PART && a[i] > b[i];
}

/* The first part behind `last`, and between which keys it is. */
static int read_part(struct db *db, int64_t run, const int64_t last[PART], int64_t part[PART],
	struct event_ids *out, struct err *err)
{
	struct query *q;
	size_t i;
	int rc;

	if (db_query(db, &q, err,
		    "SELECT kind, lane, phase, step, id, (SELECT max(id) FROM event l WHERE"
		    " (l.run, l.kind, l.lane, l.phase, l.step) ="
		    " (e.run, e.kind, e.lane, e.phase, e.step)) FROM event e WHERE run = ?1"
		    " AND (kind, lane, phase, step) >= (?2, ?3, ?4, ?5 + 1)"
		    " ORDER BY kind, lane, phase, step, id LIMIT 1",
		    "iiiii", run, last[0], last[1], last[2], last[3]) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		for (i = 0; i < PART; i++)
			part[i] = db_int(q, (int)i);
		*out = (struct event_ids){db_int(q, PART), db_int(q, PART + 1)};
	}
	db_done(q);
	return rc;
}

/*
 * The ends of each part are found at once, and there are few parts; to read all of the index takes half
 * as long as to read the events. What is not in order is no number, and not from us.
 */
int run_event_ids(struct db *db, int64_t run, struct event_ids *out, struct err *err)
{
	int64_t last[PART] = {-1, -1, -1, -1}, part[PART];
	struct event_ids all = {INT64_MAX, 0}, ids;
	int rc;

	while ((rc = read_part(db, run, last, part, &ids, err)) == 1) {
		if (!is_behind(part, last)) {
			all = (struct event_ids){0, INT64_MAX};
			rc = 0;
			break;
		}
		if (ids.first < all.first)
			all.first = ids.first;
		if (ids.last > all.last)
			all.last = ids.last;
		memcpy(last, part, sizeof(last));
	}
	if (rc == 0)
		*out = all;
	return rc;
}

static int begin_events(struct run_rows *rows, struct err *err)
{
	struct event_ids ids;

	if (run_event_ids(rows->db, rows->run, &ids, err) != 0)
		return -1;
	/* by key, not by the index of runs: that would have to sort them all first */
	return db_query(rows->db, &rows->query, err,
		"SELECT id, kind, lane, cycle, phase, step, outcome, code, wall_ns, dur_ns, "
		"subject, reason, text, hint FROM event WHERE id BETWEEN ?2 AND ?3"
		" AND +run = ?1 AND (1 << kind) & ?4 ORDER BY id",
		"iiii", rows->run, rows->last >= ids.first ? rows->last + 1 : ids.first, ids.last,
		(int64_t)rows->kinds);
}

static int begin_records(struct run_rows *rows, struct err *err)
{
	return db_query(rows->db, &rows->query, err,
		"SELECT rowid, seq, usec, wall_ns, level, facility, device, text FROM record"
		" WHERE rowid > max(?2, (SELECT coalesce(min(rowid), 0) - 1 FROM record"
		" WHERE run = ?1)) AND +run = ?1 ORDER BY rowid",
		"ii", rows->run, rows->last);
}

static struct run_rows *rows_of(
	const struct run_view *run, int (*begin)(struct run_rows *rows, struct err *err))
{
	struct run_rows *rows = xcalloc(1, sizeof(*rows));

	rows->db = run->store != NULL ? store_db(run->store) : NULL;
	rows->run = run->key;
	rows->begin = begin;
	return rows;
}

/* After the last row the next reading begins behind it. */
static int next(struct run_rows *rows, struct err *err)
{
	int rc;

	if (rows->db == NULL)
		return 0;
	if (rows->query == NULL && rows->begin(rows, err) != 0)
		return -1;
	rc = db_row(rows->query, err);
	if (rc == 1) {
		rows->last = db_int(rows->query, 0);
		return 1;
	}
	db_done(take_ptr(rows->query));
	return rc;
}

struct run_rows *run_events(const struct run_view *run, uint32_t kinds)
{
	struct run_rows *rows = rows_of(run, begin_events);

	rows->kinds = kinds;
	return rows;
}

int run_events_next(struct run_rows *rows, struct event *out, struct err *err)
{
	int rc = next(rows, err);
	struct query *q = rows->query; /* NULL unless rc is 1 */

	if (rc != 1)
		return rc;
	*out = (struct event){
		.kind = (uint32_t)db_int(q, 1),
		.lane = (uint32_t)db_int(q, 2),
		.cycle = (uint32_t)db_int(q, 3),
		.phase = (uint8_t)db_int(q, 4),
		.step = (int32_t)db_int(q, 5),
		.outcome = (uint8_t)db_int(q, 6),
		.code = (uint32_t)db_int(q, 7),
		.wall_ns = db_int(q, 8),
		.dur_ns = db_int(q, 9),
	};
	str_set(out->subject, db_text(q, 10));
	str_set(out->reason, db_text(q, 11));
	str_set(out->text, db_text(q, 12));
	str_set(out->hint, db_text(q, 13));
	return 1;
}

struct run_rows *run_records(const struct run_view *run)
{
	return rows_of(run, begin_records);
}

int run_records_next(struct run_rows *rows, struct klog_rec *out, struct err *err)
{
	int rc = next(rows, err);
	struct query *q = rows->query;

	if (rc != 1)
		return rc;
	*out = (struct klog_rec){
		.seq = (uint64_t)db_int(q, 1),
		.usec = db_int(q, 2),
		.wall_ns = db_int(q, 3),
		.level = (uint8_t)db_int(q, 4),
		.facility = (uint8_t)db_int(q, 5),
	};
	str_set(out->device, db_text(q, 6));
	str_set(out->text, db_text(q, 7));
	out->len = (uint16_t)strlen(out->text);
	return 1;
}

void run_rows_free(struct run_rows *rows)
{
	if (rows == NULL)
		return;
	db_done(rows->query);
	free(rows);
}

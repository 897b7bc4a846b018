/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_rows.h"

#include "base/str.h"
#include "model/db.h"
#include "model/event.h"
#include "model/run_view.h"
#include "model/store.h"
#include "world/kmsg.h"

#include <stdlib.h>
#include <string.h>

struct run_rows {
	struct db *db; /* NULL = there are no rows */
	struct query *query; /* NULL = between two readings */
	int64_t run, last; /* key of the row before the next one */
	int (*begin)(struct run_rows *rows, struct err *err);
};

static int begin_events(struct run_rows *rows, struct err *err)
{
	/* by key, not by the index of runs: that would have to sort them all first */
	return db_query(rows->db, &rows->query, err,
		"SELECT id, kind, lane, cycle, phase, step, outcome, code, wall_ns, dur_ns, "
		"subject,"
		" reason, text, hint FROM event WHERE id > max(?2,"
		" (SELECT coalesce(min(id), 0) - 1 FROM event WHERE run = ?1)) AND +run = ?1"
		" ORDER BY id",
		"ii", rows->run, rows->last);
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

struct run_rows *run_events(const struct run_view *run)
{
	return rows_of(run, begin_events);
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

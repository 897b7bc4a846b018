/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/unfinished.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- how it was called: notes that no report shows ---- */

static const char kind_cwd[] = "call-cwd", kind_path[] = "call-path", kind_report[] = "call-report",
		  kind_dumps[] = "call-dumps";

int store_run_dumps(struct store *s, int64_t run, const char *known, struct err *err)
{
	return store_note(s, run, kind_dumps, known, err);
}

int store_run_call(struct store *s, int64_t run, const struct run_call *call, struct err *err)
{
	size_t i;

	if (store_note(s, run, kind_cwd, call->cwd, err) != 0 ||
		store_note(s, run, kind_path, call->path, err) != 0 ||
		(call->known_dumps != NULL && store_run_dumps(s, run, call->known_dumps, err) != 0))
		return -1;
	for (i = 0; i < call->reports.n; i++)
		if (store_note(s, run, kind_report, call->reports.v[i], err) != 0)
			return -1;
	return 0;
}

static int load_call(struct store *s, struct unfinished *u, struct err *err)
{
	VEC(const char *) reports = {0};
	struct query *q;
	int rc;

	u->call.cwd = u->call.path = "";
	if (db_query(store_db(s), &q, err,
		    "SELECT kind, text FROM note WHERE run = ? AND kind LIKE 'call-%'"
		    " ORDER BY rowid",
		    "i", u->run) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		const char *kind = db_text(q, 0), *text = arena_strdup(&u->arena, db_text(q, 1));

		if (str_eq(kind, kind_cwd))
			u->call.cwd = text;
		else if (str_eq(kind, kind_path))
			u->call.path = text;
		else if (str_eq(kind, kind_report))
			*vec_push(&reports) = text;
		else if (str_eq(kind, kind_dumps))
			u->call.known_dumps = text; /* the last one counts */
	}
	db_done(q);
	u->call.reports.n = reports.n;
	u->call.reports.v = arena_alloc(&u->arena, (reports.n + 1) * sizeof(*reports.v));
	if (reports.n > 0)
		memcpy(u->call.reports.v, reports.v, reports.n * sizeof(*reports.v));
	vec_finish(&reports);
	return rc;
}

/* ---- what it has behind it ---- */

static int load_crashes(struct store *s, struct unfinished *u, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT count(*), max(wall_ns) FROM event WHERE run = ? AND kind = ?", "ii",
		    u->run, (int64_t)EV_HOST_DIED) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1) {
		u->host_crashes = (uint64_t)db_int(q, 0);
		u->began_ns = u->host_crashes > 0 ? db_int(q, 1) : u->started_ns;
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int load_counts(struct store *s, struct unfinished *u, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT (SELECT count(*) FROM record WHERE run = ?1),"
		    " (SELECT coalesce(max(no), 0) FROM incident WHERE run = ?1)",
		    "i", u->run) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1) {
		u->records = (uint64_t)db_int(q, 0);
		u->incidents = (uint64_t)db_int(q, 1);
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

int store_run_log_begins(struct store *s, int64_t run, struct err *err)
{
	return db_run(store_db(s), err,
		"UPDATE run SET log_began ="
		" (SELECT coalesce(max(rowid), 0) FROM record WHERE run = ?1) WHERE key = ?1",
		"i", run);
}

/*
 * Of this boot, not by time: the clock may have been set back. QEMU's lines, which are records too, have no
 * time since the boot.
 */
static int load_log_end(struct store *s, struct unfinished *u, struct err *err)
{
	struct query *q;
	int rc;

	u->last_usec = -1;
	if (db_query(store_db(s), &q, err,
		    "SELECT seq, usec, wall_ns FROM record WHERE run = ?1 AND usec >= 0"
		    " AND rowid > (SELECT log_began FROM run WHERE key = ?1)"
		    " ORDER BY rowid DESC LIMIT 1",
		    "i", u->run) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		u->last_seq = (uint64_t)db_int(q, 0);
		u->last_usec = db_int(q, 1);
		u->last_wall_ns = db_int(q, 2);
	}
	db_done(q);
	return rc < 0 ? -1 : 0;
}

/* ---- the runs ---- */

static void read_row(struct query *q, struct unfinished *u)
{
	*u = (struct unfinished){
		.run = db_int(q, 0),
		.pid = (pid_t)db_int(q, 4),
		.alive = process_lives(NULL, db_int(q, 4), db_int(q, 5)),
		.simulated = db_int(q, 6),
		.ended = db_int(q, 12),
		.started_ns = db_int(q, 7),
		.alive_ns = db_int(q, 8),
		.alive_mono_ns = db_int(q, 13),
	};
	str_set(u->id, db_text(q, 1));
	str_set(u->host, db_text(q, 2));
	str_set(u->boot_id, db_text(q, 3));
	str_set(u->machine_id, db_text(q, 11));
	u->scenario_text = arena_strdup(&u->arena, db_text(q, 9));
	u->settings = arena_strdup(&u->arena, db_text(q, 10));
}

static int load_rest(struct store *s, struct unfinished *u, struct err *err)
{
	if (load_call(s, u, err) != 0 || load_crashes(s, u, err) != 0 ||
		load_counts(s, u, err) != 0)
		return -1;
	return load_log_end(s, u, err);
}

int store_unfinished(
	struct store *s, int64_t run, struct unfinished **out, size_t *n_out, struct err *err)
{
	VEC(struct unfinished) list = {0};
	struct query *q;
	size_t i;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT key, id, host_name, boot_id, pid, pid_start, simulated, started_ns,"
		    " alive_ns, scenario_text, settings, machine_id,"
		    " ended_ns IS NOT NULL, alive_mono_ns FROM run"
		    " WHERE (ended_ns IS NULL OR reports_due) AND ?1 IN (0, key) ORDER BY key",
		    "i", run) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		read_row(q, vec_push(&list));
	db_done(q);
	for (i = 0; i < list.n && rc == 0; i++)
		rc = load_rest(s, &list.v[i], err);
	if (rc != 0) {
		vec_foreach (u, &list)
			unfinished_finish(u);
		vec_finish(&list);
		return -1;
	}
	*out = list.v;
	*n_out = list.n;
	return 0;
}

void unfinished_finish(struct unfinished *u)
{
	arena_finish(&u->arena);
}

/* ---- its lanes ---- */

static int load_over(struct store *s, int64_t run, uint32_t lane, bool *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT count(*) FROM event WHERE run = ? AND kind = ? AND lane = ?", "iii",
		    run, (int64_t)EV_LANE_END, (int64_t)lane) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1)
		*out = db_int(q, 0) > 0;
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int load_last(
	struct store *s, int64_t run, uint32_t lane, struct lane_trail *out, struct err *err)
{
	struct event *ev = &out->last;
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT kind, cycle, phase, step, flags, mono_ns, wall_ns, subject,"
		    " id > (SELECT coalesce(max(id), 0) FROM event WHERE run = ?1 AND kind = ?7)"
		    " FROM event WHERE id = (SELECT max(id) FROM event WHERE run = ?1 AND lane = ?2"
		    "  AND kind IN (?3, ?4, ?5, ?6))",
		    "iiiiiii", run, (int64_t)lane, (int64_t)EV_CYCLE_BEGIN, (int64_t)EV_CYCLE_END,
		    (int64_t)EV_STEP_BEGIN, (int64_t)EV_STEP_END, (int64_t)EV_HOST_DIED) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		*ev = (struct event){
			.kind = (uint32_t)db_int(q, 0),
			.lane = lane,
			.cycle = (uint32_t)db_int(q, 1),
			.phase = (uint8_t)db_int(q, 2),
			.step = (int32_t)db_int(q, 3),
			.flags = (uint16_t)db_int(q, 4),
			.mono_ns = db_int(q, 5),
			.wall_ns = db_int(q, 6),
		};
		str_set(ev->subject, db_text(q, 7));
		out->this_boot = db_int(q, 8);
	}
	db_done(q);
	return rc < 0 ? -1 : 0;
}

static int load_cycle(
	struct store *s, int64_t run, uint32_t lane, struct lane_trail *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT coalesce(max(cycle), 0), coalesce(max(phase = ?), 0) FROM event"
		    " WHERE run = ? AND lane = ? AND kind IN (?, ?)",
		    "iiiii", (int64_t)PHASE_AFTER, run, (int64_t)lane, (int64_t)EV_CYCLE_BEGIN,
		    (int64_t)EV_STEP_BEGIN) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1) {
		out->cycle = (uint32_t)db_int(q, 0);
		out->in_after = db_int(q, 1);
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

int store_lane_trail(
	struct store *s, int64_t run, uint32_t lane, struct lane_trail *out, struct err *err)
{
	struct lane_trail t = {0};

	if (load_over(s, run, lane, &t.over, err) != 0 || load_last(s, run, lane, &t, err) != 0 ||
		load_cycle(s, run, lane, &t, err) != 0)
		return -1;
	t.open = !t.over && t.last.kind == EV_STEP_BEGIN;
	*out = t;
	return 0;
}

int store_log_tail(struct store *s, int64_t run, struct incident_line *lines, size_t max,
	size_t *n_out, struct err *err)
{
	struct query *q;
	size_t n = 0;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT seq, text FROM (SELECT rowid AS place, seq, text FROM record"
		    " WHERE run = ? AND usec >= 0 ORDER BY rowid DESC LIMIT ?) ORDER BY place",
		    "ii", run, (int64_t)max) != 0)
		return -1;
	while (n < max && (rc = db_row(q, err)) == 1)
		lines[n++] = (struct incident_line){(uint64_t)db_int(q, 0), xstrdup(db_text(q, 1))};
	db_done(q);
	*n_out = n;
	return 0;
}

int store_last_line(struct store *s, int64_t run, const char *prefix, char **out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT text FROM record WHERE run = ?1 AND substr(text, 1, length(?2)) = ?2"
		    " ORDER BY rowid DESC LIMIT 1",
		    "is", run, prefix) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc >= 0)
		*out = rc == 1 ? xstrdup(db_text(q, 0)) : NULL;
	db_done(q);
	return rc < 0 ? -1 : 0;
}

int store_run_take_over(
	struct store *s, const struct unfinished *u, const char *boot_id, struct err *err)
{
	if (db_run(store_db(s), err,
		    "UPDATE run SET boot_id = ?, pid = ?, pid_start = ?, alive_mono_ns = NULL"
		    " WHERE key = ?"
		    " AND ended_ns IS NULL AND boot_id = ? AND pid = ?",
		    "siiisi", boot_id, (int64_t)getpid(), process_mark(NULL, getpid()), u->run,
		    u->boot_id, (int64_t)u->pid) != 0)
		return -1;
	if (db_changes(store_db(s)) == 1)
		return 0;
	return err_set(err, ERR_REFUSED, 0, "run %s is taken care of by another process", u->id);
}

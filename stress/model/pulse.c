/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/pulse.h"

#include "base/str.h"
#include "model/db.h"
#include "model/process.h"

int store_pulse(struct store *s, int64_t run, struct run_pulse *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT id, ended_ns IS NOT NULL, pid, pid_start, aborted IS NOT NULL,"
		    " exit_code, alive_ns FROM run WHERE key = ?",
		    "i", run) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1) {
		*out = (struct run_pulse){
			.ended = db_int(q, 1),
			.lives = process_lives(NULL, db_int(q, 2), db_int(q, 3)),
			.stopping = db_int(q, 4),
			.exit_code = (int)db_int(q, 5),
			.pid = (pid_t)db_int(q, 2),
			.alive_ns = db_int(q, 6),
		};
		str_set(out->id, db_text(q, 0));
	}
	db_done(q);
	if (rc == 0)
		return err_set(err, ERR_ABSENT, 0, "the run is not in %s any more", store_path(s));
	return rc == 1 ? 0 : -1;
}

int pulse_follows(const struct run_pulse *p, const struct store *s, struct err *err)
{
	if (p->ended || !p->lives || !store_is_copy(s))
		return 0;
	err_set(err, ERR_ABSENT, 0, "run %s goes on in an older vfio-stress", p->id);
	return err_hint(err, "look at it with that version, or when it has ended");
}

int store_running(struct store *s, size_t *n_out, int64_t *newest_out, struct err *err)
{
	int64_t newest = 0;
	struct query *q;
	size_t n = 0;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT key, pid, pid_start FROM run WHERE ended_ns IS NULL ORDER BY key DESC",
		    "") != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		if (!process_lives(NULL, db_int(q, 1), db_int(q, 2)))
			continue;
		if (n++ == 0)
			newest = db_int(q, 0);
	}
	db_done(q);
	if (rc < 0)
		return -1;
	*n_out = n;
	*newest_out = newest;
	return 0;
}

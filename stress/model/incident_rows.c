/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/incident_rows.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/run_view.h"
#include "model/store.h"

#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX (1u << 20) /* a store may come from anywhere */

/* ---- one ---- */

/* Cuts the next part off a text that ends with `separator`. */
static char *cut(char **rest, char separator)
{
	char *part = *rest, *end = strchr(part, separator);

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return part;
}

static void unpack_fields(const void *blob, size_t len, struct incident *inc)
{
	auto_free char *copy = xstrndup(blob ? blob : "", len);
	char *rest = copy, *name, *kind, *text;

	while ((name = cut(&rest, '\x1f')) != NULL && (kind = cut(&rest, '\x1f')) != NULL &&
		(text = cut(&rest, '\x1e')) != NULL)
		if (incident_add_field(inc, name, (enum value_kind)strtol(kind, NULL, 10), text) ==
			NULL)
			break;
}

/* A store may come from anywhere: what is no severity is the worst. */
enum severity incident_severity(int64_t stored)
{
	return stored >= SEV_INFO && stored <= SEV_FATAL ? (enum severity)stored : SEV_FATAL;
}

void incident_read(struct query *q, struct incident *inc)
{
	const void *fields;
	size_t len;

	inc->no = (uint32_t)db_int(q, 0);
	str_set(inc->id, db_text(q, 1));
	inc->severity = incident_severity(db_int(q, 2));
	inc->tolerated = db_int(q, 3);
	inc->over_budget = db_int(q, 4);
	inc->expected = db_int(q, 5);
	inc->has_bdf = !db_is_null(q, 6) && bdf_parse(db_text(q, 6), &inc->bdf);
	inc->has_reporter = !db_is_null(q, 7) && bdf_parse(db_text(q, 7), &inc->reporter);
	inc->place.lane = (int32_t)db_int(q, 8);
	inc->place.candidates = (uint64_t)db_int(q, 9);
	inc->place.cycle = (int32_t)db_int(q, 10);
	str_set(inc->place.step, db_text(q, 11));
	inc->place.step_index = (int32_t)db_int(q, 12);
	inc->place.late = db_int(q, 13);
	inc->place.in_lane = db_int(q, 14);
	inc->count = (uint64_t)db_int(q, 15);
	inc->count_is_lower_bound = db_int(q, 16);
	inc->first_seq = (uint64_t)db_int(q, 17);
	inc->last_seq = (uint64_t)db_int(q, 18);
	inc->first_wall_ns = db_int(q, 19);
	inc->last_wall_ns = db_int(q, 20);
	fields = db_blob(q, 21, &len);
	unpack_fields(fields, len, inc);
	inc->lines_omitted = (uint64_t)db_int(q, 22);
	str_set(inc->seen_by, db_text(q, 23));
	inc->meaning = db_is_null(q, 24) ? NULL : xstrdup(db_text(q, 24));
	inc->advice = db_is_null(q, 25) ? NULL : xstrdup(db_text(q, 25));
	inc->telling = (size_t)db_int(q, 26);
	str_set(inc->budget, db_text(q, 27));
}

int incident_read_lines(struct db *db, int64_t run, struct incident *inc, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(db, &q, err,
		    "SELECT pos, seq, text FROM incident_line WHERE run = ? AND no = ?"
		    " ORDER BY pos",
		    "ii", run, (int64_t)inc->no) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		struct incident_line *line;

		if (db_int(q, 0) < INCIDENT_FIRST_LINES && inc->nfirst < INCIDENT_FIRST_LINES)
			line = &inc->first[inc->nfirst++];
		else if (inc->nlast < INCIDENT_LAST_LINES)
			line = &inc->last[inc->nlast++];
		else
			continue;
		line->seq = (uint64_t)db_int(q, 1);
		line->text = xstrdup(db_text(q, 2));
	}
	db_done(q);
	return rc;
}

/* ---- as they come ---- */

struct incident_feed {
	struct db *db;
	struct query *query; /* NULL = between two readings */
	int64_t run;
	uint32_t newest; /* that was told */
	VEC(bool) over; /* by number, from 1: was told as over its budget */
};

struct incident_feed *incident_feed_new(const struct run_view *run)
{
	struct incident_feed *f = xcalloc(1, sizeof(*f));

	f->db = store_db(run->store);
	f->run = run->key;
	return f;
}

/* Is the row news? Then it is known from now on. */
static bool is_news(struct incident_feed *f, int64_t no, bool over)
{
	bool news = no > (int64_t)f->newest;

	if (no < 1 || no > NUMBERS_MAX)
		return false;
	while (f->over.n < (size_t)no)
		(void)vec_push(&f->over);
	news |= over && !f->over.v[no - 1];
	f->over.v[no - 1] |= over;
	if (no > (int64_t)f->newest)
		f->newest = (uint32_t)no;
	return news;
}

int incident_feed_next(struct incident_feed *f, struct incident *out, struct err *err)
{
	struct incident inc = {0};
	int rc;

	if (f->query == NULL &&
		db_query(f->db, &f->query, err,
			"SELECT " INCIDENT_COLUMNS
			" FROM incident WHERE run = ?1 AND (no > ?2 OR over_budget) ORDER BY no",
			"ii", f->run, (int64_t)f->newest) != 0)
		return -1;
	while ((rc = db_row(f->query, err)) == 1)
		if (is_news(f, db_int(f->query, 0), db_int(f->query, 4)))
			break;
	if (rc != 1) {
		db_done(take_ptr(f->query));
		return rc;
	}
	incident_read(f->query, &inc);
	if (incident_read_lines(f->db, f->run, &inc, err) != 0) {
		incident_finish(&inc);
		return -1;
	}
	*out = inc;
	return 1;
}

void incident_feed_free(struct incident_feed *f)
{
	if (f == NULL)
		return;
	db_done(f->query);
	vec_finish(&f->over);
	free(f);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_kinds.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/run_view.h"
#include "model/store.h"

#include <stdlib.h>

/* When the cycles of each lane began, read when a count first needs them. */
struct begins {
	struct lane_begins {
		VEC(int64_t) at;
		bool read;
	} * lanes;
	const struct run_view *run;
};

size_t run_longest_lane(const struct run_view *run)
{
	size_t i, longest = 0;

	for (i = 1; i < run->nlanes; i++)
		if (run->lanes[i].cycles_done > run->lanes[longest].cycles_done)
			longest = i;
	return longest;
}

static int read_begins(struct begins *b, size_t lane, struct err *err)
{
	struct query *q;
	int rc;

	b->lanes[lane].read = true;
	if (db_query(store_db(b->run->store), &q, err,
		    "SELECT wall_ns FROM event WHERE run = ? AND kind = ? AND lane = ?"
		    " ORDER BY wall_ns",
		    "iii", b->run->key, (int64_t)EV_CYCLE_BEGIN, (int64_t)lane) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1)
		*vec_push(&b->lanes[lane].at) = db_int(q, 0);
	db_done(q);
	return rc;
}

static size_t begun_until(const struct lane_begins *l, int64_t wall_ns)
{
	size_t low = 0, high = l->at.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->at.v[middle] <= wall_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Cycles of its lane, in which something was told: in `first`, and in the one before `end`. */
struct span {
	uint64_t first, end; /* 0 = before the first cycle */
};

/* id, bdf, lane, severity, count, first_ns, last_ns, over_budget */
static int span_of(struct begins *b, struct query *q, struct span *out, struct err *err)
{
	int64_t lane = db_int(q, 2);
	size_t in = lane >= 0 && (size_t)lane < b->run->nlanes ? (size_t)lane
							       : run_longest_lane(b->run);
	struct lane_begins *begins = &b->lanes[in];

	if (in < b->run->nlanes && !begins->read && read_begins(b, in, err) != 0)
		return -1;
	out->first = begun_until(begins, db_int(q, 5));
	out->end = begun_until(begins, db_int(q, 6)) + 1;
	/* the clock was set back meanwhile */
	if (out->end <= out->first)
		out->end = out->first + 1;
	return 0;
}

/* What was counted of one kind so far. */
struct counted {
	struct span span; /* first: of the row before; end: of all; 0 = nothing yet */
	uint64_t room; /* cycles from first to end that were not counted */
};

static uint64_t least(uint64_t x, uint64_t y)
{
	return x < y ? x : y;
}

/* Of what was told `count` times: in how many cycles that were not counted? Rows come by `first`. */
static uint64_t count_new(struct counted *so_far, struct span s, int64_t count)
{
	uint64_t times = count > 0 ? (uint64_t)count : 1, end = so_far->span.end, from = s.first;
	uint64_t inside, beyond, n;

	if (end > 0 && (from == so_far->span.first || from + 1 == end)) {
		times--;
		from++;
	}
	inside = from < end ? least(end, s.end) - from : 0;
	beyond = s.end > end ? s.end - (from > end ? from : end) : 0;
	n = least(times, least(so_far->room, inside) + beyond);
	so_far->room = least(so_far->room, from < end ? end - from : 0) + beyond - n;
	so_far->span = (struct span){s.first, s.end > end ? s.end : end};
	return n;
}

static bool is_same(const struct run_kind *k, struct query *q)
{
	return str_eq(k->id, db_text(q, 0)) && str_eq(k->bdf, db_text(q, 1)) &&
		k->lane == (int32_t)db_int(q, 2);
}

static struct run_kind begin_kind(struct query *q)
{
	struct run_kind k = {.lane = (int32_t)db_int(q, 2)};

	str_set(k.id, db_text(q, 0));
	str_set(k.bdf, db_text(q, 1));
	return k;
}

static int read_kinds(struct begins *b, struct run_kind **out, size_t *n_out, struct err *err)
{
	VEC(struct run_kind) kinds = {0};
	struct counted so_far = {0};
	struct query *q;
	int rc;

	if (db_query(store_db(b->run->store), &q, err,
		    "SELECT id, coalesce(bdf, ''), lane, severity, count, first_ns, last_ns,"
		    " over_budget FROM incident WHERE run = ? AND NOT expected AND severity >= ?"
		    " ORDER BY lane, id, bdf, first_ns",
		    "ii", b->run->key, (int64_t)SEV_WARNING) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		struct run_kind *k = kinds.n > 0 ? &kinds.v[kinds.n - 1] : NULL;
		struct span span;

		rc = span_of(b, q, &span, err);
		if (rc != 0)
			break;
		if (k == NULL || !is_same(k, q)) {
			if (kinds.n == RUN_KINDS_MAX)
				break;
			k = vec_push(&kinds);
			*k = begin_kind(q);
			so_far = (struct counted){0};
		}
		k->cycles += count_new(&so_far, span, db_int(q, 4));
		k->over_budget |= db_int(q, 7) != 0;
		if (db_int(q, 3) > k->severity)
			k->severity =
				db_int(q, 3) < SEV_FATAL ? (enum severity)db_int(q, 3) : SEV_FATAL;
	}
	db_done(q);
	if (rc < 0) {
		vec_finish(&kinds);
		return -1;
	}
	*out = kinds.v;
	*n_out = kinds.n;
	return 0;
}

int run_kinds_load(
	const struct run_view *run, struct run_kind **out, size_t *n_out, struct err *err)
{
	struct begins b = {.run = run};
	size_t i;
	int rc;

	b.lanes = xcalloc(run->nlanes + 1, sizeof(*b.lanes));
	rc = read_kinds(&b, out, n_out, err);
	for (i = 0; i < run->nlanes; i++)
		vec_finish(&b.lanes[i].at);
	free(b.lanes);
	return rc;
}

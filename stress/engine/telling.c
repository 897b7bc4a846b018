/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/telling.h"

#include "base/bdf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/deliver.h"
#include "engine/supervise.h"
#include "engine/way_out.h"
#include "engine/writer.h"
#include "model/reporter.h"
#include "model/store.h"
#include "model/unfinished.h"
#include "reporters/life.h"
#include "reporters/reporters.h"

#include <inttypes.h>
#include <stdlib.h>

/* Before another one takes the place of a child that has died; twice as long each further time. */
#define PAUSE_FIRST_NS NS_PER_S
#define PAUSE_MAX_NS   (64 * NS_PER_S)

/* One webhook, and when it is to hear next that the run is alive. */
struct hearer {
	const struct webhook_opts *opts;
	int64_t next_ns; /* NEVER: not by time */
	uint64_t next_cycles; /* UINT64_MAX: not by cycles */
};

struct telling {
	struct writer *writer;
	struct store *store; /* instead of it: nothing else is done than to tell */
	struct follower *follower; /* NULL: there is nobody to tell, or it died */
	char *db;
	int64_t pause_ns, next_start_ns; /* of the follower */
	const struct scenario *sc;
	int previous; /* what the run before it came to, enum verdict; -1 = there is none */
	char run[RUN_ID_MAX];
	char host[256];
	int64_t started_ns; /* wall */
	struct life_lane *lanes;
	size_t nlanes;
	VEC(struct hearer) hearers;
	uint64_t cycles; /* of all lanes */
	uint64_t failures, beats;
	char why[DETAIL_MAX];
};

/* ---- saying ---- */

/* False: there is no such message in the form that it gets. */
static bool post(struct telling *t, const struct hearer *h, enum life_kind kind, uint64_t number)
{
	const struct life life = {
		.kind = kind,
		.number = number,
		.run = t->run,
		.scenario = t->sc->name,
		.host = t->host,
		.started_ns = t->started_ns,
		.now_ns = clock_wall_ns(),
		.next_ms = h->opts->heartbeat_ms,
		.lanes = t->lanes,
		.nlanes = t->nlanes,
		.failures = t->failures,
		.why = t->why,
	};
	struct outbox_item item;
	struct err err;
	bool told;

	if (webhook_life(h->opts, &life, false, &item, &err) != 0) {
		log_warn("webhook", "%s", err.msg);
		return false;
	}
	told = item.body_len > 0;
	if (told && t->store == NULL)
		writer_outbox(t->writer, &item);
	else if (told && store_outbox_add(t->store, &item, &err) != 0)
		log_warn("webhook", "%s", err.msg);
	free(item.body);
	return told;
}

static void schedule(const struct telling *t, struct hearer *h)
{
	const struct webhook_opts *o = h->opts;

	h->next_ns = o->heartbeat_ms > 0 ? clock_mono_ns() + o->heartbeat_ms * NS_PER_MS : NEVER;
	h->next_cycles =
		o->heartbeat_cycles > 0 ? t->cycles + (uint64_t)o->heartbeat_cycles : UINT64_MAX;
}

static void fails(struct telling *t)
{
	if (t->failures++ > 0)
		return;
	vec_foreach (h, &t->hearers)
		if (webhook_hears_failing(h->opts, t->previous))
			post(t, h, LIFE_FAILING, 1);
}

/* ---- what happens ---- */

void telling_lane(struct telling *t, uint32_t lane, uint32_t cycle, const char *word)
{
	t->lanes[lane].cycle = cycle;
	t->lanes[lane].step = *word != '\0' ? word : NULL;
}

void telling_lane_over(struct telling *t, uint32_t lane)
{
	t->lanes[lane].over = true;
	t->lanes[lane].step = NULL;
}

void telling_cycle(struct telling *t, uint32_t lane, enum outcome outcome)
{
	if (outcome == OUTCOME_ABORTED)
		return;
	t->cycles++;
	t->lanes[lane].done++;
	t->lanes[lane].failed += outcome == OUTCOME_FAIL || outcome == OUTCOME_BROKEN;
}

void telling_failure(struct telling *t, uint32_t lane, const struct event *end, const char *word)
{
	if (t->failures == 0)
		snprintf(t->why, sizeof(t->why), "%s, cycle %" PRIu32 ", %s%s%s: %s: %s",
			t->lanes[lane].name, end->cycle, word, *end->subject ? " of " : "",
			end->subject, end->reason, end->text);
	fails(t);
}

void telling_incident(struct telling *t, const struct incident *inc)
{
	char bdf[BDF_LEN];

	if (t->failures == 0)
		snprintf(t->why, sizeof(t->why), "%s%s%s: %s", inc->id, inc->has_bdf ? " of " : "",
			inc->has_bdf ? bdf_text(inc->bdf, bdf) : "",
			inc->nfirst > 0 ? inc->first[0].text : inc->meaning);
	fails(t);
}

/* Delivery can be done later as well, so a child that cannot be started ends no run. */
static void start_delivery(struct telling *t)
{
	struct err err;

	t->pause_ns = t->pause_ns == 0 ? PAUSE_FIRST_NS : 2 * t->pause_ns;
	if (t->pause_ns > PAUSE_MAX_NS)
		t->pause_ns = PAUSE_MAX_NS;
	t->next_start_ns = clock_mono_ns() + t->pause_ns;
	if (follower_start(t->db, &t->follower, &err) != 0)
		log_warn("webhook", "%s: it is tried again", err.msg);
}

static void keep_delivering(struct telling *t, int64_t now)
{
	static const struct way_out at_once = {0}; /* it is gone */

	if (t->hearers.n == 0)
		return;
	if (t->follower != NULL && !follower_lives(t->follower)) {
		log_warn("webhook", "the process that sends has died: another one takes its place");
		follower_stop(take_ptr(t->follower), &at_once);
	}
	if (t->follower == NULL && now >= t->next_start_ns)
		start_delivery(t);
}

void telling_tick(struct telling *t)
{
	int64_t now = clock_mono_ns();
	bool beat = false;

	keep_delivering(t, now);
	vec_foreach (h, &t->hearers) {
		if (now < h->next_ns && t->cycles < h->next_cycles)
			continue;
		post(t, h, LIFE_ALIVE, t->beats + 1);
		schedule(t, h);
		beat = true;
	}
	t->beats += beat;
}

static void lane_status(const struct life_lane *lane, struct str *out)
{
	if (lane->over)
		return;
	str_addf(out, "; %s: ", lane->name);
	if (lane->cycle > 0)
		str_addf(out, "cycle %" PRIu64 ", ", lane->cycle);
	str_add(out, lane->step != NULL ? lane->step : "between steps");
}

const char *telling_status(const struct telling *t, char *buf, size_t size)
{
	uint64_t done = 0, failed = 0;
	struct str s = {0};
	size_t i;

	for (i = 0; i < t->nlanes; i++) {
		done += t->lanes[i].done;
		failed += t->lanes[i].failed;
	}
	str_addf(&s, "run %s: %" PRIu64 " cycles done, %" PRIu64 " failed", t->run, done, failed);
	for (i = 0; i < t->nlanes; i++)
		lane_status(&t->lanes[i], &s);
	str_printable(buf, size, s.s, s.len);
	str_finish(&s);
	return buf;
}

/* ---- from start to end ---- */

static void add_hearers(struct telling *t, const struct report_spec *specs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (specs[i].type == &reporter_webhook)
			vec_push(&t->hearers)->opts = specs[i].opts;
}

/* It goes on: its failure is told by telling_begin, and the numbers of beats must not come again. */
static void recall(struct telling *t, const struct run_past *past)
{
	size_t i;

	t->started_ns = past->view->started_ns;
	t->failures = past->host_crashes; /* each is one */
	t->beats = (uint64_t)(past->spent_ns / NS_PER_S); /* there were not more */
	str_set(t->why, past->how);
	for (i = 0; i < t->nlanes; i++) {
		t->lanes[i].cycle = past->trails[i].cycle;
		t->lanes[i].done = past->view->lanes[i].cycles_done;
		t->lanes[i].failed = past->view->lanes[i].cycles_failed;
		t->lanes[i].over = past->over >> i & 1;
	}
}

/* A crash is a failure: who is not told that the run is back is told of that, once in the run's life. */
static void tell_crash(struct telling *t, const struct hearer *h, const struct run_past *past)
{
	if (webhook_hears_life(h->opts) && post(t, h, LIFE_RESUMED, past->host_crashes))
		return;
	if (webhook_hears_failing(h->opts, t->previous))
		post(t, h, LIFE_FAILING, 1);
}

int telling_previous(struct store *store, const char *scenario, const char *host, int64_t before)
{
	enum verdict verdict;
	struct err err;

	/* not being able to tell is as if there were none */
	return run_last_verdict(store, scenario, host, before, &verdict, &err) == 1 ? (int)verdict
										    : -1;
}

static struct telling *telling_of(const struct run_request *req, const struct told_run *run)
{
	struct telling *t = xcalloc(1, sizeof(*t));
	size_t i;

	t->sc = req->scenario;
	t->started_ns = clock_wall_ns();
	t->db = xstrdup(run->db);
	str_set(t->run, run->id);
	str_set(t->host, run->host);
	t->previous = run->previous;
	t->nlanes = t->sc->nlanes;
	t->lanes = xcalloc(t->nlanes, sizeof(*t->lanes));
	for (i = 0; i < t->nlanes; i++)
		t->lanes[i].name = t->sc->lanes[i].name;
	if (req->past != NULL)
		recall(t, req->past);
	add_hearers(t, req->reports, req->nreports);
	add_hearers(t, t->sc->reports, t->sc->nreports);
	return t;
}

struct telling *telling_begin(
	const struct run_request *req, struct writer *writer, const struct told_run *run)
{
	struct telling *t = telling_of(req, run);

	t->writer = writer;
	if (t->hearers.n > 0)
		start_delivery(t);
	vec_foreach (h, &t->hearers) {
		schedule(t, h);
		if (req->past != NULL)
			tell_crash(t, h, req->past);
		else if (webhook_hears_life(h->opts))
			post(t, h, LIFE_STARTED, 1);
	}
	return t;
}

void telling_hang_up(struct telling *t)
{
	if (t != NULL)
		follower_hang_up(t->follower);
}

static void telling_free(struct telling *t)
{
	vec_finish(&t->hearers);
	free(t->lanes);
	free(t->db);
	free(t);
}

void telling_end(struct telling *t, const struct way_out *out)
{
	if (t == NULL)
		return;
	follower_stop(t->follower, out);
	telling_free(t);
}

void telling_crash(const struct run_request *req, struct store *store, const struct told_run *run)
{
	struct telling *t = telling_of(req, run);

	t->store = store;
	vec_foreach (h, &t->hearers)
		tell_crash(t, h, req->past);
	telling_free(t);
}

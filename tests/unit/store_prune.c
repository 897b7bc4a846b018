/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which runs `runs prune` deletes, and which it never does. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/scenario.h"
#include "model/store_baseline.h"
#include "model/store_prune.h"

#include "cmocka_all.h"
#include "fake_words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_NS (24 * 3600 * NS_PER_S)

static const char text[] = "version: 1\nname: p\nlanes: [{name: a, devices: [\"0000:41:00.0\"]}]\n"
			   "steps: [{hold: 1s}]\n";

struct history {
	char dir[32], db[64];
	struct store *store;
	struct scenario *sc;
	VEC(char *) said; /* "id fate" */
	struct prune_result result;
};

static int open_history(void **state)
{
	struct history *h = xcalloc(1, sizeof(*h));
	struct diags diags = {0};
	struct err err;

	str_set(h->dir, "/tmp/prune.XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->db, sizeof(h->db), "%s/runs.db", h->dir);
	assert_int_equal(store_open(h->db, STORE_CREATE, &h->store, &err), 0);
	h->sc = scenario_parse("p.yaml", text, strlen(text), NULL, 0, &fake_words, &diags);
	assert_non_null(h->sc);
	*state = h;
	return 0;
}

static int close_history(void **state)
{
	struct history *h = *state;

	store_close(h->store);
	scenario_free(h->sc);
	vec_foreach (line, &h->said)
		free(*line);
	vec_finish(&h->said);
	unlink(h->db);
	rmdir(h->dir);
	free(h);
	return 0;
}

static void do_sql(struct history *h, const char *sql)
{
	struct err err;

	if (db_exec(store_db(h->store), sql, &err) != 0)
		fail_msg("%s", err.msg);
}

/* With something in every table that a run fills. */
static int64_t add_run(struct history *h, const char *id, bool ends)
{
	struct pcidev dev = {.bdf = {0, 0x41, 0, 0}};
	const struct lane_begin lane = {&h->sc->lanes[0], &dev, 1};
	const struct run_begin begin = {.id = id,
		.lanes = &lane,
		.scenario = h->sc,
		.settings = "",
		.tool_version = "",
		.boot_id = "",
		.pid = 0x7ffffff0};
	const struct klog_rec rec = {.seq = 1, .text = "line", .len = 4};
	struct incident inc = {.no = 1, .id = "x", .nfirst = 1};
	struct event ev = {.kind = EV_STEP_END};
	struct err err;
	uint64_t undo;
	int64_t run;

	assert_int_equal(store_run_begin(h->store, &begin, &run, &err), 0);
	assert_int_equal(store_event(h->store, run, &ev, 1, &err), 0);
	assert_int_equal(store_record(h->store, run, &rec, &err), 0);
	inc.first[0] = (struct incident_line){1, xstrdup("line")};
	assert_int_equal(store_incident(h->store, run, &inc, &err), 0);
	incident_finish(&inc);
	assert_int_equal(store_note(h->store, run, "note", "n", &err), 0);
	assert_int_equal(store_snapshot(h->store, run, "{}", 2, &err), 0);
	assert_int_equal(store_undo(h->store, run, &ev, "", &undo, &err), 0);
	assert_int_equal(store_undo_done(h->store, undo, &err), 0);
	if (ends)
		assert_int_equal(store_run_end(h->store, run, VERDICT_PASS, 0, "well", &err), 0);
	return run;
}

static void remember(void *arg, const struct run_line *line, enum prune_fate fate)
{
	static const char *const words[] = {"deleted", "unfinished", "undo", "untold", "baseline"};
	struct history *h = arg;

	*vec_push(&h->said) = xasprintf("%s %s", line->id, words[fate]);
}

static void prune(struct history *h, struct prune_rules rules)
{
	struct err err;

	if (rules.older_than_ns == 0)
		rules.older_than_ns = NEVER;
	if (rules.max_bytes == 0)
		rules.max_bytes = NEVER;
	if (store_prune(h->store, &rules, remember, h, &h->result, &err) != 0)
		fail_msg("%s", err.msg);
}

static void said(struct history *h, size_t i, const char *line)
{
	assert_true(i < h->said.n);
	assert_string_equal(h->said.v[i], line);
}

static int64_t count(struct history *h, const char *sql)
{
	struct query *q;
	struct err err;
	int64_t n;

	assert_int_equal(db_query(store_db(h->store), &q, &err, sql, ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	n = db_int(q, 0);
	db_done(q);
	return n;
}

static void the_newest_stay(void **state)
{
	struct history *h = *state;

	add_run(h, "one", true);
	add_run(h, "two", true);
	add_run(h, "three", true);
	prune(h, (struct prune_rules){.keep = 1, .beyond_keep = true});
	assert_int_equal(h->said.n, 2);
	said(h, 0, "one deleted");
	said(h, 1, "two deleted");
	assert_int_equal(h->result.kept, 1);
	assert_int_equal(count(h, "SELECT id = 'three' FROM run"), 1);
}

static void nothing_of_a_deleted_run_is_left(void **state)
{
	static const char *const tables[] = {"run", "lane", "lane_device", "step", "event",
		"record", "incident", "incident_line", "undo", "note", "snapshot"};
	struct history *h = *state;
	size_t i;

	add_run(h, "one", true);
	assert_int_equal(count(h, "SELECT count(*) FROM snapshot"), 1);
	prune(h, (struct prune_rules){.beyond_keep = true});
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char *sql = xasprintf("SELECT count(*) FROM %s", tables[i]);

		if (count(h, sql) != 0)
			fail_msg("%s holds something", tables[i]);
		free(sql);
	}
}

static void what_is_not_settled_stays(void **state)
{
	struct history *h = *state;
	struct outbox_item item = {.run = "untold",
		.event_id = "untold.ended",
		.url = (char *)"u",
		.content_type = (char *)"c",
		.body = (char *)"b",
		.body_len = 1};
	struct event ev = {.kind = EV_UNDO};
	struct err err;
	uint64_t id;

	add_run(h, "died", false);
	assert_int_equal(store_undo(h->store, add_run(h, "changed", true), &ev, "", &id, &err), 0);
	add_run(h, "untold", true);
	add_run(h, "unreported", true);
	do_sql(h, "UPDATE run SET reports_due = 1 WHERE id = 'unreported'");
	assert_int_equal(store_outbox_add(h->store, &item, &err), 0);
	prune(h, (struct prune_rules){.beyond_keep = true});
	said(h, 0, "died unfinished");
	said(h, 1, "changed undo");
	said(h, 2, "untold untold");
	said(h, 3, "unreported unfinished");
	assert_int_equal(h->result.deleted, 0);
	assert_int_equal(count(h, "SELECT count(*) FROM run"), 4);
	/* once they are */
	assert_int_equal(store_undo_done(h->store, id, &err), 0);
	do_sql(h, "UPDATE outbox SET state = 2");
	do_sql(h, "UPDATE run SET reports_due = 0");
	prune(h, (struct prune_rules){.beyond_keep = true});
	assert_int_equal(h->result.deleted, 3);
	assert_int_equal(count(h, "SELECT count(*) FROM outbox"), 0);
}

static void a_baseline_stays_until_it_is_none(void **state)
{
	struct history *h = *state;
	char was[RUN_ID_MAX];
	struct err err;
	int64_t key;

	key = add_run(h, "one", true);
	add_run(h, "two", true);
	assert_int_equal(store_baseline_mark(h->store, key, was, &err), 0);
	prune(h, (struct prune_rules){.beyond_keep = true});
	said(h, 0, "one baseline");
	said(h, 1, "two deleted");
	assert_int_equal(store_baseline_clear(h->store, key, &err), 1);
	prune(h, (struct prune_rules){.beyond_keep = true});
	assert_int_equal(count(h, "SELECT count(*) FROM run"), 0);
	assert_int_equal(count(h, "SELECT count(*) FROM baseline_result"), 0);
}

static void age_counts_from_the_beginning(void **state)
{
	struct history *h = *state;

	add_run(h, "old", true);
	add_run(h, "young", true);
	do_sql(h, "UPDATE run SET started_ns = started_ns - 3 * 86400000000000 WHERE id = 'old'");
	prune(h, (struct prune_rules){.older_than_ns = 2 * DAY_NS});
	assert_int_equal(h->said.n, 1);
	said(h, 0, "old deleted");
	/* both rules: what is among the newest stays, however old */
	prune(h, (struct prune_rules){.keep = 1, .older_than_ns = 1});
	assert_int_equal(h->result.deleted, 0);
}

static void the_oldest_go_until_the_rest_fits(void **state)
{
	struct history *h = *state;
	int64_t all;

	add_run(h, "one", true);
	add_run(h, "two", true);
	add_run(h, "three", true);
	do_sql(h, "UPDATE run SET scenario_text = zeroblob(100000)");
	all = count(h,
		"SELECT (p.page_count - f.freelist_count) * 4096 FROM pragma_page_count p,"
		" pragma_freelist_count f");
	prune(h, (struct prune_rules){.max_bytes = all - 50000});
	assert_int_equal(h->said.n, 1);
	said(h, 0, "one deleted");
	assert_false(h->result.too_large);
	prune(h, (struct prune_rules){.keep = 2, .max_bytes = 4096});
	assert_int_equal(h->result.deleted, 0);
	assert_true(h->result.too_large);
}

static void a_dry_run_deletes_nothing_and_knows_as_much(void **state)
{
	struct history *h = *state;

	add_run(h, "one", true);
	add_run(h, "two", false);
	do_sql(h, "UPDATE run SET scenario_text = zeroblob(100000)");
	prune(h, (struct prune_rules){.beyond_keep = true, .dry_run = true});
	said(h, 0, "one deleted");
	said(h, 1, "two unfinished");
	assert_true(h->result.bytes_after < h->result.bytes_before - 90000);
	assert_int_equal(count(h, "SELECT count(*) FROM run"), 2);
	assert_int_equal(count(h, "SELECT count(*) FROM record"), 2);
}

static void the_file_shrinks(void **state)
{
	struct history *h = *state;
	struct err err;

	add_run(h, "one", true);
	do_sql(h, "UPDATE run SET scenario_text = zeroblob(1000000)");
	prune(h, (struct prune_rules){.beyond_keep = true});
	assert_int_equal(store_shrink(h->store, &err), 0);
	assert_true(count(h, "SELECT page_count FROM pragma_page_count") < 100);
}

int main(void)
{
#define HISTORY_TEST(f) cmocka_unit_test_setup_teardown(f, open_history, close_history)
	const struct CMUnitTest tests[] = {
		HISTORY_TEST(the_newest_stay),
		HISTORY_TEST(nothing_of_a_deleted_run_is_left),
		HISTORY_TEST(what_is_not_settled_stays),
		HISTORY_TEST(a_baseline_stays_until_it_is_none),
		HISTORY_TEST(age_counts_from_the_beginning),
		HISTORY_TEST(the_oldest_go_until_the_rest_fits),
		HISTORY_TEST(a_dry_run_deletes_nothing_and_knows_as_much),
		HISTORY_TEST(the_file_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

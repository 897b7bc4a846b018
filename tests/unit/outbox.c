/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages for webhooks: their order, and that they fit. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/life.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct box {
	char dir[32], db[64];
	struct store *store;
};

static int open_box(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct err err;

	str_set(b->dir, "/tmp/outbox.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->db, sizeof(b->db), "%s/runs.db", b->dir);
	assert_int_equal(store_open(b->db, STORE_CREATE, &b->store, &err), 0);
	*state = b;
	return 0;
}

static int close_box(void **state)
{
	struct box *b = *state;

	store_close(b->store);
	unlink(b->db);
	rmdir(b->dir);
	free(b);
	return 0;
}

static void add(struct box *b, const char *id, const char *url, const char *replaces)
{
	struct outbox_item item = {.url = (char *)url,
		.content_type = (char *)"x",
		.body = (char *)"{}",
		.body_len = 2,
		.timeout_ms = 1000};
	struct err err;

	str_set(item.run, "run");
	str_set(item.event_id, id);
	str_set(item.replaces, replaces);
	assert_int_equal(store_outbox_add(b->store, &item, &err), 0);
}

/* What a try needs for its result. */
struct row {
	char event_id[64], url[32];
};

/* The id of what is due, "" = nothing; `row` for its result. */
static const char *due(struct box *b, int64_t now, struct row *row)
{
	static char id[64];
	struct outbox_item item;
	struct err err;
	int rc = store_outbox_next(b->store, now, &item, &err);

	assert_true(rc >= 0);
	id[0] = '\0';
	if (rc == 1) {
		str_set(id, item.event_id);
		str_set(row->event_id, item.event_id);
		str_set(row->url, item.url);
		outbox_item_finish(&item);
	}
	return id;
}

static void result(struct box *b, struct row row, bool delivered, int64_t next)
{
	struct outbox_item item = {.url = row.url};
	struct err err;

	str_set(item.event_id, row.event_id);
	assert_int_equal(store_outbox_result(b->store, &item, delivered, next, "", &err), 0);
}

static void expect_due(struct box *b, int64_t now, const char *id)
{
	struct row row;

	assert_string_equal(due(b, now, &row), id);
}

/* What is due, which is this one, is tried. */
static void try_due(struct box *b, int64_t now, const char *id, bool delivered, int64_t next)
{
	struct row row;

	assert_string_equal(due(b, now, &row), id);
	result(b, row, delivered, next);
}

static void add_start_and_end(struct box *b, const char *url)
{
	add(b, "run.started", url, "");
	add(b, "run.ended", url, "");
}

static void what_is_put_off_is_not_overtaken(void **state)
{
	struct box *b = *state;

	add_start_and_end(b, "https://a");
	add(b, "run.ended", "https://b", "");
	try_due(b, 10, "run.started", false, 100);
	try_due(b, 10, "run.ended", true, NEVER); /* of b */
	expect_due(b, 10, "");
	assert_int_equal(store_outbox_due_ns(b->store), 100);
	try_due(b, 100, "run.started", true, NEVER);
	expect_due(b, 100, "run.ended");
}

static void what_was_put_off_before_the_clock_was_set_back_is_due(void **state)
{
	const int64_t hour = 3600 * NS_PER_S;
	struct box *b = *state;

	add_start_and_end(b, "https://a");
	try_due(b, 10 * hour, "run.started", false, 11 * hour);
	expect_due(b, 10 * hour, "");
	expect_due(b, 10 * hour - 30 * NS_PER_S, ""); /* it was a little fast */
	expect_due(b, 7 * hour, "run.started");
	expect_due(b, 0, "run.started");
}

static void what_is_given_up_holds_nothing_up(void **state)
{
	struct box *b = *state;

	add_start_and_end(b, "https://a");
	try_due(b, 10, "run.started", false, NEVER);
	expect_due(b, 10, "run.ended");
}

static void a_key_is_kept_with_its_message(void **state)
{
	struct outbox_item item = {.url = (char *)"https://a",
		.key = (char *)"${env:KEY}",
		.content_type = (char *)"x",
		.body = (char *)"{}",
		.body_len = 2,
		.event_id = "run.ended"};
	struct box *b = *state;
	struct outbox_item back;
	struct err err;

	assert_int_equal(store_outbox_add(b->store, &item, &err), 0);
	assert_int_equal(store_outbox_next(b->store, 10, &back, &err), 1);
	assert_string_equal(back.key, "${env:KEY}");
	assert_null(back.secret);
	outbox_item_finish(&back);
}

static void the_same_event_is_sent_once(void **state)
{
	struct box *b = *state;

	add(b, "run.failing", "https://a", "");
	add(b, "run.failing", "https://a", "");
	assert_int_equal(store_outbox_pending(b->store), 1);
	try_due(b, 10, "run.failing", true, NEVER);
	add(b, "run.failing", "https://a", "");
	assert_int_equal(store_outbox_pending(b->store), 0);
}

static void a_heartbeat_is_not_delivered_because_the_one_before_it_was(void **state)
{
	struct box *b = *state;
	struct row row;

	add(b, "run.alive.1", "https://a", "run.alive.");
	assert_string_equal(due(b, 10, &row), "run.alive.1"); /* it is on its way */
	add(b, "run.alive.2", "https://a", "run.alive.");
	result(b, row, true, NEVER);
	expect_due(b, 10, "run.alive.2");
}

static void a_heartbeat_takes_the_place_of_the_one_that_waits(void **state)
{
	struct box *b = *state;

	add(b, "run.alive.1", "https://a", "run.alive.");
	add(b, "run.alive.1", "https://b", "run.alive.");
	add(b, "run.failing", "https://a", "");
	add(b, "run.alive.2", "https://a", "run.alive.");
	assert_int_equal(store_outbox_pending(b->store), 3);
	try_due(b, 10, "run.alive.1", true, NEVER); /* of b */
	try_due(b, 10, "run.failing", true, NEVER);
	expect_due(b, 10, "run.alive.2");
}

static void a_heartbeat_leaves_that_of_another_form(void **state)
{
	struct box *b = *state;

	add(b, "run.alive.9", "https://a", "run.alive.");
	add(b, "run.alive.9.0badcafe", "https://a", "run.alive.");
	add(b, "run.alive.10.12345678", "https://a", "run.alive.");
	assert_int_equal(store_outbox_pending(b->store), 3);
	add(b, "run.alive.10.0badcafe", "https://a", "run.alive.");
	add(b, "run.alive.10", "https://a", "run.alive.");
	assert_int_equal(store_outbox_pending(b->store), 3);
	try_due(b, 10, "run.alive.10.12345678", true, NEVER);
	try_due(b, 10, "run.alive.10.0badcafe", true, NEVER);
	expect_due(b, 10, "run.alive.10");
}

static void a_message_of_many_lanes_is_cut_between_them(void **state)
{
	struct life_lane lanes[LANES_MAX];
	char name[1024];
	struct life life = {.kind = LIFE_ALIVE,
		.number = 7,
		.run = "run",
		.scenario = "s",
		.host = "h",
		.lanes = lanes,
		.nlanes = LANES_MAX};
	char *text, omitted[64];
	size_t i, len;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < LANES_MAX; i++)
		lanes[i] = (struct life_lane){.name = name, .cycle = i};
	text = life_event(&life, 16 << 10, &len);
	assert_true(len <= 16 << 10);
	assert_int_equal(len, strlen(text));
	assert_true(str_ends(text, "}}\n"));
	snprintf(omitted, sizeof(omitted), "\"lanes_omitted\":%d}", LANES_MAX - 8);
	assert_non_null(strstr(text, omitted));
	assert_non_null(strstr(text, "\"id\": \"run.alive.7\""));
	free(text);
}

#define BOXED(test) cmocka_unit_test_setup_teardown(test, open_box, close_box)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOXED(what_is_put_off_is_not_overtaken),
		BOXED(what_was_put_off_before_the_clock_was_set_back_is_due),
		BOXED(what_is_given_up_holds_nothing_up),
		BOXED(a_key_is_kept_with_its_message),
		BOXED(the_same_event_is_sent_once),
		BOXED(a_heartbeat_is_not_delivered_because_the_one_before_it_was),
		BOXED(a_heartbeat_takes_the_place_of_the_one_that_waits),
		BOXED(a_heartbeat_leaves_that_of_another_form),
		cmocka_unit_test(a_message_of_many_lanes_is_cut_between_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make_bodies DIR: what a webhook would send, in every form, as DIR/FORM.WHAT.json: of every made run, of
 * one that is far too large for a message, of a stored one whose texts mean ill, and of runs that live.
 */
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/verdict.h"
#include "fixture_run.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/life.h"
#include "reporters/reporters.h"
#include "stored_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *dir;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "make_bodies: %s: %s\n", what, why);
	exit(1);
}

/* Nothing to say leaves an empty file. */
static void save(int form, const char *what, struct outbox_item *item)
{
	auto_free char *path = xasprintf("%s/%s.%s.json", dir, webhook_bodies[form], what);
	auto_file FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(item->body, 1, item->body_len, f) != item->body_len)
		die(path, "cannot be written");
	free(item->body);
}

static void of_run(const struct webhook_opts *o, const char *what, const struct run_view *run)
{
	struct outbox_item item;
	struct err err;

	if (webhook_message(o, run, false, &item, &err) != 0)
		die(what, err.msg);
	save(o->body, what, &item);
}

static void of_life(const struct webhook_opts *o, enum life_kind kind)
{
	static const struct life_lane lanes[LANES_MAX] = {
		{.name = "gpu <!channel> *x*", .cycle = 7, .done = 6, .failed = 1, .step = "reset"},
		{.name = "over", .over = true},
	};
	const struct life life = {.kind = kind,
		.number = 3,
		.run = "20261121-040000-7f3a",
		.scenario = "gpu-qualification",
		.host = "rack7-node3",
		.started_ns = INT64_C(1795233600000000000),
		.now_ns = INT64_C(1795240000000000000),
		.next_ms = 60000,
		.lanes = lanes,
		.nlanes = 2,
		.failures = kind == LIFE_FAILING,
		.why = kind == LIFE_FAILING ? "<!here> @channel [x](http://evil) `rm` \x1b[31m\x80"
					    : NULL};
	struct outbox_item item;
	struct err err;

	if (webhook_life(o, &life, false, &item, &err) != 0)
		die(life_word(kind), err.msg);
	save(o->body, life_word(kind), &item);
}

static void of_fixture(const struct webhook_opts *o, const char *name)
{
	struct run_view *run = fixture_run_new(name);

	of_run(o, name, run);
	fixture_run_free(run);
}

static void of_stored(const struct webhook_opts *o, const char *what, const char *db)
{
	struct run_view *run;
	struct store *store;
	struct err err;

	if (store_open(db, STORE_READ, &store, &err) != 0)
		die(db, err.msg);
	if (run_view_load(store, "latest", &run, &err) != 0)
		die(db, err.msg);
	verdict_judge(run);
	of_run(o, what, run);
	run_view_free(run);
	store_close(store);
}

static void load(struct webhook_opts *o, struct arena *arena)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));

	if (o->body == BODY_PAGERDUTY)
		o->routing_key = "${env:KEY}";
	reporter_webhook.load(o, &(struct report_reading){.arena = arena, .diags = diags});
	diags_print(diags, stderr);
	if (diags->errors > 0)
		exit(1);
}

int main(int argc, char **argv)
{
	const struct fixture *f;
	char *db, *died;
	int form, kind;

	if (argc != 2)
		return 2;
	dir = argv[1];
	db = xasprintf("%s/runs.db", dir);
	died = xasprintf("%s/died.db", dir);
	stored_run_make(db, 24, STORED_CRASHED);
	stored_run_make(died, 4, STORED_DIED);
	for (form = 0; form < BODY_TEMPLATE; form++) {
		struct webhook_opts o = {.body = form, .url = ""};
		auto_arena struct arena arena = {0};

		load(&o, &arena);
		for (f = fixtures; f->name != NULL; f++)
			of_fixture(&o, f->name);
		of_fixture(&o, "huge");
		of_stored(&o, "stored", db);
		of_stored(&o, "stored-died", died);
		for (kind = LIFE_STARTED; kind <= LIFE_RESUMED; kind++)
			of_life(&o, (enum life_kind)kind);
	}
	free(db);
	free(died);
	return 0;
}

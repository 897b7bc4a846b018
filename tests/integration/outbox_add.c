/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outbox_add DB FIXTURE URL [SECRET [always|failure [TIMEOUT_MS [BODY]]]]: hands the message of a made-up
 * run over to the outbox of a store, as a run does at its end. A pager's key is ${env:KEY}.
 */
#include "fixture_run.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/store.h"
#include "reporters/reporters.h"

#include <stdio.h>

/* As a scenario would; false when there is no such body. */
static bool take_body(struct webhook_opts *opts, const char *word, struct arena *arena)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
	int i = 0;

	while (webhook_bodies[i] != NULL && !str_eq(webhook_bodies[i], word))
		i++;
	opts->body = i;
	if (i == BODY_PAGERDUTY)
		opts->routing_key = "${env:KEY}";
	if (webhook_bodies[i] != NULL)
		reporter_webhook.load(
			opts, &(struct report_reading){.arena = arena, .diags = diags});
	return webhook_bodies[i] != NULL && diags->errors == 0;
}

int main(int argc, char **argv)
{
	struct webhook_opts opts = {.timeout_ms = 20000};
	auto_arena struct arena arena = {0};
	struct run_view *run;
	struct store *store;
	struct err err;
	int rc;

	if (argc < 4)
		return 2;
	opts.url = argv[3];
	opts.secret = argc > 4 && *argv[4] ? argv[4] : NULL;
	opts.when = argc > 5 && str_eq(argv[5], "failure") ? WEBHOOK_FAILURE : WEBHOOK_ALWAYS;
	if (argc > 6 && !str_to_i64(argv[6], 10, 1, 60000, &opts.timeout_ms))
		return 2;
	if (argc > 7 && !take_body(&opts, argv[7], &arena))
		return 2;
	run = fixture_run_new(argv[2]);
	rc = store_open(argv[1], STORE_CREATE, &store, &err);
	if (rc == 0) {
		rc = reporter_webhook.hand_over(run, &opts, store, &err);
		store_close(store);
	}
	fixture_run_free(run);
	if (rc != 0)
		fprintf(stderr, "outbox_add: %s\n", err.msg);
	return rc ? 1 : 0;
}

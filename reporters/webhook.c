/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/cloudevent.h"
#include "reporters/json_report.h"
#include "world/hmac.h"
#include "world/jout.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TYPE   "io.github.vfio-stress.run.ended.v1"
#define SCHEMA "urn:vfio-stress:schema:run:1"

/* From whole to hardly anything; the first that fits is sent, and it says what it leaves out. */
static const struct json_cut cuts[] = {
	{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 20, 5, true},
	{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 3, 1, false},
	{50, 50, SIZE_MAX, SIZE_MAX, 50, 3, 1, false},
	{20, 20, SIZE_MAX, 20, 20, 3, 1, false},
	{5, 5, 16, 0, 5, 2, 0, false},
	{1, 1, 1, 0, 1, 1, 0, false},
	{0, 0, 0, 0, 0, 0, 0, false},
};

static void event_id(const struct run_view *run, char *buf, size_t size)
{
	snprintf(buf, size, "%s.ended", run->id);
}

static void write_event(const struct run_view *run, const struct json_cut *cut, FILE *out)
{
	char id[64];

	event_id(run, id, sizeof(id));
	cloudevent_begin(&(struct cloudevent){.id = id,
				 .host = run->host.name,
				 .type = TYPE,
				 .subject = run->id,
				 .schema = SCHEMA,
				 .time_ns = run->ended_ns},
		out);
	json_report(run, cut, out);
	fputs("}\n", out);
}

/* The event in memory, at most `max` bytes. */
static char *event_of(const struct run_view *run, size_t max, size_t *len, struct err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		char *text = NULL;
		FILE *out = open_memstream(&text, len);

		if (out == NULL) {
			err_set(err, ERR_IO, errno, "webhook");
			return NULL;
		}
		write_event(run, &cuts[i], out);
		fclose(out);
		if (*len <= max)
			return text;
		free(text);
	}
	err_set(err, ERR_IO, 0, "the event of run %s does not fit into %zu bytes", run->id, max);
	return NULL;
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	size_t len = 0;
	auto_free char *text = event_of(run, CLOUDEVENT_MAX, &len, err);

	(void)opts;
	if (text == NULL)
		return -1;
	fwrite(text, 1, len, out);
	return 0;
}

bool webhook_hears_life(const struct webhook_opts *o)
{
	return o->heartbeat_ms > 0 || o->heartbeat_cycles > 0;
}

static int hand_over(
	const struct run_view *run, const void *opts, struct store *store, struct err *err)
{
	const struct webhook_opts *o = opts;
	struct outbox_item item = {
		.url = (char *)o->url,
		.secret = (char *)o->secret,
		.content_type = (char *)CLOUDEVENT_TYPE,
		.created_ns = clock_wall_ns(),
		.timeout_ms = (int)o->timeout_ms,
	};

	/* who hears that it lives must hear that it ended, or takes it for dead */
	if (o->when == WEBHOOK_FAILURE && run->verdict == VERDICT_PASS && !webhook_hears_life(o))
		return 0;
	auto_free char *body = event_of(run, (size_t)o->limit_kib << 10, &item.body_len, err);

	if (body == NULL)
		return -1;
	item.body = body;
	str_set(item.run, run->id);
	event_id(run, item.event_id, sizeof(item.event_id));
	return store_outbox_add(store, &item, err);
}

/* Frees what may hold a secret. */
static void wipe(char *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}

static int check_url(const char *text, struct err *err)
{
	char *url;
	bool good;

	if (scenario_expand_env(text, &url, err) != 0)
		return -1;
	good = str_starts(url, "https://");
	wipe(url);
	if (good)
		return 0;
	err_set(err, ERR_INPUT, 0, "the webhook's url (%s) is not an https:// one", text);
	return err_hint(err, "only https is spoken: a report names hosts and devices");
}

static int check(const void *opts, struct err *err)
{
	const struct webhook_opts *o = opts;
	char *secret;
	int rc;

	if (check_url(o->url, err) != 0)
		return -1;
	if (o->secret == NULL)
		return 0;
	if (scenario_expand_env(o->secret, &secret, err) != 0)
		return -1;
	rc = hmac_check_secret(secret, err);
	wipe(secret);
	return rc;
}

static const char *const when_words[] = {"always", "failure", NULL};

static const struct field fields[] = {
	{.name = "url",
		.help = "https://..., or ${env:NAME}",
		.kind = FIELD_STRING,
		.offset = offsetof(struct webhook_opts, url),
		.required = true},
	{.name = "secret",
		.help = "whsec_... to sign with (Standard Webhooks), best as ${env:NAME}",
		.kind = FIELD_STRING,
		.offset = offsetof(struct webhook_opts, secret)},
	{.name = "when",
		.help = "always, or failure: any verdict but pass",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct webhook_opts, when),
		.dflt = "always",
		.choices = when_words},
	{.name = "timeout",
		.help = "for one try",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct webhook_opts, timeout_ms),
		.dflt = "10s",
		.min = 1000,
		.max = 300000},
	{.name = "heartbeat",
		.help = "say so often that the run is alive, and when it starts and the host comes "
			"back",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct webhook_opts, heartbeat_ms),
		.min = 1000,
		.max = INT64_C(86400000)},
	{.name = "heartbeat-cycles",
		.help = "the same, every so many cycles of all lanes together",
		.kind = FIELD_INT,
		.offset = offsetof(struct webhook_opts, heartbeat_cycles),
		.min = 1,
		.max = INT64_C(1000000000)},
	{.name = "limit",
		.help = "KiB that the receiver takes: larger reports are summarised (Microsoft "
			"Teams: 28)",
		.kind = FIELD_INT,
		.offset = offsetof(struct webhook_opts, limit_kib),
		.dflt = "64",
		.min = 16,
		.max = CLOUDEVENT_MAX >> 10},
	{0},
};

const struct reporter reporter_webhook = {
	.word = {.name = "webhook",
		.summary = "HTTPS POST of the json report as a CloudEvents 1.0 event",
		.main_arg = "url",
		.fields = fields,
		.args_size = sizeof(struct webhook_opts)},
	.write = write_report,
	.hand_over = hand_over,
	.check = check,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/json_report.h"
#include "world/hmac.h"
#include "world/jout.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* CloudEvents 1.0.2, "Size Limits": 64 KiB pass through every conforming intermediary. */
#define EVENT_MAX (64u << 10)

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

/* A host name as a part of a URI reference. */
static char *source_of(const struct run_view *run)
{
	const char *s = run->host.name && *run->host.name ? run->host.name : "unknown";
	struct str out = {0};

	str_add(&out, "/vfio-stress/");
	for (; *s != '\0'; s++)
		if (isalnum((unsigned char)*s) || *s == '-' || *s == '.' || *s == '_')
			str_addn(&out, s, 1);
		else
			str_addf(&out, "%%%02X", (unsigned char)*s);
	return out.s;
}

static void attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": ", name);
	jout_write_str(value, out);
	fputs(",\n", out);
}

static void event_id(const struct run_view *run, char *buf, size_t size)
{
	snprintf(buf, size, "%s.ended", run->id);
}

static void write_event(const struct run_view *run, const struct json_cut *cut, FILE *out)
{
	auto_free char *source = source_of(run);
	char id[64], time[40];

	event_id(run, id, sizeof(id));
	fputs("{", out);
	attribute(out, "specversion", "1.0");
	attribute(out, "id", id);
	attribute(out, "source", source);
	attribute(out, "type", TYPE);
	if (run->ended_ns != 0)
		attribute(out, "time", clock_rfc3339(run->ended_ns, time, sizeof(time)));
	attribute(out, "subject", run->id);
	attribute(out, "datacontenttype", "application/json");
	attribute(out, "dataschema", SCHEMA);
	fputs("\"data\": ", out);
	json_report(run, cut, out);
	fputs("}\n", out);
}

/* The event in memory, at most EVENT_MAX bytes. */
static char *event_of(const struct run_view *run, size_t *len, struct err *err)
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
		if (*len <= EVENT_MAX)
			return text;
		free(text);
	}
	err_set(err, ERR_IO, 0, "the event of run %s does not fit into %u bytes", run->id,
		EVENT_MAX);
	return NULL;
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	size_t len = 0;
	auto_free char *text = event_of(run, &len, err);

	(void)opts;
	if (text == NULL)
		return -1;
	fwrite(text, 1, len, out);
	return 0;
}

static int hand_over(
	const struct run_view *run, const void *opts, struct store *store, struct err *err)
{
	const struct webhook_opts *o = opts;
	struct outbox_item item = {
		.url = (char *)o->url,
		.secret = (char *)o->secret,
		.content_type = (char *)"application/cloudevents+json; charset=utf-8",
		.created_ns = clock_wall_ns(),
		.timeout_ms = (int)o->timeout_ms,
	};

	if (o->when == WEBHOOK_FAILURE && run->verdict == VERDICT_PASS)
		return 0;
	auto_free char *body = event_of(run, &item.body_len, err);

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

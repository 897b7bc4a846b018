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
#include "reporters/life.h"
#include "reporters/message.h"
#include "reporters/options.h"
#include "reporters/template.h"
#include "reporters/template_render.h"
#include "reporters/template_shipped.h"
#include "world/hmac.h"
#include "world/jout.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TYPE   "io.github.vfio-stress.run.ended.v1"
#define SCHEMA "urn:vfio-stress:schema:run:1"

#define JSON_TYPE        "application/json"
#define TEXT_TYPE        "text/plain; charset=utf-8"
#define LIMIT_MAX_KIB    512
#define ROUTING_KEY_MAX  100
#define ROUTING_KEY_ROOM 256 /* it is put into the message when that is sent */

/* From whole to hardly anything; the first that fits is sent, and it says what it leaves out. */
static const struct json_cut cuts[] = {
	{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 20, 5, true, true},
	{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 20, 5, true, false},
	{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 3, 1, false, false},
	{50, 50, SIZE_MAX, SIZE_MAX, 50, 3, 1, false, false},
	{20, 20, SIZE_MAX, 20, 20, 3, 1, false, false},
	{5, 5, 16, 0, 5, 2, 0, false, false},
	{1, 1, 1, 0, 1, 1, 0, false, false},
	{0, 0, 0, 0, 0, 0, 0, false, false},
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

/* ---- what a body is ---- */

static const struct {
	const char *content_type;
	const char *template; /* that comes with the program; NULL = made here */
	int64_t usual_kib, most_kib;
	/* Each pass tells its receiver that what it was told before is over: the failure may be forgotten
	 * here, or what the pass before said be lost. One too many harms nobody. */
	bool resolves;
} bodies[] = {
	[BODY_CLOUDEVENTS] = {CLOUDEVENT_TYPE, NULL, 64, CLOUDEVENT_MAX >> 10, false},
	[BODY_JSON] = {JSON_TYPE, NULL, 64, LIMIT_MAX_KIB, false},
	[BODY_PAGERDUTY] = {JSON_TYPE, "pagerduty.json", 64, 500, true},
	[BODY_SLACK] = {JSON_TYPE, "slack.json", 64, LIMIT_MAX_KIB, false},
	[BODY_TEAMS] = {JSON_TYPE, "teams.json", 28, 28, false},
	[BODY_ALERTMANAGER] = {JSON_TYPE, "alertmanager.json", 64, LIMIT_MAX_KIB, true},
	[BODY_TEMPLATE] = {JSON_TYPE, NULL, 64, LIMIT_MAX_KIB, false},
};

const char *const webhook_bodies[] = {
	[BODY_CLOUDEVENTS] = "cloudevents",
	[BODY_JSON] = "json",
	[BODY_PAGERDUTY] = "pagerduty",
	[BODY_SLACK] = "slack",
	[BODY_TEAMS] = "teams",
	[BODY_ALERTMANAGER] = "alertmanager",
	[BODY_TEMPLATE] = "template",
	NULL,
};

static size_t limit_of(const struct webhook_opts *o)
{
	int64_t kib = o->limit_kib > 0 ? o->limit_kib : bodies[o->body].usual_kib;

	return ((size_t)kib << 10) - (o->routing_key != NULL ? ROUTING_KEY_ROOM : 0);
}

static struct outbox_item item_for(const struct webhook_opts *o, const char *run)
{
	bool text = o->template != NULL && template_is_text(o->template);
	struct outbox_item item = {
		.url = (char *)o->url,
		.secret = (char *)o->secret,
		.key = (char *)o->routing_key,
		.content_type = (char *)(text ? TEXT_TYPE : bodies[o->body].content_type),
		.created_ns = clock_wall_ns(),
		.timeout_ms = (int)o->timeout_ms,
	};

	str_set(item.run, run);
	return item;
}

/*
 * Several services of a pager are at one address, or a collector that wants several forms: each gets its
 * own event. That of a CloudEvent stays as it is, for it is the event's `id`.
 */
static void tell_apart(const struct webhook_opts *o, struct outbox_item *item)
{
	const char *const differ[] = {webhook_bodies[o->body], o->template_name, o->routing_key};
	uint32_t hash = 2166136261; /* FNV-1a */
	size_t len = strlen(item->event_id), i;
	const char *s;

	if (o->body == BODY_CLOUDEVENTS)
		return;
	for (i = 0; i < ARRAY_SIZE(differ); i++)
		for (s = differ[i]; s != NULL && *s != '\0'; s++)
			hash = (hash ^ (unsigned char)*s) * 16777619;
	snprintf(item->event_id + len, sizeof(item->event_id) - len, ".%08x", hash);
}

/* ---- of a run that has ended ---- */

static void write_data(const struct run_view *run, const struct json_cut *cut, FILE *out)
{
	json_report(run, cut, out);
}

/* The report in memory, at most `max` bytes. */
static char *fitting(const struct run_view *run,
	void (*write)(const struct run_view *run, const struct json_cut *cut, FILE *out),
	size_t max, size_t *len, struct err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		char *text = NULL;
		FILE *out = open_memstream(&text, len);

		if (out == NULL) {
			err_set(err, ERR_IO, errno, "webhook");
			return NULL;
		}
		write(run, &cuts[i], out);
		fclose(out);
		if (*len <= max)
			return text;
		free(text);
	}
	err_set(err, ERR_IO, 0, "the event of run %s does not fit into %zu bytes", run->id, max);
	return NULL;
}

static char *body_of_run(const struct webhook_opts *o, const struct run_view *run, bool sample,
	size_t *len, struct err *err)
{
	struct message m;
	char *text;

	if (o->template == NULL)
		return fitting(run, o->body == BODY_JSON ? write_data : write_event, limit_of(o),
			len, err);
	message_of_run(&m, run, sample);
	text = template_render(o->template, &m, limit_of(o), len, err);
	message_finish(&m);
	return text;
}

int webhook_message(const struct webhook_opts *o, const struct run_view *run, bool sample,
	struct outbox_item *out, struct err *err)
{
	struct outbox_item item = item_for(o, run->id);

	item.body = body_of_run(o, run, sample, &item.body_len, err);
	if (item.body == NULL)
		return -1;
	event_id(run, item.event_id, sizeof(item.event_id));
	tell_apart(o, &item);
	*out = item;
	return 0;
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	static const struct webhook_opts usual;
	size_t len = 0;
	auto_free char *text = body_of_run(opts ? opts : &usual, run, false, &len, err);

	if (text == NULL)
		return -1;
	fwrite(text, 1, len, out);
	return 0;
}

/* ---- of one that lives ---- */

static char *body_of_life(const struct webhook_opts *o, const struct life *life, bool sample,
	size_t *len, struct err *err)
{
	struct message m;
	char *text;

	if (o->template == NULL)
		return o->body == BODY_JSON ? life_data(life, limit_of(o), len)
					    : life_event(life, limit_of(o), len);
	message_of_life(&m, life, sample);
	text = template_render(o->template, &m, limit_of(o), len, err);
	message_finish(&m);
	return text;
}

int webhook_life(const struct webhook_opts *o, const struct life *life, bool sample,
	struct outbox_item *out, struct err *err)
{
	struct outbox_item item = item_for(o, life->run);

	item.body = body_of_life(o, life, sample, &item.body_len, err);
	if (item.body == NULL)
		return -1;
	life_id(life, item.event_id, sizeof(item.event_id));
	tell_apart(o, &item);
	/* who is told late is told how it is now, not how it was all the while */
	if (life->kind == LIFE_ALIVE)
		snprintf(item.replaces, sizeof(item.replaces), "%s.alive.", life->run);
	*out = item;
	return 0;
}

/* ---- who is told ---- */

bool webhook_hears_life(const struct webhook_opts *o)
{
	return o->heartbeat_ms > 0 || o->heartbeat_cycles > 0;
}

bool webhook_hears_failing(const struct webhook_opts *o, int previous)
{
	if (o->when == WEBHOOK_CHANGE)
		return previous != VERDICT_FAIL;
	return o->when != WEBHOOK_HEARTBEAT;
}

/* Who hears that it lives must hear that it ended, or takes it for dead. */
static bool hears_end(const struct webhook_opts *o, const struct run_view *run)
{
	bool good = run->verdict == VERDICT_PASS;

	if (webhook_hears_life(o) || o->when == WEBHOOK_ALWAYS)
		return true;
	if (good && bodies[o->body].resolves)
		return true;
	if (o->when == WEBHOOK_CHANGE)
		return !run->has_previous || run->previous != run->verdict;
	return !good;
}

static int hand_over(
	const struct run_view *run, const void *opts, struct store *store, struct err *err)
{
	const struct webhook_opts *o = opts;
	struct outbox_item item;
	int rc = 0;

	if (!hears_end(o, run))
		return 0;
	if (webhook_message(o, run, false, &item, err) != 0)
		return -1;
	if (item.body_len > 0)
		rc = store_outbox_add(store, &item, err);
	free(item.body);
	return rc;
}

/* ---- before the run ---- */

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

static int check_routing_key(const char *text, struct err *err)
{
	char *key;
	size_t len;

	if (scenario_expand_env(text, &key, err) != 0)
		return -1;
	len = strlen(key);
	wipe(key);
	if (len > 0 && len <= ROUTING_KEY_MAX)
		return 0;
	err_set(err, ERR_INPUT, 0, "the webhook's routing key (%s) is no routing key", text);
	return err_hint(err, "it has 32 characters, and is found at PagerDuty's integration");
}

static int check_keys(const struct webhook_opts *o, struct err *err)
{
	char *secret;
	int rc;

	if (o->routing_key != NULL && check_routing_key(o->routing_key, err) != 0)
		return -1;
	if (o->secret == NULL)
		return 0;
	if (scenario_expand_env(o->secret, &secret, err) != 0)
		return -1;
	rc = hmac_check_secret(secret, err);
	wipe(secret);
	return rc;
}

static int check(const void *opts, struct err *err)
{
	const struct webhook_opts *o = opts;

	return check_url(o->url, err) != 0 ? -1 : check_keys(o, err);
}

static bool is_env_reference(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_";
	size_t n;

	if (!str_starts(text, "${env:"))
		return false;
	n = strspn(text + strlen("${env:"), letters);
	return n > 0 && str_eq(text + strlen("${env:") + n, "}");
}

static void check_together(const struct webhook_opts *o, const struct report_reading *rd)
{
	struct diags *d = rd->diags;
	const char *body = webhook_bodies[o->body];

	if ((o->body == BODY_PAGERDUTY) != (o->routing_key != NULL)) {
		diag_error(d, report_pos_of(rd, o->routing_key ? "routing-key" : "body"),
			o->routing_key ? "'routing-key' is for `body: pagerduty`"
				       : "`body: pagerduty` needs a 'routing-key'");
		diag_hint(d, "write `body: pagerduty, routing-key: \"${env:NAME}\"`");
	} else if (o->routing_key != NULL && !is_env_reference(o->routing_key)) {
		diag_error(d, report_pos_of(rd, "routing-key"),
			"a routing key must not stand in a scenario, which is stored");
		diag_hint(d, "put it into an environment variable and write \"${env:NAME}\"");
	}
	if ((o->body == BODY_TEMPLATE) != (o->template_name != NULL)) {
		diag_error(d, report_pos_of(rd, o->template_name ? "template" : "body"),
			o->template_name ? "'template' is for `body: template`"
					 : "`body: template` needs a 'template'");
		diag_hint(d, "write `body: template, template: ./FILE`");
	}
	if (o->limit_kib > bodies[o->body].most_kib) {
		diag_error(d, report_pos_of(rd, "limit"), "a %s body has at most %lld KiB", body,
			(long long)bodies[o->body].most_kib);
		diag_hint(d, "leave 'limit' out, or write a smaller one");
	}
	if (o->when == WEBHOOK_HEARTBEAT && !webhook_hears_life(o)) {
		diag_error(d, report_pos_of(rd, "when"), "`when: heartbeat` needs heartbeats");
		diag_hint(d, "add `heartbeat: 5m` or `heartbeat-cycles: 100`");
	}
}

/* Two of each, so that what stands between them is tried too. */
static void fill(struct run_view *run, struct arena *arena)
{
	static const char *sentences[] = {"one", "two"};
	const struct strings_row both = {sentences, ARRAY_SIZE(sentences)};
	size_t i;

	run->nlanes = run->nfailures = run->nincidents = 2;
	run->failures_total = run->totals.all = 9;
	run->lanes = arena_alloc(arena, run->nlanes * sizeof(*run->lanes));
	run->failures = arena_alloc(arena, run->nfailures * sizeof(*run->failures));
	run->incidents = arena_alloc(arena, run->nincidents * sizeof(*run->incidents));
	run->blind_spots = run->notes = run->undo_left = both;
	for (i = 0; i < 2; i++) {
		run->lanes[i] = (struct lane_row){.name = "lane", .reason = "why"};
		run->failures[i] = (struct failure_row){.step = "reset",
			.device = "0000:41:00.0",
			.reason = "reason",
			.detail = "detail"};
		run->incidents[i] = (struct incident){.id = "id",
			.over_budget = true,
			.has_bdf = true,
			.nfirst = 2,
			.first = {{1, arena_strdup(arena, "line")},
				{2, arena_strdup(arena, "line")}}};
	}
}

/* Of which hardly anything is known, or much. */
static int try_run(const struct webhook_opts *o, enum verdict verdict, bool much, struct err *err)
{
	auto_arena struct arena arena = {0};
	struct run_view run = {.verdict = verdict,
		.id = "run",
		.scenario = "scenario",
		.tool_version = "",
		.verdict_reason = much ? "why" : "",
		.started_ns = NS_PER_S,
		.ended_ns = NS_PER_S};
	struct outbox_item item;

	if (much)
		fill(&run, &arena);
	if (webhook_message(o, &run, true, &item, err) != 0)
		return -1;
	free(item.body);
	return 0;
}

static int try_life(const struct webhook_opts *o, enum life_kind kind, struct err *err)
{
	const struct life life = {
		.kind = kind, .run = "run", .scenario = "scenario", .started_ns = 1, .now_ns = 1};
	struct outbox_item item;

	if (webhook_life(o, &life, true, &item, err) != 0)
		return -1;
	free(item.body);
	return 0;
}

/* A message of each kind: what a template makes at night was made before. */
static int try_template(const struct webhook_opts *o, struct err *err)
{
	int i;

	for (i = VERDICT_PASS; i <= VERDICT_ABORTED; i++)
		if (try_run(o, (enum verdict)i, false, err) != 0 ||
			try_run(o, (enum verdict)i, true, err) != 0)
			return -1;
	for (i = LIFE_STARTED; i <= LIFE_RESUMED; i++)
		if (try_life(o, (enum life_kind)i, err) != 0)
			return -1;
	return 0;
}

static void load(void *opts, const struct report_reading *rd)
{
	struct webhook_opts *o = opts;
	const char *name = o->body == BODY_TEMPLATE ? o->template_name : bodies[o->body].template;
	const struct source *src;
	struct err err = {0};

	check_together(o, rd);
	if (name == NULL)
		return;
	src = template_source(
		rd->arena, name, rd->beside, report_pos_of(rd, "template"), rd->diags);
	o->template = src != NULL ? template_compile(rd->arena, src, rd->diags) : NULL;
	if (o->template == NULL || try_template(o, &err) == 0)
		return;
	diag_error(rd->diags, report_pos_of(rd, "template"), "%s", err.msg);
	diag_hint(rd->diags, "%s",
		*err.hint ? err.hint : "`vfio-stress webhook test SCENARIO --print` shows it");
}

static const char *const when_words[] = {[WEBHOOK_ALWAYS] = "always",
	[WEBHOOK_FAILURE] = "failure",
	[WEBHOOK_CHANGE] = "change",
	[WEBHOOK_HEARTBEAT] = "heartbeat",
	NULL};

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
		.help = "always; failure: any verdict but pass; change: another verdict than that "
			"of the "
			"run before; heartbeat: that it lives and ends",
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
		.help = "KiB that the receiver takes: larger messages are summarised"
			" (64; teams 28)",
		.kind = FIELD_INT,
		.offset = offsetof(struct webhook_opts, limit_kib),
		.min = 16,
		.max = LIMIT_MAX_KIB},
	{.name = "body",
		.help = "what is sent: the form that the receiver wants",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct webhook_opts, body),
		.dflt = "cloudevents",
		.choices = webhook_bodies},
	{.name = "routing-key",
		.help = "of PagerDuty's integration, as ${env:NAME}; with `body: pagerduty`",
		.kind = FIELD_STRING,
		.offset = offsetof(struct webhook_opts, routing_key),
		.pattern = "\\$\\{env:[A-Za-z_][A-Za-z0-9_]*\\}",
		.needs = "body"},
	{.name = "template",
		.help = "the file of `body: template`, with a slash in its name, or one that comes "
			"with the program (`list templates`)",
		.kind = FIELD_STRING,
		.offset = offsetof(struct webhook_opts, template_name),
		.needs = "body"},
	{0},
};

const struct reporter reporter_webhook = {
	.word = {.name = "webhook",
		.summary = "HTTPS POST to a pager, a chat or any receiver, as a CloudEvents 1.0 "
			   "event or in its form",
		.main_arg = "url",
		.fields = fields,
		.args_size = sizeof(struct webhook_opts)},
	.write = write_report,
	.hand_over = hand_over,
	.load = load,
	.check = check,
};

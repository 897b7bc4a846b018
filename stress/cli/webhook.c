/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "cli/load.h"
#include "cli/sample.h"
#include "cli/settings.h"
#include "engine/post.h"
#include "klog/rules.h"
#include "model/reporter.h"
#include "model/store.h"
#include "model/vars.h"
#include "reporters/reporters.h"
#include "world/yamldoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is asked for, and what came of it. */
struct trial {
	const struct host *host;
	const char *scenario, *sample;
	bool print;
	unsigned webhooks, failed;
};

/* ---- one webhook ---- */

static void print_answer(const struct posting *p)
{
	char said[4 * HTTP_SAID_MAX + 1];

	if (p->answer.status == 0) {
		printf("  not delivered after %lld ms: %s\n", (long long)p->took_ms, p->why.msg);
		if (p->why.hint[0] != '\0')
			printf("  hint: %s\n", p->why.hint);
		return;
	}
	printf("  %s after %lld ms: it answered %d",
		p->fate == FATE_DELIVERED ? "delivered" : "not delivered", (long long)p->took_ms,
		p->answer.status);
	if (p->answer.said[0] != '\0')
		printf(" \"%s\"",
			str_printable(said, sizeof(said), p->answer.said, strlen(p->answer.said)));
	printf("\n");
	if (*post_advice(p->answer.status) != '\0')
		printf("  hint: %s\n", post_advice(p->answer.status));
}

static void send_sample(
	struct trial *t, const struct webhook_opts *opts, const struct outbox_item *item)
{
	struct posting p;

	printf("%s, %s, %s: %zu bytes\n", item->url, webhook_bodies[opts->body], t->sample,
		item->body_len);
	if (item->body_len == 0) {
		printf("  nothing is sent: this is not told in that form\n");
		return;
	}
	fflush(stdout);
	post_once(item, opts->timeout_ms, &p);
	print_answer(&p);
	t->failed += p.fate != FATE_DELIVERED;
}

static void try_webhook(struct trial *t, const struct webhook_opts *opts)
{
	struct outbox_item item;
	struct err err;

	t->webhooks++;
	if (sample_message(t->host, opts, t->scenario, t->sample, &item, &err) != 0) {
		complain(&err);
		t->failed++;
		return;
	}
	if (!t->print)
		send_sample(t, opts, &item);
	else if (item.body_len > 0)
		printf("%s\n", item.body);
	else
		fprintf(stderr, "vfio-stress: %s is not told of '%s' in that form\n", opts->url,
			t->sample);
	free(item.body);
}

/* ---- those of a scenario ---- */

static int try_scenario(struct trial *t, const struct options *o, const char *path)
{
	struct settings settings = {0};
	struct scenario *sc = NULL;
	struct rules *rules = NULL;
	size_t i;

	if (settings_read(o, &settings) == 0)
		sc = load_scenario(path, &settings, &rules);
	t->scenario = sc != NULL ? sc->name : NULL;
	for (i = 0; sc != NULL && i < sc->nreports; i++)
		if (sc->reports[i].type == &reporter_webhook)
			try_webhook(t, sc->reports[i].opts);
	rules_free(rules);
	scenario_free(sc);
	settings_finish(&settings);
	return sc != NULL ? 0 : -1;
}

/* ---- one that the command line describes ---- */

static const char *const option_names[] = {"url", "body", "template", "routing-key", "secret"};

/* As if it stood in a scenario, whose table reads it. */
static int options_of_line(const struct options *o, struct reading *rd, struct webhook_opts *out)
{
	struct ynode keys[ARRAY_SIZE(option_names)] = {0}, values[ARRAY_SIZE(option_names)] = {0};
	struct ynode *key_list[ARRAY_SIZE(option_names)], *value_list[ARRAY_SIZE(option_names)];
	struct ynode map = {.kind = YNODE_MAP, .keys = key_list, .items = value_list};
	struct field_target target = {reporter_webhook.word.fields, out};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(option_names); i++) {
		const char *value = options_get(o, option_names[i]);

		if (value == NULL)
			continue;
		keys[map.n].text = option_names[i];
		values[map.n].text = value;
		key_list[map.n] = &keys[map.n];
		value_list[map.n] = &values[map.n];
		map.n++;
	}
	if (fields_fill(rd, "the webhook", &map, &map, &target, 1) != 0)
		return -1;
	reporter_webhook.load(
		out, &(struct report_reading){.arena = rd->arena, .diags = rd->diags});
	return rd->diags->errors > 0 ? -1 : 0;
}

static int try_line(struct trial *t, const struct options *o)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
	auto_free struct reading *rd = xcalloc(1, sizeof(*rd));
	auto_arena struct arena arena = {0};
	struct webhook_opts opts = {0};
	int rc;

	rd->arena = &arena;
	rd->diags = diags;
	rd->env_allowed = true;
	rc = options_of_line(o, rd, &opts);
	diags_print(diags, stderr);
	t->scenario = "sample";
	if (rc == 0)
		try_webhook(t, &opts);
	return rc;
}

/* ---- the command ---- */

static bool is_sample(const char *word)
{
	size_t i;

	for (i = 0; sample_word(i) != NULL; i++)
		if (str_eq(sample_word(i), word))
			return true;
	return false;
}

static int check_words(const struct options *o, const struct trial *t, struct err *err)
{
	bool line = options_get(o, "url") != NULL;

	if (!str_eq(o->args[0], "test"))
		err_set(err, ERR_USAGE, 0, "unexpected '%s'", o->args[0]);
	else if (!is_sample(t->sample))
		err_set(err, ERR_USAGE, 0, "there is no sample '%s'", t->sample);
	else if ((o->nargs == 2) == line)
		err_set(err, ERR_USAGE, 0,
			line ? "a scenario and --url: which of them?"
			     : "which webhook? name a scenario, or --url");
	else
		return 0;
	return err_hint(err, "`vfio-stress webhook --help`");
}

static int run(const struct host *host, const struct options *o)
{
	const char *sample = options_get(o, "sample");
	struct trial t = {.host = host,
		.sample = sample != NULL ? sample : sample_word(0),
		.print = options_get(o, "print") != NULL};
	struct err err;

	if (check_words(o, &t, &err) != 0)
		return complain(&err);
	if ((o->nargs == 2 ? try_scenario(&t, o, o->args[1]) : try_line(&t, o)) != 0)
		return EXIT_USAGE;
	if (t.webhooks == 0) {
		err_set(&err, ERR_INPUT, 0, "%s has no webhook", o->args[1]);
		err_hint(&err, "below `report:` write `- webhook: {url: \"${env:NAME}\"}`");
		return complain(&err);
	}
	return t.failed > 0 ? EXIT_FAIL : EXIT_GOOD;
}

static void add_samples(struct str *out)
{
	size_t i;

	str_add(out, "SAMPLE is what is made up:");
	for (i = 0; sample_word(i) != NULL; i++)
		str_addf(out, "%s %s", i ? "," : "", sample_word(i));
	str_add(out, ". BODY is one of these:");
	for (i = 0; webhook_bodies[i] != NULL; i++)
		str_addf(out, "%s %s", i ? "," : "", webhook_bodies[i]);
	str_add(out, ".");
}

static const struct option_spec options[] = {
	{0, "sample", "SAMPLE", "what it tells (default: fail)", false, false},
	{0, "print", NULL, "print the body, send nothing", false, false},
	{0, "url", "URL", "this receiver, no scenario's; '${env:NAME}' keeps it off the line",
		false, false},
	{0, "body", "BODY", "with --url: its form (default: cloudevents)", false, false},
	{0, "template", "FILE", "with --body template", false, false},
	{0, "routing-key", "KEY", "with --body pagerduty: '${env:NAME}'", false, false},
	{0, "secret", "SECRET", "with --url: sign with '${env:NAME}'", false, false},
	OPTION_SET,
	{0},
};

const struct command cmd_webhook = {
	.name = "webhook",
	.operands = "test [SCENARIO]",
	.summary = "send a sample to the webhooks of a scenario",
	.text = "Sends now, and prints what was answered, how soon, and what to do about it. The\n"
		"sample says wherever it is looked at that it is one. A pager is woken all the "
		"same:\n"
		"`--sample pass` resolves what `fail` has opened.\n\n"
		"  vfio-stress webhook test overnight.yaml\n"
		"  vfio-stress webhook test --url '${env:SLACK_URL}' --body slack\n"
		"  vfio-stress webhook test overnight.yaml --sample pass --print\n\n"
		"Exit codes: 0 delivered, 1 a webhook did not take it, 2 usage, or an error in "
		"the\n"
		"scenario.",
	.add_text = add_samples,
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};

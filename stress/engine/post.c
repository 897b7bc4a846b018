/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/post.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/scenario.h"
#include "model/store.h"
#include "world/hmac.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MIN 8 /* shorter ones stand in any text */

static const struct {
	int from, to;
	const char *advice;
} advices[] = {
	{300, 399, "redirects are not followed: write the address that it leads to"},
	{400, 400,
		"it does not understand the body: is that of the right form? (--print shows it)"},
	{401, 401, "it does not know us: is the key or the token in the address right?"},
	{403, 403, "it refuses us: was the webhook disabled, or may it not post there?"},
	{404, 404, "there is no such webhook: was it removed, or the address cut short?"},
	{405, 405, "it takes no POST: is this the address of a page for people?"},
	{410, 410, "the webhook is gone: make a new one"},
	{413, 413, "the body is too large for it: set a smaller `limit`"},
	{415, 415, "it takes no JSON, or wants another form of it"},
	{422, 422,
		"it does not understand the body: is that of the right form? (--print shows it)"},
	{429, 429, "it hears too much of us: a run would try again later"},
	{500, 599, "it has trouble of its own: a run would try again later"},
};

const char *post_advice(int status)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advices); i++)
		if (status >= advices[i].from && status <= advices[i].to)
			return advices[i].advice;
	return "";
}

/* A client's mistake stays one, except these (RFC 9110, 8470, 6585). */
static enum fate fate_of(int status)
{
	if (status >= 200 && status < 300)
		return FATE_DELIVERED;
	if (status >= 500 || status == 408 || status == 425 || status == 429)
		return FATE_LATER;
	return FATE_HOPELESS;
}

struct secrets {
	char *url, *secret, *key;
};

/* Frees what may hold a secret. */
static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static int expand(const struct outbox_item *item, struct secrets *s, struct err *err)
{
	if (scenario_expand_env(item->url, &s->url, err) != 0)
		return -1;
	if (item->secret != NULL && scenario_expand_env(item->secret, &s->secret, err) != 0)
		return -1;
	if (item->key != NULL && scenario_expand_env(item->key, &s->key, err) != 0)
		return -1;
	return 0;
}

/* The body with the key as its first member; it is an object that has others. Heap. */
static char *with_key(const struct outbox_item *item, const char *key, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		abort();
	fputs("{\"routing_key\": ", out);
	jout_write_str(key, out);
	fputs(", ", out);
	fwrite(item->body + 1, 1, item->body_len - 1, out);
	fclose(out);
	return text;
}

static int post(const struct outbox_item *item, const struct secrets *s, const char *body,
	size_t len, int64_t timeout_ms, struct http_answer *answer, struct err *err)
{
	int64_t now_s = clock_wall_ns() / NS_PER_S;
	auto_free char *type = xasprintf("Content-Type: %s", item->content_type);
	auto_free char *id = xasprintf("webhook-id: %s", item->event_id);
	auto_free char *timestamp = xasprintf("webhook-timestamp: %" PRId64, now_s);
	auto_free char *signature = NULL;
	char text[HMAC_SIGNATURE_MAX];

	if (s->secret != NULL) {
		if (hmac_sign(s->secret, item->event_id, now_s, body, len, text, err) != 0)
			return -1;
		signature = xasprintf("webhook-signature: %s", text);
	}
	return http_post(
		&(struct http_post){
			.url = s->url,
			.headers = (const char *const[]){"User-Agent: vfio-stress", type, id,
				timestamp, signature, NULL},
			.body = body,
			.len = len,
			.timeout_ms = timeout_ms,
		},
		answer, err);
}

static int send_it(const struct outbox_item *item, const struct secrets *s, int64_t timeout_ms,
	struct http_answer *answer, struct err *err)
{
	size_t len = item->body_len;
	char *body;
	int rc;

	if (s->key == NULL)
		return post(item, s, item->body, len, timeout_ms, answer, err);
	if (len == 0 || item->body[0] != '{')
		return err_set(err, ERR_INPUT, 0, "the message has no place for a routing key");
	body = with_key(item, s->key, &len);
	rc = post(item, s, body, len, timeout_ms, answer, err);
	wipe(body);
	return rc;
}

/* What a receiver said, and how much of its end is how a secret begins. */
struct echo {
	char *said;
	size_t len, begun;
};

static void blot(struct echo *e, const char *secret, size_t n)
{
	char *end = e->said + e->len, *at = e->said;

	while ((at = memmem(at, (size_t)(end - at), secret, n)) != NULL) {
		memset(at, '*', n);
		at += n;
	}
}

static void find_begun(struct echo *e, const char *secret, size_t n)
{
	size_t k = n - 1 < e->len ? n - 1 : e->len;

	while (k > e->begun && memcmp(e->said + e->len - k, secret, k) != 0)
		k--;
	if (k > e->begun)
		e->begun = k;
}

/* Of an address the path is the secret, as a whole and in its parts. */
static void for_secrets(const struct secrets *s, struct echo *e,
	void (*f)(struct echo *e, const char *secret, size_t n))
{
	const char *host = s->url ? strstr(s->url, "://") : NULL, *at;
	const char *const whole[] = {
		s->url, host ? strchr(host + 3, '/') : NULL, s->secret, s->key};
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(whole); i++)
		if (whole[i] != NULL && (n = strlen(whole[i])) >= SECRET_MIN)
			f(e, whole[i], n);
	for (at = s->url; at != NULL && *at != '\0'; at += n + (at[n] != '\0')) {
		n = strcspn(at, "/?&=");
		if (n >= SECRET_MIN)
			f(e, at, n);
	}
}

/* Some receivers say what they were sent; what we keep of that may end within a secret. */
static void blot_out(struct http_answer *answer, const struct secrets *s)
{
	struct echo e = {.said = answer->said, .len = strlen(answer->said)};

	for_secrets(s, &e, blot);
	if (e.len == sizeof(answer->said) - 1)
		for_secrets(s, &e, find_begun);
	answer->said[e.len - e.begun] = '\0';
}

void post_once(const struct outbox_item *item, int64_t timeout_ms, struct posting *out)
{
	int64_t began = clock_mono_ns();
	struct secrets s = {0};

	*out = (struct posting){0};
	secret_no_core(); /* libcurl and OpenSSL copy what they are given */
	if (expand(item, &s, &out->why) == 0 &&
		send_it(item, &s, timeout_ms, &out->answer, &out->why) == 0)
		out->fate = fate_of(out->answer.status);
	else
		out->fate = out->why.code == ERR_INPUT ? FATE_HOPELESS : FATE_LATER;
	out->took_ms = (clock_mono_ns() - began) / NS_PER_MS;
	blot_out(&out->answer, &s);
	wipe(s.url);
	wipe(s.secret);
	wipe(s.key);
}

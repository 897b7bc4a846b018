/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_REPORTERS_H
#define VFIO_STRESS_REPORTERS_REPORTERS_H

#include "model/reporter.h"

/* What every format that ends up in a file has first in its options. */
struct file_opts {
	const char *path; /* "-" = standard output */
	int64_t every_ms; /* while the run goes on; 0 = only at its end */
};

/* Of `text`. The caller decides on colour: only it knows the terminal and NO_COLOR. */
struct text_opts {
	struct file_opts file;
	bool colour;
	const char *files; /* where whole reports are; NULL = how to make one ... */
	const char *db; /* ... out of this store; NULL = the default one */
};

/* Of `webhook`. url and secret may hold ${env:NAME}, which is expanded at delivery only. */
enum webhook_when { WEBHOOK_ALWAYS, WEBHOOK_FAILURE, WEBHOOK_CHANGE, WEBHOOK_HEARTBEAT };
enum webhook_body {
	BODY_CLOUDEVENTS,
	BODY_JSON,
	BODY_PAGERDUTY,
	BODY_SLACK,
	BODY_TEAMS,
	BODY_ALERTMANAGER,
	BODY_TEMPLATE,
};

struct webhook_opts {
	const char *url, *secret; /* secret NULL = not signed */
	int when; /* enum webhook_when */
	int64_t timeout_ms;
	int64_t heartbeat_ms, heartbeat_cycles; /* 0 = none */
	int64_t limit_kib; /* of a message; 0 = as usual for its body */
	int body; /* enum webhook_body */
	const char *routing_key; /* of PAGERDUTY, "${env:NAME}" */
	const char *template_name; /* of TEMPLATE */
	const struct template *template; /* what that led to, or the body's own */
};

/* Is it told that a run starts and is alive? */
bool webhook_hears_life(const struct webhook_opts *opts);
/* Is it told at once that a run fails, when the run before it came to `previous` (-1 = none)? */
bool webhook_hears_failing(const struct webhook_opts *opts, int previous);

/*
 * The message that it gets, ready for the outbox, of a run that has ended, or of one that lives. `sample`:
 * made up, and it says so. 0 with an empty body: it is not told this. url, secret, key and content_type
 * are the options', body is heap.
 */
struct life;
struct outbox_item;
int webhook_message(const struct webhook_opts *opts, const struct run_view *run, bool sample,
	struct outbox_item *out, struct err *err) must_check;
int webhook_life(const struct webhook_opts *opts, const struct life *life, bool sample,
	struct outbox_item *out, struct err *err) must_check;
/* Of `body`, in the order of enum webhook_body; NULL after the last. */
extern const char *const webhook_bodies[];

extern const struct reporter reporter_bundle;
extern const struct reporter reporter_html;
extern const struct reporter reporter_json;
extern const struct reporter reporter_junit;
extern const struct reporter reporter_ocp;
extern const struct reporter reporter_prometheus;
extern const struct reporter reporter_text;
extern const struct reporter reporter_webhook;

/* NULL when there is none of that name. */
const struct reporter *reporter_find(const char *name);

#endif

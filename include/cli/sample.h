/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SAMPLE_H
#define VFIO_STRESS_CLI_SAMPLE_H

#include "base/err.h"

#include <stddef.h>

struct host;
struct outbox_item;
struct webhook_opts;

/* What can be made up: "fail", "pass", "started" ...; NULL after the last. The first is the usual one. */
const char *sample_word(size_t i);

/*
 * The message that a webhook would get of a run that never was, and that says so wherever it is looked
 * at. An empty body: it would get none. The body is heap.
 */
int sample_message(const struct host *host, const struct webhook_opts *opts, const char *scenario,
	const char *word, struct outbox_item *out, struct err *err) must_check;

#endif

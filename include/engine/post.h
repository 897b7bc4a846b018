/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_POST_H
#define VFIO_STRESS_ENGINE_POST_H

#include "base/err.h"
#include "world/http.h"

struct outbox_item;

/* What one try came to. */
enum fate { FATE_DELIVERED, FATE_LATER, FATE_HOPELESS };

struct posting {
	enum fate fate;
	struct http_answer answer; /* status 0 = none came: `why` says it */
	int64_t took_ms;
	struct err why;
};

/*
 * Sends a message: its ${env:NAME} are expanded here and nowhere else, for as long as the try lasts. What
 * the answer has of them is blotted out.
 */
void post_once(const struct outbox_item *item, int64_t timeout_ms, struct posting *out);

/* What to do about a status that is not 2xx; "" = nothing comes to mind. */
const char *post_advice(int status);

#endif

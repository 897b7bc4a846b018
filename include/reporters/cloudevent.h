/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_CLOUDEVENT_H
#define VFIO_STRESS_REPORTERS_CLOUDEVENT_H

#include <stdint.h>
#include <stdio.h>

/* CloudEvents 1.0.2, "Size Limits": 64 KiB pass through every conforming intermediary. */
#define CLOUDEVENT_MAX  (64u << 10)
#define CLOUDEVENT_TYPE "application/cloudevents+json; charset=utf-8"

struct cloudevent {
	const char *id;
	const char *host; /* its source; NULL or "" = unknown */
	const char *type;
	const char *subject; /* the run */
	const char *schema; /* of its data */
	int64_t time_ns; /* wall; 0 = not said */
};

/* All up to the data, which the caller writes, and then a closing brace. */
void cloudevent_begin(const struct cloudevent *ev, FILE *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct machine;

/* Something that happens to the host from outside: NAME or NAME:ARGUMENT. */
struct event_type {
	const char *name;
	/* arg is "" without an argument; said tells what came of it, and may be left empty. */
	bool (*perform)(struct machine *machine, const char *arg, char *said, size_t size);
};

/* The type that the event's name belongs to, or NULL. */
const struct event_type *event_find(const char *event);

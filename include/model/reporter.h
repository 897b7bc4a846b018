/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_REPORTER_H
#define VFIO_STRESS_MODEL_REPORTER_H

#include "base/diags.h"
#include "base/err.h"
#include "model/field.h"

#include <stdbool.h>
#include <stdio.h>

struct arena;
struct run_view;
struct store;
struct ynode;
struct stream; /* of a reporter: one file, while its run goes on */

/* A report of a scenario, while that is read. */
struct report_reading {
	struct arena *arena; /* the scenario's */
	struct diags *diags;
	const struct ynode *map; /* its options as written, NULL = none */
	struct srcpos pos; /* of its word */
	const char *const *endings; /* of its format */
	const char *beside; /* the scenario's file: relative paths of what it names begin there */
};

/* One format or way of telling: one file in reporters/, one row in its table. */
struct reporter {
	struct word
		word; /* its word below `report:`; for file formats the main argument is `path` */
	/* What the name of a scenario's file of this format may end in; NULL-terminated. */
	const char *const *endings;
	bool open_to_all; /* its new files are 0644: nothing of a kernel log is in them */
	/* Mandatory. A report is a pure function of a stored run. Errors of `out` are the caller's. */
	int (*write)(const struct run_view *run, const void *opts, FILE *out, struct err *err);
	/*
	 * Optional. Hands the finished report over elsewhere (webhook: into the store's outbox, for a
	 * child to deliver). NULL: the engine writes it to `path`, atomically.
	 */
	int (*hand_over)(
		const struct run_view *run, const void *opts, struct store *store, struct err *err);
	/*
	 * Optional, all three or none: a report that grows with its run. Begins; adds what has come
	 * since; and, with what the run came to, ends and frees (NULL: only frees). Together they write
	 * the bytes that `write` does. `run` and its store must stay until then.
	 */
	struct stream *(*stream_begin)(const struct run_view *run, FILE *out);
	int (*stream_more)(struct stream *stream, struct err *err);
	void (*stream_end)(struct stream *stream, const struct run_view *ended);
	/*
	 * Optional. Once the options are read: what no table can say of them, and what they lead to (a
	 * template). All that is wrong is reported.
	 */
	void (*load)(void *opts, const struct report_reading *rd);
	/* Optional. Before the run: will hand_over's receiver be told? Sends nothing. */
	int (*check)(const void *opts, struct err *err);
};

extern const struct reporter *const reporters[]; /* NULL-terminated, by name */

#endif

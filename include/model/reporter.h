/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_REPORTER_H
#define VFIO_STRESS_MODEL_REPORTER_H

#include "base/err.h"
#include "model/field.h"

#include <stdbool.h>
#include <stdio.h>

struct run_view;
struct store;

/* One format or way of telling: one file in reporters/, one row in its table. */
struct reporter {
	struct word
		word; /* its word below `report:`; for file formats the main argument is `path` */
	bool open_to_all; /* its new files are 0644: nothing of a kernel log is in them */
	/* Mandatory. A report is a pure function of a stored run. Errors of `out` are the caller's. */
	int (*write)(const struct run_view *run, const void *opts, FILE *out, struct err *err);
	/*
	 * Optional. Hands the finished report over elsewhere (webhook: into the store's outbox, for a
	 * child to deliver). NULL: the engine writes it to `path`, atomically.
	 */
	int (*hand_over)(
		const struct run_view *run, const void *opts, struct store *store, struct err *err);
	/* Optional. Before the run: will hand_over's receiver be told? Sends nothing. */
	int (*check)(const void *opts, struct err *err);
};

extern const struct reporter *const reporters[]; /* NULL-terminated, by name */

#endif

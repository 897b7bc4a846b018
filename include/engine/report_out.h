/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_REPORT_OUT_H
#define VFIO_STRESS_ENGINE_REPORT_OUT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

struct arena;
struct field;
struct report_spec;
struct reporter;
struct run_view;
struct store;
struct str;

/* "FORMAT:FILE" of --report, and behind that ",NAME=VALUE" of its options: "html:run.html,every=10m". */
int report_parse(
	struct arena *arena, const char *arg, struct report_spec *out, struct err *err) must_check;

int report_of(struct arena *arena, const char *format, const char *path, struct report_spec *out,
	struct err *err) must_check;
/* Can this field of it be given there? The file comes first, and is no option. */
bool report_option(const struct reporter *type, const struct field *f);

/* A sentence: "Formats: json, text ...". */
void report_formats(struct str *out);

/* Before the run: will this report find its way? Leaves nothing behind and sends nothing. */
int report_check(const struct report_spec *spec, struct err *err) must_check;

/* Writes the report to its file, or hands it over to the store's outbox. */
int report_make(const struct report_spec *spec, const struct run_view *run, struct store *store,
	struct err *err) must_check;

/*
 * One report to one file; "-" is standard output. The file is whole or as before: written beside it,
 * synced, renamed. New files are 0600, because kernel logs are not everybody's, but those of
 * open_to_all; a file that is there keeps its mode and owner. Devices and pipes are written in place.
 */
int report_write(const struct reporter *type, const struct run_view *run, const void *opts,
	const char *path, struct err *err) must_check;

/*
 * The report of a run that goes on, as it grows, until the run has ended. Written in place, each line
 * when it is known: whoever reads it meanwhile has a report that goes on.
 */
int report_follow(const struct reporter *type, const struct run_view *run, const char *path,
	struct err *err) must_check;

/*
 * The same for a report of a run, whose path is as in its scenario. What is there and no plain file is
 * left alone: the run writes it once, at its end.
 */
int report_grow(
	const struct report_spec *spec, const struct run_view *run, struct err *err) must_check;

/* Is it one that goes to standard output? */
bool report_to_stdout(const struct report_spec *spec);

/*
 * The text report on a standard stream. files: where whole ones are, NULL = not written;
 * db: the store, NULL = the default one.
 */
int report_summary(const struct run_view *run, FILE *out, const char *files, const char *db,
	struct err *err) must_check;

/* Is colour welcome there? A terminal that is not dumb, and no NO_COLOR. */
bool report_colour(int fd);

#endif

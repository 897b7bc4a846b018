/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_JSON_REPORT_H
#define VFIO_STRESS_REPORTERS_JSON_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct incident;
struct incident_field;
struct json_t;
struct run_view;

/* How much of each list is written. What is left out is said in `blind_spots`. */
struct json_cut {
	size_t failures, incidents, lanes, steps, sentences;
	size_t first_lines, last_lines; /* of an incident */
	bool scenario_text;
	bool good_checks; /* of preflight: also what is in order */
};

extern const struct json_cut json_uncut;

/* The report of a run, vfio-stress/run/1, one row at a time. Errors of `out` stay with `out`. */
void json_report(const struct run_view *run, const struct json_cut *cut, FILE *out);

/* One incident in the report's shape. `lanes` are names by index; NULL = no lanes (scan). */
struct json_t *json_incident(const struct incident *inc, const char *const *lanes, size_t nlanes,
	const struct json_cut *cut);
/* A decoded part as a member of obj. */
void json_field(struct json_t *obj, const struct incident_field *f);

#endif

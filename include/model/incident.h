/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_INCIDENT_H
#define VFIO_STRESS_MODEL_INCIDENT_H

#include "base/bdf.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INCIDENT_FIRST_LINES 20
#define INCIDENT_LAST_LINES  5
#define INCIDENT_FIELDS      32

enum value_kind { VALUE_NULL, VALUE_STRING, VALUE_INT, VALUE_BOOL, VALUE_STRINGS, VALUE_INTS };

/* A decoded part of a kernel message, ready for JSON. */
struct incident_field {
	char name[32];
	enum value_kind kind;
	char text[200]; /* STRING; STRINGS and INTS joined by '\n'; INT and BOOL as in JSON */
};

struct incident_line {
	uint64_t seq;
	char *text; /* heap, foreign text as the kernel printed it */
};

/* Where in the run something happened. */
struct place {
	int32_t lane; /* -1 = none or several */
	uint64_t candidates; /* bit per lane when several fit */
	int32_t cycle; /* 0 in `before`, -1 = null */
	char step[24]; /* the word, "between", "" = null */
	int32_t step_index; /* -1 = null */
	bool late;
	bool in_lane; /* its BDF is a device of a lane (an incident of no device: true) */
	bool expected; /* the running step makes the kernel say this */
	uint32_t expected_most; /* so often; 0 = however often */
};

/* One thing that went wrong, with all its lines. All is owned; free with incident_finish. */
struct incident {
	uint32_t no; /* in this run, from 1 */
	uint32_t slot; /* among those that may still change, below KLOG_OPEN_MAX; used again */
	char id[48];
	enum severity severity;
	bool tolerated; /* a budget covered it */
	bool over_budget; /* it counts against the verdict */
	char budget[64]; /* "3 seen, 2 allowed within 1m"; "" = no budget names it */
	bool expected;
	bool has_bdf, has_reporter;
	struct bdf bdf; /* the culprit */
	struct bdf reporter; /* who printed it, when another */
	struct place place;
	uint64_t count;
	bool count_is_lower_bound;
	uint64_t first_seq, last_seq;
	int64_t first_wall_ns, last_wall_ns;
	int64_t first_usec, last_usec; /* since the boot; 0 = unknown, and not stored */
	struct incident_field *fields; /* heap; add with incident_add_field */
	size_t nfields, fields_room;
	struct incident_line first[INCIDENT_FIRST_LINES];
	struct incident_line last[INCIDENT_LAST_LINES]; /* oldest first */
	size_t nfirst, nlast;
	size_t telling; /* of `first`: the line that names the fault; others only lead to it */
	uint64_t lines_omitted;
	char seen_by[64]; /* witnesses, comma-separated: "log,counters,tracepoint" */
	char *meaning, *advice; /* heap; NULL = none */
};

void incident_finish(struct incident *inc);
/*
 * The new one; NULL when there are INCIDENT_FIELDS already. The others stay where they are, unless
 * the incident is a copy.
 */
struct incident_field *incident_add_field(
	struct incident *inc, const char *name, enum value_kind kind, const char *text);
/* NULL = it has none of that name. */
struct incident_field *incident_field(const struct incident *inc, const char *name);
/* The line to show where there is room for one, "" = it has none. */
const char *incident_line(const struct incident *inc);
/* With fields, lines and texts of its own, and no room for more: few have many fields. */
void incident_copy(struct incident *dst, const struct incident *src);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_COMPARE_H
#define VFIO_STRESS_ENGINE_COMPARE_H

#include "base/err.h"
#include "base/mem.h"
#include "engine/stats.h"
#include "model/diff.h"

struct reset_row;
struct run_view;
struct step_row;

/* The worst first, as they are listed. */
enum compare_result { COMPARE_WORSE, COMPARE_UNKNOWN, COMPARE_BETTER, COMPARE_SAME };

const char *compare_result_name(enum compare_result r); /* "worse", "cannot tell" ... */

enum compare_what {
	COMPARE_VERDICT, /* a fact, not a test */
	COMPARE_MATCH, /* a lane or step that only one of the runs has, or a machine that was not seen */
	COMPARE_CYCLES, /* of a lane: how many failed */
	COMPARE_FAILURES, /* of a step row */
	COMPARE_INCIDENTS, /* of one fault of one device: cycles that have it */
	COMPARE_TIME, /* of a step row: the middle of it */
	COMPARE_SLOW, /* of a step row: those that took far longer than it usually does */
	COMPARE_USABLE, /* of a reset: until the device answered again */
	COMPARE_RESETS, /* of a reset in one state of its device: those that did not work */
};

const char *compare_what_name(enum compare_what w); /* "failures" */

/* Within these, two runs are the same for all that it matters. */
struct compare_margins {
	double rate; /* of failures and incidents: per cycle */
	double time_share; /* of the earlier median */
	int64_t time_us; /* and never less than this */
};

#define COMPARE_RATE       0.01 /* 10 per 1,000 cycles */
#define COMPARE_TIME_SHARE 0.05
#define COMPARE_TIME_US    10000
#define COMPARE_LEVEL      0.95 /* of intervals; all tests together err in the rest */
#define COMPARE_POWER      0.8

/* What one run has of a row. */
struct compare_side {
	struct share share; /* of counts: k of n; of times: n of them */
	struct interval rate; /* of k / n, when n > 0 */
	int64_t p50_us, p95_us, max_us; /* of times; -1 = there are none */
	const char *bins; /* of COMPARE_TIME and COMPARE_USABLE: all of them (model/time_bins.h) */
};

struct compare_row {
	enum compare_what what;
	enum compare_result result;
	const char *subject; /* "lane gpu, reset: flr, 0000:41:00.0" */
	const char *reason; /* a sentence with its figures, without the subject */
	const char *brief; /* the same for one line among others */
	const char *lane, *step, *fault; /* NULL = none */
	const char *device_a, *device_b;
	const struct step_row *later; /* of b; NULL = it is not of a step */
	const char *test; /* NULL = none was made */
	double p, p_adjusted; /* of the test; adjusted for all tests of the comparison */
	struct compare_side a, b;
	bool has_change;
	double change; /* b less a: per cycle, or microseconds */
	struct interval change_range;
	double superiority; /* of times: P(a < b) + P(a = b) / 2 */
	struct interval superiority_range;
	double margin; /* in the unit of change */
	double cycles_each; /* cycles that one of n takes */
	bool needs; /* more cycles would tell: so many in each run, when each is as these were */
	uint64_t needed; /* STATS_NEVER = more than anybody runs */
};

/* A method on a device, while somebody or nobody had that. */
struct compare_reset {
	const char *lane, *method, *device_a, *device_b;
	const char *state; /* as in a report's resets[]; "" = unknown */
	const struct reset_row *a, *b; /* NULL = never tried in that run */
	struct compare_row row; /* COMPARE_RESETS */
	bool as_step; /* these are the executions of one step: its failures' row is their row */
};

struct comparison {
	struct arena arena;
	const struct run_view *a, *b;
	struct compare_margins margins;
	enum compare_result result;
	size_t count[COMPARE_SAME + 1]; /* rows; worse and better resets, changes of the machine */
	struct compare_row *v; /* the worst first */
	size_t n, cap, ntests;
	struct compare_reset *resets;
	size_t nresets, resets_cap;
	bool has_diff;
	struct machine_diff diff; /* of the snapshots, when has_diff */
	const char *no_diff; /* why there is none */
	struct compare_fact {
		const char *name, *before, *after;
	} * facts; /* of the host, that differ; when has_diff is false */
	size_t nfacts, facts_cap;
	const char **notes; /* sentences */
	size_t nnotes, notes_cap;
};

/*
 * `a` before, `b` after: both judged, with their stores open, and staying until compare_finish. Every time
 * of one row of both is in memory at once: 8 bytes each (model/run_times.h).
 */
int compare_runs(const struct run_view *a, const struct run_view *b,
	const struct compare_margins *margins, struct comparison *out, struct err *err) must_check;
void compare_finish(struct comparison *c);
extern const struct compare_margins compare_margins_default;
/* 0 good or same, 1 worse, 3 cannot tell. */
int compare_exit_code(const struct comparison *c);
/* One line: "start took 2.1 s, was 1.2 s; and 2 more". The comparison's. */
const char *compare_sentence(struct comparison *c);

#endif

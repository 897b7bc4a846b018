/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_COMPARE_PARTS_H
#define VFIO_STRESS_ENGINE_COMPARE_PARTS_H

#include "engine/compare.h"

#define NO_MATCH SIZE_MAX

/* Which lane of `a` is which of `b`, by index. */
struct lane_match {
	size_t *b_of; /* NO_MATCH = none; one for each lane of a */
	size_t *a_of;
};

void compare_note(struct comparison *c, const char *fmt, ...) printf_like(2, 3);
struct compare_row *compare_add(struct comparison *c, enum compare_what what);

/* By name, then what is left by place, which is said; what has no partner becomes a row. */
void compare_match_lanes(struct comparison *c, struct lane_match *out);
/* The device of the other run's lane: where it was, else the same model, else the only one. */
const char *compare_match_device(
	struct comparison *c, size_t lane_a, size_t lane_b, const char *device, bool to_b);
/* The row of the same name on the same device; NULL = there is none. `to_b`: row is of a. */
const struct step_row *compare_match_step(
	struct comparison *c, size_t lane_a, size_t lane_b, const struct step_row *row, bool to_b);

/* Rows, with p and what else is known before all tests are. */
int compare_steps(struct comparison *c, const struct lane_match *m, struct err *err) must_check;
int compare_incidents(struct comparison *c, const struct lane_match *m, struct err *err) must_check;
/* What each method did, by state; once there are the rows of the steps. */
void compare_resets(struct comparison *c, const struct lane_match *m);
/* "lane gpu, ", or nothing when there is only one; " 0000:41:00.0 (now 0000:42:00.0)". */
const char *compare_lane_part(struct comparison *c, const char *lane);
const char *compare_device_part(struct comparison *c, const char *a, const char *b);
/* How many cycles of a lane one of n takes, in the run in which it takes more. */
double compare_cycles_each(
	const struct comparison *c, size_t lane_a, size_t lane_b, struct share a, struct share b);

/* Once p_adjusted is known: the result and the reason. */
void compare_judge(struct comparison *c, struct compare_row *row);
/* Once all rows are judged. */
void compare_judge_reset(struct comparison *c, struct compare_reset *reset);

int compare_environment(struct comparison *c, struct err *err) must_check;

#endif

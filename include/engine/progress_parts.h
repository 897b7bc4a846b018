/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_PROGRESS_PARTS_H
#define VFIO_STRESS_ENGINE_PROGRESS_PARTS_H

#include "base/vec.h"
#include "engine/screen.h"
#include "model/scenario.h"

#include <pthread.h>

/* The insides of struct progress, shared by progress.c and progress_block.c. */

#define TIMES_KEPT 9 /* of a step, the newest ones: odd, for their median */

/* How long a step took, on one device. */
struct step_time {
	uint8_t phase;
	int32_t step;
	char subject[64];
	uint64_t n; /* that were seen */
	int64_t ns[TIMES_KEPT];
};

/* What a lane is at. */
struct lane_now {
	const char *name; /* printable */
	char subject[64];
	uint32_t cycle, done, failed;
	uint64_t incidents;
	char what
		[64]; /* the step's word, or what it does between two; "" = nothing that has a name */
	char device[64];
	uint8_t phase;
	int32_t step; /* in its list; -1 = none */
	int64_t since_ns; /* of that */
	int64_t bound_ns; /* for that, 0 = none is known */
	int64_t done_ns; /* from the run's begin to the end of the newest cycle that is done */
	bool seen, over;
	VEC(struct step_time) times;
};

#define PAST_LINES 8

/* A line of the time before somebody looked. */
struct past_line {
	int64_t at_ns;
	enum tint tint;
	char *text;
};

struct progress {
	const struct scenario *sc;
	struct screen screen;
	bool quiet, stopping;
	pthread_mutex_t lock; /* log lines come from other threads */
	char run[32]; /* "" = not begun */
	int64_t begun_ns, last_line_ns;
	int64_t at_ns; /* of what is being told, 0 = now */
	uint64_t incidents, over_budget, failures;
	uint32_t newest; /* incident; lower ones are told again */
	int64_t burst_ns; /* when the present burst of incidents began */
	unsigned burst, hidden;
	bool in_past;
	struct past_line past[PAST_LINES]; /* by time, the last ones */
	size_t npast, past_dropped;
	size_t nlanes;
	int name_width, subject_width; /* columns */
	struct lane_now lanes[LANES_MAX];
};

/* progress_block.c: fills the screen's block and draws it. */
void progress_draw(struct progress *p);
/* Until all is done; -1 = cannot be told yet. Of one lane, of the slowest one. */
int64_t progress_lane_left_ns(const struct progress *p, const struct lane_now *l, int64_t elapsed);
/* ", about 9m left": of so long; what is waited for, when it is something else. */
void progress_left_text(const struct progress *p, int64_t left, struct str *s);
/* "reset 0000:41:00.0" */
void progress_where_text(const struct lane_now *l, struct str *s);
const char *progress_seconds(int64_t ns, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_UNFINISHED_H
#define VFIO_STRESS_MODEL_UNFINISHED_H

#include "model/field.h"
#include "model/store.h"

/* A run that has no end in the store, or one whose reports were not written. Free with unfinished_finish. */
struct unfinished {
	int64_t run;
	char id[RUN_ID_MAX];
	char host[256], boot_id[40]; /* where, and in which boot, it was last alive */
	char machine_id[40]; /* "" = not known */
	pid_t pid;
	bool alive; /* its process is there */
	bool ended; /* only its reports are due */
	bool simulated;
	int64_t began_ns; /* wall: the run, or since it went on after its host died */
	int64_t started_ns; /* wall: the run */
	int64_t alive_ns; /* its last sign of life */
	int64_t alive_mono_ns; /* the same by the clock of that boot; 0 = not known */
	uint64_t host_crashes; /* that are in the store already */
	uint64_t records, incidents;
	uint64_t last_seq; /* of the kernel's log, as far as it was stored; usec -1 = nothing was */
	int64_t last_usec, last_wall_ns;
	struct arena arena;
	const char *scenario_text, *settings; /* settings: engine/stored_settings.h */
	struct run_call {
		const char *cwd, *path; /* of the program; of the scenario. "" = not known */
		struct strings reports; /* as --report had them */
		const char *known_dumps; /* of other crashes: engine/crashlog.h; NULL = not known */
	} call;
};

/* The oldest first; 0 = of all runs. Heap: an array of *n_out, each to be finished. */
int store_unfinished(struct store *s, int64_t run, struct unfinished **out, size_t *n_out,
	struct err *err) must_check;
void unfinished_finish(struct unfinished *u);

/* How it was called, for the one who goes on with it. */
int store_run_call(
	struct store *s, int64_t run, const struct run_call *call, struct err *err) must_check;

/* After one more crash: from now on these `call.known_dumps` count. */
int store_run_dumps(struct store *s, int64_t run, const char *known, struct err *err) must_check;

/* The records that are there now are of boots that are over: what comes next is of another log. */
int store_run_log_begins(struct store *s, int64_t run, struct err *err) must_check;

/* Where a lane was when its run ended without a word. */
struct lane_trail {
	bool over; /* it had said how it ended */
	bool open; /* `last` is the begin of a step that has no end */
	struct event last; /* of a step or cycle; EV_NONE = it had not begun any */
	bool this_boot; /* `last` is of the boot that the host died in, not of one before */
	uint32_t cycle; /* the last one that began */
	bool in_after; /* it had come to `after` */
};

int store_lane_trail(struct store *s, int64_t run, uint32_t lane, struct lane_trail *out,
	struct err *err) must_check;

/* The last `max` records of the kernel's log that were stored, oldest first. Heap texts. */
int store_log_tail(struct store *s, int64_t run, struct incident_line *lines, size_t max,
	size_t *n_out, struct err *err) must_check;

/* The last one that begins with that, heap; NULL = there is none. */
int store_last_line(
	struct store *s, int64_t run, const char *prefix, char **out, struct err *err) must_check;

/*
 * From now on this process, in this boot, is the run's. -1 (ERR_REFUSED) when it is not as it was
 * found: somebody else has done so, or has ended it.
 */
int store_run_take_over(struct store *s, const struct unfinished *u, const char *boot_id,
	struct err *err) must_check;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_RESUME_H
#define VFIO_STRESS_ENGINE_RESUME_H

#include "engine/supervise.h"
#include "model/unfinished.h"

struct rules;
struct store;

struct resume_request {
	const struct host *host;
	const char *db; /* NULL = default */
	bool report_only; /* no run goes on, whatever its scenario says */
	bool quiet;
	bool said; /* what became of the run was said and told already, and could not be stored */
	bool store_is_shut; /* nobody has said anything yet, because the store could not be opened */
	struct spare *spare; /* engine/spare.h: to tell when the store cannot be written */
	const char *tool_version;
};

enum resume_answer {
	RESUME_LEFT, /* alone: it is alive, or of another host; `err` says so */
	RESUME_ENDED, /* judged and reported */
	RESUME_GOES_ON, /* the run's host died, and `req` is for supervise() */
};

/* What is made of one unfinished run. Zeroed = nothing; free with resumed_finish. */
struct resumed {
	struct run_request req;
	int exit_code; /* RESUME_ENDED: as of `run` */
	bool stored; /* its end is in the store */
	bool refused; /* RESUME_ENDED: the disk did not take its end, which a later try may do */

	/* what req points to */
	struct run_past past;
	struct run_view *view;
	struct lane_trail *trails;
	struct scenario *scenario; /* NULL: this program cannot read it any more */
	struct rules *rules;
	bool rules_lost; /* those of its own cannot be read any more */
	struct setting *settings;
	struct report_spec *reports;
	struct arena arena;
};

/*
 * Looks at a run without an end: has its host died, or only its process? Writes down what can be
 * known of that, takes back its changes, and ends it, unless it is to go on. `run` must live as long as
 * `out`. -1: the store could not be read or written (ERR_IO); then what is known was said, told and
 * reported all the same.
 */
int resume_run(const struct resume_request *r, struct store *store, const struct unfinished *run,
	struct resumed *out, enum resume_answer *answer, struct err *err) must_check;
void resumed_finish(struct resumed *r);
/*
 * That alone, of the run `which` (NULL = of all), and what waits for receivers: in the spare copy of the store
 * `from`, which is NULL when it cannot be opened. `why`: it cannot be written. -1: not all is told.
 */
int resume_tell(const struct resume_request *q, struct store *from, const char *which,
	const struct err *why, struct err *err) must_check;
/* What is left to do where no copy can be had: files alone. The store may be open as STORE_ALONE. */
void resume_report_unstored(const struct resume_request *q, struct store *store,
	const struct unfinished *run, const struct err *why);

/*
 * A run that was to go on cannot, or shall not (`outcome` ABORTED): its lanes end with `why`, and it is
 * reported. Returns the exit code of `run`.
 */
int resume_give_up(
	const struct run_request *req, struct store *store, enum outcome outcome, const char *why);

#endif

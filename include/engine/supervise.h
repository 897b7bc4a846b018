/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SUPERVISE_H
#define VFIO_STRESS_ENGINE_SUPERVISE_H

#include "model/outcome.h"
#include "model/scenario.h"
#include "world/host.h"

struct check_row;
struct report_spec;
struct rules;
struct topology;

struct lane_trail;
struct run_view;

/* What a run has behind it that goes on after its host died. */
struct run_past {
	int64_t run; /* its key in the store */
	const char *id;
	const struct run_view *view; /* as it was found */
	const struct lane_trail *trails; /* one per lane */
	uint64_t over; /* a bit per lane that is not begun again */
	uint64_t records, incidents; /* in the store */
	int64_t spent_ns; /* since it was started */
	uint64_t host_crashes;
	char how[DETAIL_MAX]; /* the host died the last time */
};

/* What `run` asks for. Everything stays the caller's. */
struct run_request {
	const struct host *host;
	const struct scenario *scenario;
	const struct rules *rules; /* for the kernel log */
	const struct setting *settings;
	size_t nsettings;
	const char *db; /* --db, NULL = default */
	const struct report_spec *reports; /* --report, beside the scenario's */
	size_t nreports;
	const struct topology *machine; /* as it is now; NULL = it could not be read */
	char *const *notes; /* what preflight says, for the report */
	size_t nnotes;
	const struct check_row *checks; /* its answers, of a new run */
	size_t nchecks;
	const char *tool_version;
	bool quiet;
	int64_t term_patience_ms; /* after a SIGTERM; 0 = as documented */
	/* Optional: the run is in the store, and goes on from here. */
	void (*begun)(void *arg, const char *run_id);
	void *begun_arg;
	const struct run_past *past; /* NULL: a new run */
	bool *stored_out; /* optional: the run's end is in the store */
	/*
	 * Optional: a parent's watchdog, beside the service manager's. The last sign of life of the loop
	 * (clock_mono_ns); in the future: until then none is to be expected.
	 */
	_Atomic int64_t *alive_ns;
};

/* Of all its reports, those of the command line first; NULL behind the last. */
const struct report_spec *run_request_report(const struct run_request *req, size_t i);

/* Runs the scenario from preparation to reports. Returns the exit code of `run`. */
int supervise(const struct run_request *req);

#endif

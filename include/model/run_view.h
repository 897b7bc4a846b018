/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_RUN_VIEW_H
#define VFIO_STRESS_MODEL_RUN_VIEW_H

#include "base/mem.h"
#include "model/event.h"
#include "model/incident.h"
#include "world/pcidev.h"

struct baseline_result;
struct store;

/* Facts of the host at the start; any may be "" (unknown). */
struct host_facts {
	const char *name, *kernel, *cmdline, *bios, *board, *cpu, *microcode, *qemu, *libvirt;
};

/* One row of the report's steps[]: a step of a list on one device. */
struct step_row {
	enum phase phase;
	uint32_t index;
	const char *name, *word, *arg; /* arg NULL = none */
	const char *device; /* BDF, NULL for a VM step */
	uint64_t count, failed, broken, skipped, aborted; /* the rest of the count passed */
	int64_t p50_ms, p95_ms, max_ms; /* -1 = nothing ran */
	int64_t total_ms; /* of all that ran */
	/* From the trigger of a reset until its device answered again; count 0 = never known. */
	struct usable {
		uint64_t count;
		int64_t p50_ms, p95_ms, max_ms;
	} usable;
};

/* One row of the report's resets[]: a method on a device, while somebody or nobody had that. */
struct reset_row {
	size_t lane;
	const char *device, *method;
	enum device_use use;
	uint64_t tried, worked; /* tried: passed or failed */
	int64_t p50_ms, p95_ms, max_ms; /* of all that were tried */
};

struct lane_row {
	const char *name, *domain; /* domain NULL = none */
	enum verdict verdict;
	const char *reason; /* "" = none */
	bool ended; /* it said how it ended */
	enum outcome end; /* how: pass = all its cycles, aborted = was told to stop */
	struct pcidev *devices;
	size_t ndevices;
	uint64_t cycles_done, cycles_failed;
	struct step_row *steps;
	size_t nsteps;
};

struct failure_row {
	int32_t lane;
	int32_t cycle; /* 0 in before, -1 in after */
	const char *step; /* word */
	int32_t step_index;
	const char *device; /* NULL = none */
	enum outcome outcome;
	const char *reason, *detail, *advice;
};

/* One answer of preflight when the run began: NULL = none of that. */
struct check_row {
	const char *id; /* "iommu.groups" */
	const char *device, *domain, *item; /* whom it is about */
	const char *result; /* "ok", "warn", "unknown", "fail" */
	const char *asks, *seen; /* seen, of "unknown": why it cannot be told */
	const char *meaning, *advice;
};

#define PREFLIGHT_ROWS_MAX 4000 /* a machine with 16 GPUs has 500 */

#define FAILURES_SHOWN_MAX  1000 /* more are counted */
#define INCIDENTS_SHOWN_MAX 2000

/* An immutable snapshot of one stored run: all that a report needs. Free with run_view_free. */
struct run_view {
	struct arena arena;
	struct store
		*store; /* its rows' (model/run_rows.h), as long as that is open; NULL = none */
	int64_t key; /* of the run in there */
	enum verdict verdict;
	int exit_code;
	bool simulated, boots_proved, ended;
	bool running; /* not ended, and its process is there: no verdict is final */
	const char *id, *scenario, *scenario_text, *tool_version, *boot_id;
	const char *settings; /* --set: "NAME=VALUE" a line */
	const char *verdict_reason; /* one sentence: why this verdict */
	bool has_previous;
	enum verdict previous; /* of the run before it, of this scenario on this host */
	const char *aborted; /* why it was cut short, "" = it was not */
	int64_t started_ns, ended_ns; /* wall; ended_ns of a dead run = its last sign of life */
	uint64_t seed;
	struct host_facts host;
	struct lane_row *lanes;
	size_t nlanes;
	struct check_row *checks; /* the worst first */
	size_t nchecks;
	struct reset_row *resets; /* in the order of the lanes' steps, then by use */
	size_t nresets;
	struct failure_row *failures;
	size_t nfailures;
	uint64_t failures_total;
	/* culprits first: over budget, of a lane, by severity, then by time */
	struct incident *incidents;
	size_t nincidents; /* the worst, at most INCIDENTS_SHOWN_MAX */
	struct {
		uint64_t all, severity[SEV_FATAL + 1], tolerated, over_budget;
	} totals; /* of all that were to be listed */
	uint64_t expected_events; /* recognised inside the step that causes them */
	uint64_t info_events; /* incidents of severity info, counted only */
	uint64_t klog_records, klog_lost;
	bool blind;
	const char *blind_reason; /* "" = not blind */
	struct strings_row {
		const char **v;
		size_t n;
	} blind_spots, notes, undo_left;
	struct strings_row left; /* that something was left when it ended; undo_left is as of now */
	/* Against what was marked as its baseline when it ended; NULL = nothing was. */
	const struct baseline_result *baseline;
};

/*
 * `which`: an id, a unique prefix of one, or "latest". The verdicts are filled in by verdict_judge,
 * a pure function of the rest.
 */
int run_view_load(
	struct store *store, const char *which, struct run_view **out, struct err *err) must_check;
/* Of a view whose store is open: does the run go on? */
int run_view_goes_on(const struct run_view *view, bool *out, struct err *err) must_check;
void run_view_free(struct run_view *view);
uint64_t step_row_passed(const struct step_row *s);
/*
 * What the last run of a scenario on a host came to, of those that began before the run `before`:
 * 1, or 0 when there is none, -1 on error. One that never ended, and is over, was aborted.
 */
int run_last_verdict(struct store *store, const char *scenario, const char *host, int64_t before,
	enum verdict *out, struct err *err) must_check;

#endif

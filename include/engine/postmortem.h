/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_POSTMORTEM_H
#define VFIO_STRESS_ENGINE_POSTMORTEM_H

#include "engine/crashlog.h"
#include "model/incident.h"
#include "model/unfinished.h"

struct rules;
struct run_view;
struct scenario;

/* How the host of a run died, found out after its reboot. */
struct postmortem {
	const struct unfinished *run;
	const struct run_view *view;
	const struct lane_trail *trails; /* one per lane of the view */
	struct crashlog log;
	char *dumps; /* that are known now: crashlog_dumps */
	VEC(struct incident) incidents; /* what the log says; numbered behind those of the run */
	uint64_t suspects; /* a bit per lane: in one of them it happened */
	int64_t died_ns; /* wall; its last sign of life */
	char text[DETAIL_MAX]; /* "host died in lane gpu, cycle 3, step reset, 4.2 seconds in" */
};

/* Reads the evidence, and judges it as the scenario says. Slow, and needs no store. */
void postmortem_look(const struct host *host, const struct rules *rules,
	const struct scenario *scenario, const struct unfinished *run, const struct run_view *view,
	const struct lane_trail *trails, struct postmortem *out);
/* Within a transaction of the caller: records, incidents, ends of the open steps, EV_HOST_DIED. */
int postmortem_store(const struct postmortem *p, const struct rules *rules, struct store *store,
	struct err *err) must_check;
/* The end of this lane, when the run, or the lane, does not go on. */
int postmortem_end_lane(
	const struct postmortem *p, uint32_t lane, struct store *store, struct err *err) must_check;
void postmortem_finish(struct postmortem *p);

#endif

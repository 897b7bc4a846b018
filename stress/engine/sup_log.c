/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/budget.h"
#include "engine/progress.h"
#include "engine/writer.h"
#include "klog/klog.h"

#include <stdlib.h>
#include <string.h>

#define MARKER_PREFIX "vfio-stress "
#define REWRITE_NS    NS_PER_S /* an incident that keeps changing is written once a second */

/* ---- attribution ---- */

static void locate(
	void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	struct supervisor *s = arg;
	struct whereabouts at[LANES_MAX];
	size_t i;

	(void)seq; /* records are fed in order, between the boundaries: now is the moment */
	for (i = 0; i < s->nlanes; i++)
		at[i] = s->lanes[i].at;
	place_find(at, s->nlanes, &s->topology, bdf, id, clock_mono_ns(), out);
}

/* ---- incidents ---- */

static bool is_iommu_fault(const char *id)
{
	return str_starts(id, "dmar.") || str_starts(id, "amdvi.");
}

/* After an IOMMU fault the lane's tail is longer, because the kernel's limiter holds faults back. */
static void lengthen_tail(struct supervisor *s, const struct incident *inc)
{
	struct sup_lane *lane;

	if (!is_iommu_fault(inc->id) || inc->place.lane < 0)
		return;
	lane = &s->lanes[inc->place.lane];
	if (lane->at.step_open && lane->open_step.flags & EVENT_DISRUPTIVE)
		lane->iommu_fault = true;
	else if (lane->at.tail_until_ns != 0)
		lane->at.tail_until_ns += TAIL_IOMMU_NS - TAIL_NS;
}

/* How many occurrences are new since this incident was looked at last. */
static uint64_t fresh_count(struct supervisor *s, const struct incident *inc)
{
	uint64_t fresh;

	while (s->counted.n < inc->no) {
		*vec_push(&s->counted) = 0;
		*vec_push(&s->written_ns) = 0;
	}
	fresh = inc->count - s->counted.v[inc->no - 1];
	s->counted.v[inc->no - 1] = inc->count;
	return fresh;
}

/* Sets tolerated and over_budget. What was over once stays over: the flag is kept in `was_over`. */
static void judge(struct supervisor *s, struct incident *inc, uint64_t fresh)
{
	const struct pcidev *dev = inc->has_bdf ? pcidev_find(&s->topology, inc->bdf) : NULL;
	enum budget_answer answer = BUDGET_NONE;

	if (inc->expected)
		return;
	if (fresh > 0 || s->req->scenario->ntolerate > 0)
		answer = budgets_spend(
			s->budgets, inc, dev, fresh, clock_mono_ns(), clock_wall_ns());
	if (answer == BUDGET_NONE)
		inc->over_budget = inc->severity >= SEV_ERROR && inc->place.in_lane;
	else
		inc->over_budget = answer == BUDGET_OVER;
	inc->tolerated = answer == BUDGET_WITHIN;
}

/* With `on-failure: stop` an incident over budget ends the lane like a failed step does. */
static void stop_lane_of(struct supervisor *s, const struct incident *inc)
{
	if (inc->place.lane < 0 || s->req->scenario->on_failure != ON_FAILURE_STOP)
		return;
	lane_proc_order(&s->lanes[inc->place.lane].proc, ORDER_STOP, STOP_FAILED);
}

static void changed(void *arg, const struct incident *inc)
{
	struct supervisor *s = arg;
	struct incident judged = *inc;
	uint64_t fresh = fresh_count(s, inc);
	int64_t now = clock_mono_ns(), *written = &s->written_ns.v[inc->no - 1];
	bool first = *written == 0, was_over = *written < 0;

	judged.expected |= inc->place.expected;
	judge(s, &judged, fresh);
	if (was_over) { /* a window that has moved on does not take a failure back */
		judged.over_budget = true;
		judged.tolerated = false;
	}
	if (first)
		lengthen_tail(s, &judged);
	if (!first && !inc->closed && judged.over_budget == was_over &&
		now - llabs(*written) < REWRITE_NS)
		return;
	writer_incident(s->writer, &judged);
	if ((first || judged.over_budget != was_over) && !judged.expected)
		progress_incident(s->progress, &judged);
	if (judged.over_budget && !was_over)
		stop_lane_of(s, &judged);
	*written = judged.over_budget ? -now : now;
}

/* ---- the log ---- */

void sup_log_open(struct supervisor *s)
{
	const struct klog_hooks hooks = {.locate = locate, .changed = changed, .arg = s};
	const struct scenario *sc = s->req->scenario;

	s->klog = klog_new(s->req->rules, &hooks);
	s->budgets = budgets_new(sc->tolerate, sc->ntolerate);
	if (kmsg_open(s->req->host->kmsg, &s->kmsg, &s->kmsg_err) != 0)
		s->kmsg = NULL; /* blind, which is said and judged; not a reason not to run */
}

/* Is it our own line of this run? Its number proves how far the log is read. */
static bool note_marker(struct supervisor *s, const struct klog_rec *rec)
{
	char prefix[64];
	const char *text;

	if (rec->facility == 0 || !str_starts(rec->text, MARKER_PREFIX))
		return false;
	snprintf(prefix, sizeof(prefix), MARKER_PREFIX "%s ", s->run_id);
	if (!str_starts(rec->text, prefix))
		return false;
	text = strrchr(rec->text, '#');
	if (text != NULL)
		s->marker_seen = strtoull(text + 1, NULL, 10);
	return true;
}

static void take(struct supervisor *s, const struct klog_rec *rec)
{
	struct klog_rec stamped = *rec;

	s->last_seq = rec->seq;
	if (s->writer == NULL)
		return;
	if (stamped.wall_ns == 0)
		stamped.wall_ns = clock_wall_ns();
	writer_record(s->writer, &stamped);
	if (!note_marker(s, &stamped))
		klog_feed(s->klog, &stamped);
}

void sup_log_drain(struct supervisor *s, uint64_t up_to)
{
	if (s->kmsg == NULL)
		return;
	for (;;) {
		if (!s->has_held && !kmsg_next(s->kmsg, &s->held))
			return;
		s->has_held = s->held.seq > up_to;
		if (s->has_held)
			return;
		take(s, &s->held);
	}
}

void sup_log_mark(struct supervisor *s, const char *text, bool force)
{
	int64_t now = clock_mono_ns();
	char line[256];
	struct err err;

	if (s->kmsg == NULL || (!force && now - s->last_marker_ns < NS_PER_S))
		return;
	s->last_marker_ns = now;
	snprintf(line, sizeof(line), MARKER_PREFIX "%s %s #%llu", s->run_id, text,
		(unsigned long long)++s->marker_no);
	if (kmsg_mark(s->req->host->kmsg, line, &err) != 0)
		log_debug("kmsg", "%s", err.msg);
}

void sup_log_tick(struct supervisor *s)
{
	klog_tick(s->klog, clock_mono_ns());
}

/* A second witness covers no gap in this version: every loss is blindness. */
void sup_log_account(struct supervisor *s, struct klog_account *out)
{
	struct klog_account a = {0};
	struct kmsg_status st = {0};

	if (s->kmsg != NULL)
		kmsg_get_status(s->kmsg, &st);
	a.records = st.records;
	a.lost = st.lost;
	a.blind = true;
	if (s->kmsg == NULL)
		snprintf(a.reason, sizeof(a.reason), "the kernel log cannot be read: %s",
			s->kmsg_err.msg);
	else if (st.failed)
		snprintf(a.reason, sizeof(a.reason), "reading the kernel log failed: %s",
			st.err.msg);
	else if (kmsg_is_device(s->kmsg) && s->marker_seen < s->marker_no)
		snprintf(a.reason, sizeof(a.reason),
			"our own marker did not come back from the kernel log"
			" (is the kernel booted with printk.devkmsg=off?)");
	else if (st.lost > 0)
		snprintf(a.reason, sizeof(a.reason),
			"%llu kernel log records were lost (a larger log_buf_len helps)",
			(unsigned long long)st.lost);
	else
		a.blind = false;
	*out = a;
}

void sup_log_close(struct supervisor *s)
{
	if (s->has_held && s->writer != NULL)
		take(s, &s->held);
	s->has_held = false;
	if (s->klog != NULL && s->writer != NULL)
		klog_flush(s->klog);
	klog_free(s->klog);
	budgets_free(s->budgets);
	kmsg_close(s->kmsg);
	vec_finish(&s->counted);
	vec_finish(&s->written_ns);
	s->klog = NULL;
	s->budgets = NULL;
	s->kmsg = NULL;
}

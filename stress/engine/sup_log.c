/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/budget.h"
#include "engine/crowd.h"
#include "engine/progress.h"
#include "engine/telling.h"
#include "engine/writer.h"
#include "klog/klog.h"
#include "klog/rules.h"
#include "klog/sighting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An incident that keeps changing is written so often: seldomer when many do, for the disk's sake. */
#define TICK_MIN_NS (5 * NS_PER_MS)
#define TICK_MAX_NS (100 * NS_PER_MS)
#define TICK_COSTS  50 /* an interval is so many times as long as a tick took */
/* In a storm the loop turns to lanes, timers and signals after so long, or so many records. */
#define SLICE_NS      (5 * NS_PER_MS)
#define SLICE_RECORDS 32 /* between two looks at the clock */

/* ---- attribution ---- */

/* What names no device can be of any lane that runs; what a QEMU says, of its own. */
static void all_whereabouts(const struct supervisor *s, struct whereabouts at[LANES_MAX])
{
	size_t i;

	for (i = 0; i < s->nlanes; i++) {
		at[i] = s->lanes[i].at;
		at[i].running &= s->speaker == NULL || s->speaker == &s->lanes[i];
	}
}

static void locate(
	void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	struct supervisor *s = arg;
	struct whereabouts at[LANES_MAX];

	(void)seq; /* records are fed in order, between the boundaries: now is the moment */
	all_whereabouts(s, at);
	place_find(at, s->nlanes, &s->topology, bdf, id, clock_mono_ns(), out);
}

/* The port that tells is not the culprit, when it can only mean one device of ours. */
static void look_below(const struct supervisor *s, struct incident *inc)
{
	const struct rule *rule = rules_find(s->req->rules, inc->id);
	struct whereabouts at[LANES_MAX];
	struct bdf port = inc->bdf;

	if (rule == NULL || !rule->means_below || !inc->has_bdf || inc->has_reporter)
		return;
	all_whereabouts(s, at);
	if (!place_below(at, s->nlanes, &s->topology, port, &inc->bdf))
		return;
	inc->has_reporter = true;
	inc->reporter = port;
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
	else if (clock_mono_ns() < lane->at.tail_until_ns)
		lane->at.tail_until_ns = lane->at.tail_begin_ns + TAIL_IOMMU_NS;
}

/* Sets tolerated and over_budget. A window that has moved on does not take a failure back. */
static void judge(struct supervisor *s, struct incident *inc, struct judged *before)
{
	const struct pcidev *dev = inc->has_bdf ? pcidev_find(&s->topology, inc->bdf) : NULL;
	struct budget_use use;

	if (inc->expected)
		return;
	use = budgets_spend(
		s->budgets, inc, dev, inc->count - before->count, clock_mono_ns(), clock_wall_ns());
	if (use.answer == BUDGET_NONE)
		inc->over_budget = inc->severity >= SEV_ERROR &&
			(inc->place.in_lane || s->req->scenario->bystanders == BYSTANDERS_FAIL);
	else
		inc->over_budget = use.answer == BUDGET_OVER;
	inc->over_budget |= before->over_budget;
	inc->tolerated = use.answer == BUDGET_WITHIN && !inc->over_budget;
	if (use.answer == BUDGET_NONE)
		return;
	if (before->seen < use.seen)
		before->seen = use.seen;
	use.seen = before->seen;
	budget_text(&use, inc->budget, sizeof(inc->budget));
}

/* With `on-failure: stop` an incident over budget ends the lane like a failed step does. */
static void stop_lane_of(struct supervisor *s, const struct incident *inc)
{
	if (inc->place.lane < 0 || s->req->scenario->on_failure != ON_FAILURE_STOP)
		return;
	lane_proc_order(&s->lanes[inc->place.lane].proc, ORDER_STOP, STOP_FAILED);
}

static struct judged *judged_of(struct supervisor *s, const struct incident *inc)
{
	struct judged *j = &s->judged[inc->slot];

	if (j->no != inc->no)
		*j = (struct judged){.no = inc->no};
	return j;
}

/* Into the store: itself, or the one that stands for all of its id that are too many. */
static void keep(struct supervisor *s, struct judged *before, struct incident *now)
{
	uint64_t more = now->count - before->count;
	bool begins = !before->known || (now->over_budget && !before->over_budget);

	if (before->stored_no == 0 && begins && crowd_keeps(s->crowd, now, clock_mono_ns()))
		before->stored_no = ++s->incidents;
	if (before->stored_no == 0) {
		crowd_gather(s->crowd, now, more, !before->known);
		before->gathered += more;
		return;
	}
	now->no = before->stored_no;
	now->count -= before->gathered;
	writer_incident(s->writer, now);
}

static void keep_gathered(struct supervisor *s)
{
	struct incident *inc;

	while ((inc = crowd_next(s->crowd)) != NULL) {
		if (inc->no == 0)
			inc->no = ++s->incidents;
		writer_incident(s->writer, inc);
		writer_note(s->writer, "note", CROWD_NOTE);
	}
}

static void changed(void *arg, const struct incident *inc)
{
	struct supervisor *s = arg;
	struct judged *before = judged_of(s, inc);
	struct incident now = *inc;

	now.expected = place_expects(inc);
	look_below(s, &now);
	judge(s, &now, before);
	if (!before->known)
		lengthen_tail(s, &now);
	if ((!before->known || now.over_budget != before->over_budget) && !now.expected)
		progress_incident(s->progress, &now);
	if (now.over_budget && !before->over_budget) {
		telling_incident(s->telling, &now);
		stop_lane_of(s, &now);
	}
	keep(s, before, &now);
	before->count = inc->count;
	before->known = true;
	before->over_budget = now.over_budget;
}

/* ---- the log ---- */

void sup_log_open(struct supervisor *s)
{
	const struct klog_hooks hooks = {.locate = locate, .changed = changed, .arg = s};
	const struct scenario *sc = s->req->scenario;

	s->klog = klog_new(s->req->rules, &hooks);
	s->budgets = budgets_new(sc->tolerate, sc->ntolerate);
	if (s->req->past != NULL)
		budgets_recall(s->budgets, s->req->past->view, &s->topology,
			clock_wall_ns() - clock_mono_ns());
	s->crowd = crowd_new();
	s->judged = xcalloc(KLOG_OPEN_MAX, sizeof(*s->judged));
	s->incidents = s->req->past != NULL ? (uint32_t)s->req->past->incidents : 0;
	if (kmsg_open(s->req->host->kmsg, &s->kmsg, &s->kmsg_err) != 0)
		s->kmsg = NULL; /* blind, which is said and judged; not a reason not to run */
}

/* Our own lines of this run are numbered, which proves how far the log is read. */
static void note_marker(struct supervisor *s, const struct klog_rec *rec)
{
	char prefix[64];
	const char *number;

	snprintf(prefix, sizeof(prefix), MARKER_PREFIX "%s ", s->run_id);
	if (rec->facility == 0 || !str_starts(rec->text, prefix))
		return;
	number = strrchr(rec->text, '#');
	if (number != NULL)
		s->marker_seen = strtoull(number + 1, NULL, 10);
}

static void take(struct supervisor *s, const struct klog_rec *rec)
{
	struct klog_rec stamped = *rec;
	uint64_t next = s->last_seq + 1;

	s->last_seq = rec->seq;
	if (s->writer == NULL)
		return;
	s->records++;
	/* a number that goes back is a log that began anew (the seam) */
	if (next > 1 && rec->seq > next)
		s->records_lost += rec->seq - next;
	if (stamped.wall_ns == 0)
		stamped.wall_ns = clock_wall_ns();
	writer_record(s->writer, &stamped);
	note_marker(s, &stamped);
	klog_feed(s->klog, &stamped);
}

/* Takes the next record that is not behind the boundary; false when there is none. */
static bool take_next(struct supervisor *s, uint64_t up_to)
{
	if (!s->has_held && !kmsg_next(s->kmsg, &s->held))
		return false;
	s->has_held = s->held.seq > up_to;
	if (s->has_held)
		return false;
	take(s, &s->held);
	return true;
}

void sup_log_tick(struct supervisor *s)
{
	int64_t every;

	s->ticked_ns = clock_mono_ns();
	klog_tick(s->klog, s->ticked_ns);
	keep_gathered(s);
	every = (clock_mono_ns() - s->ticked_ns) * TICK_COSTS;
	s->tick_every_ns = every < TICK_MIN_NS ? TICK_MIN_NS
		: every > TICK_MAX_NS          ? TICK_MAX_NS
					       : every;
}

static void on_tick(void *arg)
{
	sup_log_tick(arg);
}

/* At once, but in a storm not more often than is cheap. */
static void tick_soon(struct supervisor *s)
{
	int64_t due = s->ticked_ns + s->tick_every_ns;

	if (clock_mono_ns() >= due)
		sup_log_tick(s);
	else if (!s->tick.set)
		loop_timer_set(s->loop, &s->tick, due, on_tick, s);
}

bool sup_log_drain(struct supervisor *s, uint64_t up_to)
{
	int64_t until = clock_mono_ns() + SLICE_NS;
	uint64_t n = 0;
	bool more;

	if (s->kmsg == NULL)
		return true;
	while ((more = take_next(s, up_to)))
		if (++n % SLICE_RECORDS == 0 && clock_mono_ns() >= until)
			break;
	if (n > 0)
		tick_soon(s);
	return !more;
}

void sup_log_stop(struct supervisor *s)
{
	struct kmsg_status st;

	if (s->kmsg == NULL)
		return;
	kmsg_stop(s->kmsg);
	while (!sup_log_drain(s, UINT64_MAX))
		;
	/* behind the last one that was kept */
	kmsg_get_status(s->kmsg, &st);
	if (st.read_seq > s->last_seq)
		s->records_lost += st.read_seq - s->last_seq;
}

void sup_log_qemu_line(const struct sup_lane *lane, const char *line)
{
	struct supervisor *s = lane->sup;
	struct klog_rec rec = {
		.usec = -1, .level = 255, .origin = ORIGIN_QEMU, .wall_ns = clock_wall_ns()};

	str_set(rec.text, line);
	rec.len = (uint16_t)strlen(rec.text);
	writer_record(s->writer, &rec);
	s->speaker = lane;
	klog_feed(s->klog, &rec);
	s->speaker = NULL;
	tick_soon(s);
}

void sup_log_sight(struct supervisor *s, struct sighting *seen, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		locate(s, seen[i].has_bdf ? &seen[i].bdf : NULL, "aer.bus-error", s->last_seq,
			&seen[i].place);
		klog_sight(s->klog, &seen[i]);
	}
	if (n > 0)
		tick_soon(s);
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

/* Lost records are blindness, unless other witnesses would have seen what they told. */
static bool account_gap(struct supervisor *s, struct klog_account *a)
{
	const char *why = sup_witness_uncovered(s);
	char text[DETAIL_MAX];

	if (why != NULL) {
		snprintf(a->reason, sizeof(a->reason),
			"%llu kernel log records were lost, and no second witness covers them: %s"
			" (a larger log_buf_len helps)",
			(unsigned long long)a->lost, why);
		return true;
	}
	snprintf(text, sizeof(text),
		"%llu kernel log records were lost: meanwhile PCIe errors were counted and DMA "
		"faults "
		"traced, but what else the kernel said is not known; boot with a larger "
		"log_buf_len",
		(unsigned long long)a->lost);
	sup_witness_blind_spot(s, text);
	return false;
}

void sup_log_account(struct supervisor *s, struct klog_account *out)
{
	struct klog_account a = {0};
	struct kmsg_status st = {0};
	uint64_t dropped;

	if (s->kmsg != NULL)
		kmsg_get_status(s->kmsg, &st);
	dropped = s->writer != NULL ? writer_dropped(s->writer) : 0;
	/* lines of QEMU are among the dropped */
	a.records = s->records > dropped ? s->records - dropped : 0;
	a.records += s->req->past ? s->req->past->records : 0;
	a.lost = s->records_lost + st.missed_first + dropped;
	a.blind = true;
	if (s->kmsg == NULL)
		snprintf(a.reason, sizeof(a.reason), "the kernel log cannot be read: %s%s%s",
			s->kmsg_err.msg, s->kmsg_err.hint[0] != '\0' ? ": " : "", s->kmsg_err.hint);
	else if (st.failed)
		snprintf(a.reason, sizeof(a.reason), "reading the kernel log failed: %s",
			st.err.msg);
	else if (kmsg_is_device(s->kmsg) && s->marker_seen < s->marker_no)
		snprintf(a.reason, sizeof(a.reason),
			"our own marker did not come back from the kernel log (%s)",
			a.lost > 0 ? "records were lost: a larger log_buf_len helps"
				   : "is the kernel booted with printk.devkmsg=off?");
	else if (dropped > 0)
		snprintf(a.reason, sizeof(a.reason),
			"%llu kernel log records were lost, some because the "
			"store's disk was too slow or nearly full, or refused them",
			(unsigned long long)a.lost);
	else
		a.blind = a.lost > 0 && account_gap(s, &a);
	*out = a;
}

void sup_log_close(struct supervisor *s)
{
	if (s->klog != NULL && s->writer != NULL)
		klog_flush(s->klog);
	if (s->crowd != NULL && s->writer != NULL)
		keep_gathered(s);
	klog_free(s->klog);
	budgets_free(s->budgets);
	crowd_free(s->crowd);
	kmsg_close(s->kmsg);
	free(s->judged);
	s->klog = NULL;
	s->budgets = NULL;
	s->crowd = NULL;
	s->judged = NULL;
	s->kmsg = NULL;
}

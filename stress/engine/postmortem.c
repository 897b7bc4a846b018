/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/postmortem.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/budget.h"
#include "engine/place.h"
#include "klog/klog.h"
#include "klog/rules.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "world/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON "host-died"
#define RULE   "host.died"

/* By so much two clocks must differ over the same time, for one of them to have been set. */
#define CLOCK_STEP_NS NS_PER_S

/* ---- where the lanes were ---- */

static const struct step_row *row_of(const struct run_view *view, const struct event *ev)
{
	const struct lane_row *lane = &view->lanes[ev->lane];
	size_t i;

	for (i = 0; i < lane->nsteps; i++)
		if (lane->steps[i].phase == (enum phase)ev->phase &&
			(int64_t)lane->steps[i].index == ev->step)
			return &lane->steps[i];
	return NULL;
}

static const char *word_of(const struct postmortem *p, const struct lane_trail *t)
{
	const struct step_row *row = t->open ? row_of(p->view, &t->last) : NULL;

	return row ? row->word : "between";
}

static struct whereabouts whereabouts_of(const struct postmortem *p, size_t lane)
{
	const struct lane_trail *t = &p->trails[lane];
	const struct step_row *row = t->open ? row_of(p->view, &t->last) : NULL;
	struct whereabouts at = {
		.devices = p->view->lanes[lane].devices,
		.ndevices = p->view->lanes[lane].ndevices,
		.running = !t->over,
		.phase = (enum phase)t->last.phase,
		.cycle = t->last.cycle,
		.step_open = t->open,
		.word = word_of(p, t),
		.arg = row ? row->arg : NULL,
		.step_index = t->open ? t->last.step : -1,
	};

	at.on_device = t->open && bdf_parse(t->last.subject, &at.device);
	return at;
}

/* ---- what the log says ---- */

struct reading {
	struct postmortem *p;
	struct pcidev_list topology;
	struct whereabouts at[LANES_MAX];
};

static void locate(
	void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	struct reading *r = arg;

	(void)seq; /* all of it came after the last thing that was stored */
	place_find(r->at, r->p->view->nlanes, &r->topology, bdf, id, 0, out);
}

/* The last state of each is what counts. */
static void changed(void *arg, const struct incident *inc)
{
	struct reading *r = arg;
	struct incident *mine = NULL;
	uint32_t no = inc->no + (uint32_t)r->p->run->incidents;

	vec_foreach (known, &r->p->incidents)
		if (known->no == no)
			mine = known;
	if (mine != NULL)
		incident_finish(mine);
	else
		mine = vec_push(&r->p->incidents);
	incident_copy(mine, inc);
	mine->no = no;
	mine->expected = place_expects(inc);
}

/* As when it had been seen while the run was alive, behind all that was. */
static void judge(struct reading *r, const struct scenario *sc)
{
	struct budgets *budgets = budgets_new(sc->tolerate, sc->ntolerate);

	budgets_recall(budgets, r->p->view, &r->topology, 0);
	vec_foreach (inc, &r->p->incidents) {
		const struct pcidev *dev =
			inc->has_bdf ? pcidev_find(&r->topology, inc->bdf) : NULL;
		struct budget_use use;

		if (inc->expected)
			continue;
		use = budgets_spend(budgets, inc, dev, inc->count, r->p->died_ns, r->p->died_ns);
		inc->tolerated = use.answer == BUDGET_WITHIN;
		inc->over_budget = use.answer == BUDGET_OVER;
		if (use.answer == BUDGET_NONE)
			inc->over_budget = inc->severity >= SEV_ERROR &&
				(inc->place.in_lane || sc->bystanders == BYSTANDERS_FAIL);
		else
			budget_text(&use, inc->budget, sizeof(inc->budget));
	}
	budgets_free(budgets);
}

static void classify_log(struct postmortem *p, const struct host *host, const struct rules *rules,
	const struct scenario *sc)
{
	struct reading r = {.p = p};
	const struct klog_hooks hooks = {.locate = locate, .changed = changed, .arg = &r};
	struct klog *klog;
	struct err err;
	size_t i;

	/* without it devices are told apart by their addresses alone */
	if (pcidev_scan(host, &r.topology, &err) != 0)
		r.topology = (struct pcidev_list){0};
	for (i = 0; i < p->view->nlanes; i++)
		r.at[i] = whereabouts_of(p, i);
	klog = klog_new(rules, &hooks);
	vec_foreach (rec, &p->log.recs)
		klog_feed(klog, *rec);
	klog_flush(klog);
	klog_free(klog);
	judge(&r, sc);
	pcidev_list_finish(&r.topology);
}

/* ---- who it was ---- */

static bool is_suspicious(const struct incident *inc)
{
	return inc->severity >= SEV_ERROR && !inc->expected && inc->has_bdf && inc->place.lane >= 0;
}

/* Those whose devices the log accuses. */
static uint64_t accused(const struct postmortem *p)
{
	uint64_t lanes = 0;

	vec_foreach (inc, &p->incidents)
		if (is_suspicious(inc) && !p->trails[inc->place.lane].over)
			lanes |= UINT64_C(1) << inc->place.lane;
	return lanes;
}

/* 2: in a disruptive step, 1: in another one, 0: between two. */
static int suspicion(const struct lane_trail *t)
{
	return !t->open ? 0 : t->last.flags & EVENT_DISRUPTIVE ? 2 : 1;
}

static uint64_t most_suspicious(const struct postmortem *p)
{
	uint64_t lanes = 0;
	int most = -1;
	size_t i;

	for (i = 0; i < p->view->nlanes; i++) {
		int now = suspicion(&p->trails[i]);

		if (p->trails[i].over || now < most)
			continue;
		if (now > most)
			lanes = 0;
		most = now;
		lanes |= UINT64_C(1) << i;
	}
	return lanes;
}

/* The device that is suspected: of the step, of the log, or the only one of the lane. */
static bool suspect_of(const struct postmortem *p, uint32_t lane, struct bdf *out)
{
	const struct lane_row *row = &p->view->lanes[lane];

	if (p->trails[lane].open && bdf_parse(p->trails[lane].last.subject, out))
		return true;
	vec_foreach (inc, &p->incidents)
		if (is_suspicious(inc) && inc->place.lane == (int32_t)lane) {
			*out = inc->bdf;
			return true;
		}
	if (row->ndevices != 1)
		return false;
	*out = row->devices[0].bdf;
	return true;
}

/* ---- when, and in which words ---- */

/* A heartbeat comes once a second; the kernel may have spoken after the last one. */
static int64_t last_sign(const struct postmortem *p)
{
	int64_t last = p->run->alive_ns;
	size_t i, n = p->log.recs.n - p->log.nfirmware;

	for (i = 0; i < n; i++)
		if (p->log.recs.v[i]->wall_ns > last)
			last = p->log.recs.v[i]->wall_ns;
	return last;
}

/*
 * By the boot's own clock, of which the log's last lines have no times, when the other was set. -1: the
 * last sign of life is from before this lane came there.
 */
static int64_t time_in(const struct postmortem *p, uint32_t lane)
{
	const struct lane_trail *t = &p->trails[lane];
	int64_t ns = p->died_ns - t->last.wall_ns;
	int64_t by_wall = p->run->alive_ns - t->last.wall_ns;
	int64_t by_boot = p->run->alive_mono_ns - t->last.mono_ns;

	if (t->this_boot && p->run->alive_mono_ns > 0 && llabs(by_wall - by_boot) > CLOCK_STEP_NS)
		ns = by_boot;
	if (t->last.kind == EV_NONE)
		ns = p->died_ns - p->run->began_ns;
	return ns < 0 ? -1 : ns;
}

/* "lane gpu, cycle 3, step reset, 4.2 seconds in" */
static void add_place(const struct postmortem *p, uint32_t lane, struct str *out)
{
	const struct lane_trail *t = &p->trails[lane];
	int64_t ns = time_in(p, lane), tenths = ns / (NS_PER_S / 10);

	str_addf(out, "lane %s, ", p->view->lanes[lane].name);
	if (t->last.phase == PHASE_CYCLE)
		str_addf(out, "cycle %u, ", t->last.cycle);
	else
		str_addf(out, "%s, ", t->last.phase == PHASE_AFTER ? "after" : "before");
	if (t->open)
		str_addf(out, "step %s, ", word_of(p, t));
	else
		str_add(out, "between two steps, ");
	if (ns < 0)
		str_add(out, "less than 2 seconds in"); /* a heartbeat comes each second */
	else
		str_addf(out, "%" PRId64 ".%" PRId64 " seconds in", tenths / 10, tenths % 10);
}

/* What stopped the kernel, in its own words. */
static const char *last_words(const struct postmortem *p)
{
	vec_foreach (inc, &p->incidents)
		if (str_starts(inc->id, "host.") && inc->severity == SEV_FATAL)
			return incident_line(inc);
	return NULL;
}

static void make_text(struct postmortem *p)
{
	const char *words = last_words(p);
	const char *join = "host died in ";
	struct str text = {0};
	uint32_t i;

	for (i = 0; i < p->view->nlanes; i++)
		if (p->suspects >> i & 1) {
			str_add(&text, join);
			add_place(p, i, &text);
			join = ", or in ";
		}
	if (p->suspects == 0)
		str_add(&text, "host died when all lanes had ended");
	if (words != NULL)
		str_addf(&text, "; its kernel said: %.200s", words);
	else if (p->log.recs.n == p->log.nfirmware)
		str_add(&text, "; its kernel left no last words");
	str_set(p->text, text.s);
	str_finish(&text);
}

/* Wall time when the boot that runs now began; now when that is not known. */
static int64_t boot_began_ns(const struct host *host)
{
	int64_t now = clock_wall_ns();
	char text[64];
	struct err err;

	/* "12.34 5.67": seconds, proc_uptime(5) */
	if (host_read(host, "/proc/uptime", text, sizeof(text), &err) != 0)
		return now;
	return now - strtoll(text, NULL, 10) * NS_PER_S;
}

void postmortem_look(const struct host *host, const struct rules *rules,
	const struct scenario *scenario, const struct unfinished *run, const struct run_view *view,
	const struct lane_trail *trails, struct postmortem *out)
{
	const struct crashlog_question q = {
		.host = host,
		.boot_id = run->boot_id,
		.known_dumps = run->call.known_dumps,
		.since_ns = run->began_ns,
		.until_ns = boot_began_ns(host),
		.after_seq = run->last_seq,
		.after_usec = run->last_usec,
		.after_wall_ns = run->last_wall_ns,
	};

	*out = (struct postmortem){.run = run, .view = view, .trails = trails};
	out->dumps = crashlog_dumps(host);
	crashlog_read(&q, &out->log);
	out->died_ns = last_sign(out);
	classify_log(out, host, rules, scenario);
	out->suspects = accused(out);
	if (out->suspects == 0)
		out->suspects = most_suspicious(out);
	make_text(out);
}

void postmortem_finish(struct postmortem *p)
{
	vec_foreach (inc, &p->incidents)
		incident_finish(inc);
	vec_finish(&p->incidents);
	crashlog_finish(&p->log);
	free(p->dumps);
}

/* ---- into the store ---- */

static const char advice[] = "the device of this step is the suspect: read the last lines of the "
			     "kernel in the report, the "
			     "BMC's event log, and BERT; then try it alone";

static bool only_one(uint64_t lanes)
{
	return lanes != 0 && (lanes & (lanes - 1)) == 0;
}

static void place_incident(const struct postmortem *p, struct incident *inc)
{
	inc->place = (struct place){.lane = -1,
		.candidates = p->suspects,
		.cycle = -1,
		.step_index = -1,
		.in_lane = true};
	if (!only_one(p->suspects))
		return;
	uint32_t lane = (uint32_t)__builtin_ctzll(p->suspects);
	struct whereabouts at = whereabouts_of(p, lane);

	place_of_lane(&at, (int32_t)lane, &inc->place);
	inc->place.in_lane = true;
	inc->has_bdf = suspect_of(p, lane, &inc->bdf);
}

/* Our own last line in the kernel's log: newer than what is stored, when the crash left some. */
static int add_marker(
	const struct postmortem *p, struct store *store, struct incident *inc, struct err *err)
{
	auto_free char *prefix = xasprintf(MARKER_PREFIX "%s ", p->run->id);
	auto_free char *marker = NULL;
	size_t i;

	for (i = p->log.recs.n - p->log.nfirmware; marker == NULL && i-- > 0;)
		if (str_starts(p->log.recs.v[i]->text, prefix))
			marker = xstrdup(p->log.recs.v[i]->text);
	if (marker == NULL && store_last_line(store, p->run->run, prefix, &marker, err) != 0)
		return -1;
	incident_add_field(inc, "last_marker", marker != NULL ? VALUE_STRING : VALUE_NULL,
		marker != NULL ? marker : "");
	return 0;
}

static int add_fields(
	const struct postmortem *p, struct store *store, struct incident *inc, struct err *err)
{
	struct str sources = {0};
	char when[40];

	str_add(&sources, "");
	vec_foreach (source, &p->log.sources)
		str_addf(&sources, "%s%s", sources.len ? "\n" : "", *source);
	incident_add_field(inc, "boot_id", VALUE_STRING, p->run->boot_id);
	incident_add_field(inc, "evidence", VALUE_STRINGS, sources.s);
	incident_add_field(inc, "last_heartbeat", VALUE_STRING,
		clock_rfc3339(p->run->alive_ns, when, sizeof(when)));
	str_finish(&sources);
	return add_marker(p, store, inc, err);
}

/* The last lines of its kernel, those that had been stored before in front. */
static int add_lines(
	const struct postmortem *p, struct store *store, struct incident *inc, struct err *err)
{
	size_t all = p->log.recs.n - p->log.nfirmware, i;
	size_t n = all < INCIDENT_FIRST_LINES ? all : INCIDENT_FIRST_LINES;

	if (store_log_tail(store, p->run->run, inc->first, INCIDENT_FIRST_LINES - n, &inc->nfirst,
		    err) != 0)
		return -1;
	for (i = all - n; i < all; i++) {
		const struct klog_rec *rec = p->log.recs.v[i];

		inc->first[inc->nfirst++] = (struct incident_line){rec->seq, xstrdup(rec->text)};
	}
	inc->telling = inc->nfirst > 0 ? inc->nfirst - 1 : 0;
	return 0;
}

static int store_death(
	const struct postmortem *p, const struct rules *rules, struct store *store, struct err *err)
{
	const struct rule *rule = rules_find(rules, RULE);
	struct incident inc = {
		.no = (uint32_t)p->run->incidents + (uint32_t)p->incidents.n + 1,
		.id = RULE,
		.severity = SEV_FATAL,
		.over_budget = true,
		.count = 1,
		.first_seq = p->run->last_seq,
		.last_seq = p->run->last_seq + p->log.recs.n,
		.first_wall_ns = p->died_ns,
		.last_wall_ns = p->died_ns,
		.seen_by = "boot-id",
	};
	int rc;

	if (rule != NULL) {
		inc.meaning = xstrdup(rule->meaning);
		inc.advice = xstrdup(rule->advice);
	}
	place_incident(p, &inc);
	rc = add_fields(p, store, &inc, err);
	if (rc == 0)
		rc = add_lines(p, store, &inc, err);
	if (rc == 0)
		rc = store_incident(store, p->run->run, &inc, err);
	incident_finish(&inc);
	return rc;
}

static int store_log(const struct postmortem *p, struct store *store, struct err *err)
{
	const struct klog_account account = {.records = p->run->records + p->log.recs.n};

	vec_foreach (rec, &p->log.recs)
		if (store_record(store, p->run->run, *rec, err) != 0)
			return -1;
	vec_foreach (inc, &p->incidents)
		if (store_incident(store, p->run->run, inc, err) != 0)
			return -1;
	return store_run_klog(store, p->run->run, &account, err);
}

/* Of a lane that is suspected also between two steps: then it is a step of its own. */
static int end_step(const struct postmortem *p, uint32_t lane, struct store *store, struct err *err)
{
	const struct lane_trail *t = &p->trails[lane];
	bool suspect = p->suspects >> lane & 1;
	struct event ev = t->last;

	if (t->over || (!t->open && !suspect))
		return 0;
	ev.lane = lane;
	ev.kind = EV_STEP_END;
	ev.outcome = suspect ? OUTCOME_FAIL : OUTCOME_ABORTED;
	ev.flags &= (uint16_t)~EVENT_ACK;
	ev.wall_ns = p->died_ns;
	ev.dur_ns = t->open && time_in(p, lane) > 0 ? time_in(p, lane) : 0;
	if (!t->open) {
		ev.step = -1;
		ev.subject[0] = '\0';
	}
	str_set(ev.reason, REASON);
	str_set(ev.text, p->text);
	str_set(ev.hint, suspect ? advice : "");
	return store_event(store, p->run->run, &ev, p->run->last_seq, err);
}

static int say_evidence(const struct postmortem *p, struct store *store, struct err *err)
{
	struct str text = {0};
	int rc;

	if (p->log.sources.n == 0)
		return store_note(store, p->run->run, "blind-spot",
			"why the host died is not known: neither pstore nor /var/crash nor a kept "
			"journal has its last words (`vfio-stress preflight` says how to have "
			"them)",
			err);
	str_addf(&text, "what is known of the host's death is from: ");
	vec_foreach (source, &p->log.sources)
		str_addf(&text, "%s%s", source == p->log.sources.v ? "" : "; ", *source);
	rc = store_note(store, p->run->run, "note", text.s, err);
	str_finish(&text);
	return rc;
}

static int store_crash(const struct postmortem *p, struct store *store, struct err *err)
{
	struct event ev = {
		.kind = EV_HOST_DIED,
		.step = -1,
		.code = (uint32_t)p->run->host_crashes + 1,
		.mono_ns = clock_mono_ns(),
		.wall_ns = clock_wall_ns(),
	};

	str_set(ev.text, p->text);
	return store_event(store, p->run->run, &ev, p->run->last_seq, err);
}

int postmortem_store(
	const struct postmortem *p, const struct rules *rules, struct store *store, struct err *err)
{
	uint32_t i;

	if (store_death(p, rules, store, err) != 0 || store_log(p, store, err) != 0 ||
		say_evidence(p, store, err) != 0 || store_crash(p, store, err) != 0)
		return -1;
	for (i = 0; i < p->view->nlanes; i++)
		if (end_step(p, i, store, err) != 0)
			return -1;
	return 0;
}

int postmortem_end_lane(
	const struct postmortem *p, uint32_t lane, struct store *store, struct err *err)
{
	struct event ev = {
		.kind = EV_LANE_END,
		.lane = lane,
		.step = -1,
		.outcome = p->suspects >> lane & 1 ? OUTCOME_FAIL : OUTCOME_ABORTED,
		.mono_ns = clock_mono_ns(),
		.wall_ns = p->died_ns,
	};

	if (p->trails[lane].over)
		return 0;
	str_set(ev.reason, REASON);
	str_set(ev.text, p->text);
	return store_event(store, p->run->run, &ev, p->run->last_seq, err);
}

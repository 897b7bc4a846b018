/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/event.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "model/store.h"
#include "reporters/options.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * OCP Test & Validation Output 2.0: one JSON object a line. A test step is a row of a lane's steps: it
 * lasts from its first execution to the end of the run, because the kernel log may tell of it late,
 * and how long each execution took is its measurement series. Step 0 is the run as a whole.
 *
 * What is known only at the end (incidents, the verdict) is written then, so a run that is followed
 * gives the same bytes as one that was stored.
 */
struct step_state {
	const struct lane_row *lane;
	const struct step_row *row;
	bool started, told_skip, failed;
	uint64_t elements;
};

struct stream {
	const struct run_view *run;
	FILE *out;
	struct run_rows *events;
	struct step_state *steps; /* [0] is the run */
	size_t nsteps;
	uint64_t sequence;
	int64_t now_ns; /* of what is written: never goes back */
};

/* ---- artifacts ---- */

static void stamp(struct json_t *artifact, struct stream *s)
{
	char time[40];

	jout_int(artifact, "sequenceNumber", (int64_t)s->sequence++);
	jout_text(artifact, "timestamp", clock_rfc3339(s->now_ns, time, sizeof(time)));
	jout_write(artifact, s->out);
	putc('\n', s->out);
}

static void put_run(struct stream *s, const char *kind, struct json_t *content)
{
	struct json_t *artifact = jout_object(), *inner = jout_object();

	jout_put(inner, kind, content);
	jout_put(artifact, "testRunArtifact", inner);
	stamp(artifact, s);
}

static void put_id(struct json_t *obj, const char *key, size_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", id);
	jout_text(obj, key, text);
}

static void put_step(
	struct stream *s, const struct step_state *step, const char *kind, struct json_t *content)
{
	struct json_t *artifact = jout_object(), *inner = jout_object();

	put_id(inner, "testStepId", (size_t)(step - s->steps));
	jout_put(inner, kind, content);
	jout_put(artifact, "testStepArtifact", inner);
	stamp(artifact, s);
}

/* Optional members are left out, never null: schemas made from the specification refuse null. */
static void put_known(struct json_t *obj, const char *key, const char *text)
{
	if (text != NULL && *text != '\0')
		jout_text(obj, key, text);
}

static void put_log(
	struct stream *s, const struct step_state *step, const char *severity, const char *message)
{
	struct json_t *log = jout_object();

	jout_text(log, "severity", severity);
	jout_text(log, "message", message);
	put_step(s, step, "log", log);
}

/* ---- the device under test ---- */

static void push_software(struct json_t *list, size_t *id, const char *name, const char *version,
	const char *type, const char *host)
{
	struct json_t *o;

	if (*version == '\0')
		return;
	o = jout_object();
	put_id(o, "softwareInfoId", (*id)++);
	put_known(o, "computerSystem", host);
	jout_text(o, "name", name);
	jout_text(o, "version", version);
	jout_text(o, "softwareType", type);
	jout_push(list, o);
}

static struct json_t *software(const struct run_view *run)
{
	const struct host_facts *h = &run->host;
	struct json_t *list = jout_array();
	size_t id = 0;

	push_software(list, &id, "vfio-stress", run->tool_version, "APPLICATION", h->name);
	push_software(list, &id, "Linux", h->kernel, "SYSTEM", h->name);
	push_software(list, &id, "QEMU", h->qemu, "SYSTEM", h->name);
	push_software(list, &id, "libvirt", h->libvirt, "SYSTEM", h->name);
	push_software(list, &id, "BIOS", h->bios, "FIRMWARE", h->name);
	push_software(list, &id, "CPU microcode", h->microcode, "FIRMWARE", h->name);
	return list;
}

static struct json_t *hardware(const struct run_view *run)
{
	struct json_t *list = jout_array();
	char text[BDF_LEN];
	size_t i, d, id = 0;

	for (i = 0; i < run->nlanes; i++)
		for (d = 0; d < run->lanes[i].ndevices; d++) {
			const struct pcidev *dev = &run->lanes[i].devices[d];
			auto_free char *name = xasprintf("%s%s[%04x:%04x]", dev->name,
				dev->name[0] ? " " : "", dev->vendor, dev->device);
			struct json_t *o = jout_object();

			put_id(o, "hardwareInfoId", id++);
			put_known(o, "computerSystem", run->host.name);
			jout_text(o, "name", name);
			jout_text(o, "location", bdf_text(dev->bdf, text));
			snprintf(text, sizeof(text), "0x%02x", dev->revision);
			jout_text(o, "revision", text);
			jout_push(list, o);
		}
	return list;
}

/* A member that refers to the device, when it is one of the lanes'. */
static void put_hardware(struct json_t *obj, const struct run_view *run, const char *bdf)
{
	char text[BDF_LEN];
	size_t i, d, id = 0;

	for (i = 0; bdf != NULL && i < run->nlanes; i++)
		for (d = 0; d < run->lanes[i].ndevices; d++, id++)
			if (str_eq(bdf_text(run->lanes[i].devices[d].bdf, text), bdf)) {
				put_id(obj, "hardwareInfoId", id);
				return;
			}
}

static void push_platform(struct json_t *list, const char *text)
{
	struct json_t *o;

	if (*text == '\0')
		return;
	o = jout_object();
	jout_text(o, "info", text);
	jout_push(list, o);
}

static struct json_t *dut(const struct run_view *run)
{
	struct json_t *o = jout_object(), *platforms = jout_array(), *more = jout_object();

	jout_text(o, "dutInfoId", "0");
	put_known(o, "name", run->host.name);
	push_platform(platforms, run->host.board);
	push_platform(platforms, run->host.cpu);
	jout_put(o, "platformInfos", platforms);
	jout_put(o, "softwareInfos", software(run));
	jout_put(o, "hardwareInfos", hardware(run));
	put_known(more, "bootId", run->boot_id);
	put_known(more, "kernelCommandLine", run->host.cmdline);
	jout_put(o, "metadata", more);
	return o;
}

static void run_start(struct stream *s)
{
	const struct run_view *run = s->run;
	struct json_t *artifact = jout_object(), *version = jout_object(), *start = jout_object();
	struct json_t *parameters = jout_object();
	char seed[24];

	jout_int(version, "major", 2);
	jout_int(version, "minor", 0);
	jout_put(artifact, "schemaVersion", version);
	stamp(artifact, s);
	jout_text(start, "name", "vfio-stress");
	jout_text(start, "version", run->tool_version);
	/* which options stood there is not stored; what they led to is, in the parameters */
	jout_text(start, "commandLine", "vfio-stress run");
	jout_text(parameters, "run", run->id);
	jout_text(parameters, "scenario", run->scenario);
	put_known(parameters, "scenarioText", run->scenario_text);
	snprintf(seed, sizeof(seed), "%" PRIu64, run->seed); /* more than a double holds */
	jout_text(parameters, "seed", seed);
	jout_bool(parameters, "simulated", run->simulated);
	jout_put(start, "parameters", parameters);
	jout_put(start, "dutInfo", dut(run));
	put_run(s, "testRunStart", start);
}

/* ---- steps ---- */

static void start_step(struct stream *s, struct step_state *step)
{
	struct json_t *start, *series;
	struct str name = {0};

	if (step->started)
		return;
	step->started = true;
	start = jout_object();
	if (step->row == NULL)
		str_add(&name, "run");
	else
		str_addf(&name, "%s: %s step %" PRIu32 ": %s%s%s", step->lane->name,
			phase_name(step->row->phase), step->row->index + 1, step->row->name,
			step->row->device ? " " : "", step->row->device ? step->row->device : "");
	jout_text(start, "name", name.s);
	str_finish(&name);
	put_step(s, step, "testStepStart", start);
	if (step->row == NULL)
		return;
	series = jout_object();
	put_id(series, "measurementSeriesId", (size_t)(step - s->steps));
	jout_text(series, "name", "duration");
	jout_text(series, "unit", "us");
	put_hardware(series, s->run, step->row->device);
	put_step(s, step, "measurementSeriesStart", series);
}

/* By hand, because there are millions of them; no text of others is in it. */
static void put_element(struct stream *s, struct step_state *step, const struct event *ev)
{
	char when[40], now[40];
	size_t id = (size_t)(step - s->steps);

	fprintf(s->out,
		"{\"testStepArtifact\":{\"testStepId\":\"%zu\",\"measurementSeriesElement\":{"
		"\"index\":%" PRIu64 ",\"measurementSeriesId\":\"%zu\",\"value\":%" PRId64
		",\"timestamp\":\"%s\",\"metadata\":{\"cycle\":%" PRIu32 ",\"outcome\":\"%s\"}}},"
		"\"sequenceNumber\":%" PRIu64 ",\"timestamp\":\"%s\"}\n",
		id, step->elements++, id, ev->dur_ns / 1000,
		clock_rfc3339(ev->wall_ns, when, sizeof(when)), ev->cycle,
		outcome_name((enum outcome)ev->outcome), s->sequence++,
		clock_rfc3339(s->now_ns, now, sizeof(now)));
}

static struct step_state *step_of(
	struct stream *s, int64_t lane, enum phase phase, int64_t index, const char *device)
{
	size_t i;

	for (i = 1; i < s->nsteps; i++) {
		const struct step_state *step = &s->steps[i];

		if (step->lane - s->run->lanes == lane && step->row->phase == phase &&
			step->row->index == index &&
			(step->row->device == NULL || str_eq(step->row->device, device)))
			return &s->steps[i];
	}
	return &s->steps[0];
}

static void add_part(struct str *s, const char *before, const char *text)
{
	if (text != NULL && *text != '\0')
		str_addf(s, "%s%s", s->len ? before : "", text);
}

/* The device failed: a diagnosis. The tool, or its environment: an error. */
static void put_failure(struct stream *s, struct step_state *step, const struct failure_row *f)
{
	const char *reason = *f->reason ? f->reason : outcome_name(f->outcome);
	bool failed = f->outcome == OUTCOME_FAIL;
	struct json_t *o = jout_object();
	struct str message = {0};

	if (f->cycle > 0)
		str_addf(&message, "cycle %" PRId32, f->cycle);
	add_part(&message, ": ", f->detail);
	add_part(&message, "; do: ", f->advice);
	jout_text(o, failed ? "verdict" : "symptom", reason);
	if (failed)
		jout_text(o, "type", "FAIL");
	put_known(o, "message", message.s);
	if (failed)
		put_hardware(o, s->run, f->device);
	str_finish(&message);
	step->failed |= !failed;
	put_step(s, step, failed ? "diagnosis" : "error", o);
}

static void skipped(struct stream *s, struct step_state *step, const struct event *ev)
{
	auto_free char *text = NULL;

	if (step->told_skip)
		return;
	step->told_skip = true;
	text = xasprintf("skipped for the first time in cycle %" PRIu32 ": %s", ev->cycle,
		*ev->text ? ev->text : ev->reason);
	put_log(s, step, "INFO", text);
}

static void step_end(struct stream *s, struct step_state *step, const struct event *ev)
{
	const struct failure_row f = {.cycle = ev->phase == PHASE_AFTER ? -1 : (int32_t)ev->cycle,
		.device = strchr(ev->subject, ':') ? ev->subject : NULL,
		.outcome = (enum outcome)ev->outcome,
		.reason = ev->reason,
		.detail = ev->text,
		.advice = ev->hint};

	if (ev->outcome == OUTCOME_SKIPPED) {
		skipped(s, step, ev);
		return;
	}
	if (step->row != NULL)
		put_element(s, step, ev);
	if (ev->outcome == OUTCOME_FAIL || ev->outcome == OUTCOME_BROKEN)
		put_failure(s, step, &f);
	else if (ev->outcome == OUTCOME_ABORTED)
		put_log(s, step, "WARNING", *ev->text ? ev->text : "cut off");
}

static void put_event(struct stream *s, const struct event *ev)
{
	struct step_state *step;

	if (ev->wall_ns > s->now_ns)
		s->now_ns = ev->wall_ns;
	step = step_of(s, ev->lane, (enum phase)ev->phase, ev->step, ev->subject);
	start_step(s, step);
	if (ev->kind == EV_STEP_END)
		step_end(s, step, ev);
}

/* ---- the end ---- */

static struct step_state *step_of_failure(struct stream *s, const struct failure_row *f)
{
	enum phase phase = f->cycle > 0 ? PHASE_CYCLE : f->cycle == 0 ? PHASE_BEFORE : PHASE_AFTER;

	return step_of(s, f->lane, phase, f->step_index, f->device ? f->device : "");
}

/* Of a run that died the open steps; of a view without rows, all that it has. */
static void put_failures(struct stream *s)
{
	size_t i;

	for (i = 0; i < s->run->nfailures; i++) {
		const struct failure_row *f = &s->run->failures[i];
		struct step_state *step = step_of_failure(s, f);

		if (s->run->store != NULL && f->outcome != OUTCOME_ABORTED)
			continue;
		start_step(s, step);
		put_failure(s, step, f);
	}
}

static struct step_state *step_of_incident(struct stream *s, const struct incident *inc)
{
	const struct place *p = &inc->place;
	enum phase phase = p->cycle > 0 ? PHASE_CYCLE : p->cycle == 0 ? PHASE_BEFORE : PHASE_AFTER;
	char bdf[BDF_LEN];

	if (p->lane < 0 || p->step_index < 0)
		return &s->steps[0];
	return step_of(
		s, p->lane, phase, p->step_index, inc->has_bdf ? bdf_text(inc->bdf, bdf) : "");
}

static void incident_message(const struct incident *inc, struct str *out)
{
	str_addf(out, "%s, %s%" PRIu64 " time%s", severity_name(inc->severity),
		inc->count_is_lower_bound ? "at least " : "", inc->count,
		inc->count == 1 ? "" : "s");
	if (inc->place.cycle > 0)
		str_addf(out, ", cycle %" PRId32, inc->place.cycle);
	add_part(out, ", budget: ", inc->budget);
	add_part(out, "; kernel: ", incident_line(inc));
	add_part(out, "; means: ", inc->meaning);
	add_part(out, "; do: ", inc->advice);
}

/* What counts against the run is a diagnosis; the rest is told. */
static void put_incident(struct stream *s, const struct incident *inc)
{
	struct step_state *step = step_of_incident(s, inc);
	struct str message = {0};
	struct json_t *o;
	char bdf[BDF_LEN];

	start_step(s, step);
	incident_message(inc, &message);
	if (inc->over_budget) {
		o = jout_object();
		jout_text(o, "verdict", inc->id);
		jout_text(o, "type", "FAIL");
		jout_text(o, "message", message.s);
		put_hardware(o, s->run, inc->has_bdf ? bdf_text(inc->bdf, bdf) : NULL);
		put_step(s, step, "diagnosis", o);
	} else {
		auto_free char *text = xasprintf("%s%s%s%s: %s", inc->id,
			inc->has_bdf ? " of " : "", inc->has_bdf ? bdf_text(inc->bdf, bdf) : "",
			inc->tolerated ? " (tolerated)" : " (does not count)", message.s);

		put_log(s, step, inc->severity > SEV_INFO ? "WARNING" : "INFO", text);
	}
	str_finish(&message);
}

static void put_incidents(struct stream *s)
{
	uint64_t left = s->run->totals.all - s->run->nincidents;
	size_t i;

	for (i = 0; i < s->run->nincidents; i++)
		put_incident(s, &s->run->incidents[i]);
	if (s->run->totals.all > s->run->nincidents) {
		auto_free char *text = xasprintf("%" PRIu64 " more incidents are not listed", left);

		put_log(s, &s->steps[0], "WARNING", text);
	}
}

static struct json_t *measurement(const char *name)
{
	struct json_t *o = jout_object();

	jout_text(o, "name", name);
	return o;
}

static void put_count(struct stream *s, const char *name, uint64_t n)
{
	struct json_t *o = measurement(name);

	jout_int(o, "value", n > INT64_MAX ? INT64_MAX : (int64_t)n);
	put_step(s, &s->steps[0], "measurement", o);
}

static void put_blind(struct stream *s)
{
	struct json_t *o = measurement("blind"), *list = jout_array(), *v = jout_object();

	jout_text(v, "name", "all that the kernel said was seen");
	jout_text(v, "type", "EQUAL");
	jout_bool(v, "value", false);
	jout_push(list, v);
	jout_put(o, "validators", list);
	jout_bool(o, "value", s->run->blind);
	put_step(s, &s->steps[0], "measurement", o);
}

static void put_sentences(struct stream *s, const struct strings_row *rows, const char *severity)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		put_log(s, &s->steps[0], severity, rows->v[i]);
}

/* Of each lane; a failed one has its failures, and one that is not judged is neither. */
static void put_lane(struct stream *s, const struct lane_row *lane)
{
	auto_free char *verdict = xasprintf("lane-%s", verdict_name(lane->verdict));
	struct json_t *o = jout_object();
	struct str message = {0};
	char bdf[BDF_LEN];

	str_addf(&message, "lane %s: %" PRIu64 " cycles done, %" PRIu64 " failed", lane->name,
		lane->cycles_done, lane->cycles_failed);
	add_part(&message, "; ", lane->reason);
	jout_text(o, "verdict", verdict);
	jout_text(o, "type",
		lane->verdict == VERDICT_PASS           ? "PASS"
			: lane->verdict == VERDICT_FAIL ? "FAIL"
							: "UNKNOWN");
	jout_text(o, "message", message.s);
	if (lane->ndevices == 1)
		put_hardware(o, s->run, bdf_text(lane->devices[0].bdf, bdf));
	str_finish(&message);
	put_step(s, &s->steps[0], "diagnosis", o);
}

/* All evidence is in the store: the kernel log, the snapshot, the events. */
static void put_file(struct stream *s)
{
	auto_free char *path = s->run->store ? realpath(store_path(s->run->store), NULL) : NULL;
	struct str uri = {0};
	struct json_t *o;
	const char *c;

	if (path == NULL)
		return;
	str_add(&uri, "file://");
	for (c = path; *c != '\0'; c++) /* RFC 3986, 2.3 */
		if (strchr("-._~/", *c) != NULL || (*c >= '0' && *c <= '9') ||
			((*c | 32) >= 'a' && (*c | 32) <= 'z'))
			str_addn(&uri, c, 1);
		else
			str_addf(&uri, "%%%02X", (unsigned char)*c);
	o = jout_object();
	jout_text(o, "displayName", "store of runs");
	jout_text(o, "uri", uri.s);
	jout_text(o, "description",
		"every event and kernel log record; `vfio-stress report` makes reports of it");
	jout_text(o, "contentType", "application/vnd.sqlite3");
	jout_bool(o, "isSnapshot", !s->run->ended);
	str_finish(&uri);
	put_step(s, &s->steps[0], "file", o);
}

static void end_step(struct stream *s, struct step_state *step, const char *status)
{
	struct json_t *o;

	start_step(s, step);
	if (step->row != NULL) {
		o = jout_object();
		put_id(o, "measurementSeriesId", (size_t)(step - s->steps));
		jout_int(o, "totalCount", (int64_t)step->elements);
		put_step(s, step, "measurementSeriesEnd", o);
	}
	o = jout_object();
	jout_text(o, "status", status);
	put_step(s, step, "testStepEnd", o);
}

/* By the specification SKIP is also what did not run to its normal end. */
static const char *status_of(const struct step_state *step)
{
	const struct step_row *row = step->row;

	if (step->failed || row->broken > 0)
		return "ERROR";
	if (row->failed > 0)
		return "COMPLETE";
	return row->aborted > 0 || row->count == row->skipped ? "SKIP" : "COMPLETE";
}

/* The combinations that the specification allows; a run that died gave no answer. */
static void run_end(struct stream *s)
{
	static const struct {
		const char *status, *result;
	} ends[] = {
		[VERDICT_PASS] = {"COMPLETE", "PASS"},
		[VERDICT_FAIL] = {"COMPLETE", "FAIL"},
		[VERDICT_BROKEN] = {"ERROR", "NOT_APPLICABLE"},
		[VERDICT_SKIPPED] = {"SKIP", "NOT_APPLICABLE"},
		[VERDICT_ABORTED] = {"SKIP", "NOT_APPLICABLE"},
	};
	const struct run_view *run = s->run;
	struct json_t *o;

	if (run->verdict == VERDICT_BROKEN || run->verdict == VERDICT_ABORTED) {
		o = jout_object();
		jout_text(o, "symptom", run->blind ? "blind" : verdict_name(run->verdict));
		put_known(o, "message", run->verdict_reason);
		put_run(s, "error", o);
	}
	o = jout_object();
	jout_text(o, "status", run->ended ? ends[run->verdict].status : "ERROR");
	jout_text(o, "result",
		run->ended || run->verdict != VERDICT_FAIL ? ends[run->verdict].result
							   : "NOT_APPLICABLE");
	put_run(s, "testRunEnd", o);
}

static void put_run_facts(struct stream *s)
{
	const struct run_view *run = s->run;
	size_t i;

	put_count(s, "kernel log records", run->klog_records);
	put_count(s, "kernel log records lost", run->klog_lost);
	put_blind(s);
	put_sentences(s, &run->blind_spots, "WARNING");
	put_sentences(s, &run->notes, "INFO");
	put_sentences(s, &run->undo_left, "WARNING");
	for (i = 0; i < run->nlanes; i++)
		put_lane(s, &run->lanes[i]);
	put_file(s);
}

/* ---- the slots ---- */

/* The rows of both views of a run are the same ones. */
static void list_steps(struct stream *s)
{
	size_t i, k, n = 1;

	for (i = 0; i < s->run->nlanes; i++)
		n += s->run->lanes[i].nsteps;
	if (s->steps == NULL)
		s->steps = xcalloc(n, sizeof(*s->steps));
	s->nsteps = 1;
	for (i = 0; i < s->run->nlanes; i++)
		for (k = 0; k < s->run->lanes[i].nsteps; k++) {
			s->steps[s->nsteps].lane = &s->run->lanes[i];
			s->steps[s->nsteps++].row = &s->run->lanes[i].steps[k];
		}
}

static struct stream *stream_begin(const struct run_view *run, FILE *out)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->run = run;
	s->out = out;
	s->now_ns = run->started_ns;
	s->events = run_events(run, EVENTS_OF(EV_STEP_BEGIN) | EVENTS_OF(EV_STEP_END));
	list_steps(s);
	run_start(s);
	start_step(s, &s->steps[0]);
	return s;
}

static int stream_more(struct stream *s, struct err *err)
{
	struct event ev;
	int rc;

	while ((rc = run_events_next(s->events, &ev, err)) == 1)
		put_event(s, &ev);
	return rc;
}

static void write_end(struct stream *s)
{
	size_t i;

	if (s->run->ended_ns > s->now_ns)
		s->now_ns = s->run->ended_ns;
	put_failures(s);
	put_incidents(s);
	put_run_facts(s);
	for (i = 1; i < s->nsteps; i++)
		end_step(s, &s->steps[i], status_of(&s->steps[i]));
	end_step(s, &s->steps[0], s->run->ended ? "COMPLETE" : "ERROR");
	run_end(s);
}

static void stream_end(struct stream *s, const struct run_view *ended)
{
	if (ended != NULL) {
		s->run = ended;
		list_steps(s);
		write_end(s);
	}
	run_rows_free(s->events);
	free(s->steps);
	free(s);
}

/* A run that goes on has no end: so far. */
static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	struct stream *s = stream_begin(run, out);
	int rc = stream_more(s, err);

	(void)opts;
	stream_end(s, rc == 0 && !run->running ? run : NULL);
	return rc;
}

static const char *const endings[] = {".jsonl", ".ocp", ".json", NULL};

const struct reporter reporter_ocp = {
	.word = {.name = "ocp",
		.summary = "OCP Test & Validation Output 2.0, one JSON object a line",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
	.stream_begin = stream_begin,
	.stream_more = stream_more,
	.stream_end = stream_end,
};

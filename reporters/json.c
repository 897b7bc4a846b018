/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/json_report.h"

#include "base/str.h"
#include "model/baseline.h"
#include "model/run_view.h"
#include "reporters/options.h"
#include "reporters/reporters.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#define SCHEMA "vfio-stress/run/1" /* published as docs/schema/run-1.schema.json */

const struct json_cut json_uncut = {
	.failures = SIZE_MAX,
	.incidents = SIZE_MAX,
	.lanes = SIZE_MAX,
	.steps = SIZE_MAX,
	.sentences = SIZE_MAX,
	.first_lines = INCIDENT_FIRST_LINES,
	.last_lines = INCIDENT_LAST_LINES,
	.scenario_text = true,
	.good_checks = true,
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Counters are 64 bits unsigned, JSON's readers are not: what does not fit is unknown. */
static void put_count(struct json_t *obj, const char *key, uint64_t value)
{
	if (value > INT64_MAX)
		jout_null(obj, key);
	else
		jout_int(obj, key, (int64_t)value);
}

static void put_hex(struct json_t *obj, const char *key, unsigned digits, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", (int)digits, value);
	jout_text(obj, key, text);
}

static struct json_t *run_row(const struct run_view *run, const struct json_cut *cut)
{
	struct json_t *o = jout_object();

	jout_str(o, "id", run->id);
	jout_str(o, "scenario", run->scenario);
	jout_str(o, "scenario_text", cut->scenario_text ? run->scenario_text : NULL);
	jout_str(o, "tool_version", run->tool_version);
	jout_time(o, "started", run->started_ns);
	jout_time(o, "ended", run->ended_ns);
	jout_str(o, "boot_id", run->boot_id);
	put_count(o, "seed", run->seed);
	return o;
}

static struct json_t *host_row(const struct host_facts *host)
{
	struct json_t *o = jout_object();

	jout_str(o, "name", host->name);
	jout_str(o, "kernel", host->kernel);
	jout_str(o, "cmdline", host->cmdline);
	jout_str(o, "bios", host->bios);
	jout_str(o, "board", host->board);
	jout_str(o, "cpu", host->cpu);
	jout_str(o, "microcode", host->microcode);
	jout_str(o, "qemu", host->qemu);
	jout_str(o, "libvirt", host->libvirt);
	return o;
}

static struct json_t *device_row(const struct pcidev *dev)
{
	struct json_t *o = jout_object();
	char text[BDF_LEN];

	jout_text(o, "bdf", bdf_text(dev->bdf, text));
	put_hex(o, "vendor", 4, dev->vendor);
	put_hex(o, "device", 4, dev->device);
	snprintf(text, sizeof(text), "0x%04x:0x%04x", dev->subvendor, dev->subdevice);
	jout_str(o, "subsystem", dev->subvendor || dev->subdevice ? text : NULL);
	jout_str(o, "name", dev->name);
	put_hex(o, "revision", 2, dev->revision);
	return o;
}

static void put_ms(struct json_t *obj, const char *key, int64_t ms)
{
	if (ms < 0)
		jout_null(obj, key);
	else
		jout_int(obj, key, ms);
}

static struct json_t *spread_json(int64_t p50_ms, int64_t p95_ms, int64_t max_ms)
{
	struct json_t *o = jout_object();

	put_ms(o, "p50", p50_ms);
	put_ms(o, "p95", p95_ms);
	put_ms(o, "max", max_ms);
	return o;
}

static struct json_t *step_json(const struct step_row *step)
{
	struct json_t *o = jout_object();

	jout_text(o, "phase", phase_name(step->phase));
	jout_int(o, "index", step->index);
	jout_str(o, "name", step->name);
	jout_str(o, "word", step->word);
	jout_str(o, "arg", step->arg);
	jout_str(o, "device", step->device);
	put_count(o, "count", step->count);
	put_count(o, "failed", step->failed);
	put_count(o, "broken", step->broken);
	put_count(o, "skipped", step->skipped);
	put_count(o, "aborted", step->aborted);
	jout_put(o, "ms", spread_json(step->p50_ms, step->p95_ms, step->max_ms));
	jout_put(o, "usable_ms",
		step->usable.count > 0
			? spread_json(step->usable.p50_ms, step->usable.p95_ms, step->usable.max_ms)
			: spread_json(-1, -1, -1));
	return o;
}

static struct json_t *lane_json(const struct lane_row *lane, const struct json_cut *cut)
{
	struct json_t *o = jout_object(), *devices = jout_array(), *cycles = jout_object(),
		      *steps = jout_array();
	size_t i;

	jout_str(o, "name", lane->name);
	jout_str(o, "domain", lane->domain);
	jout_text(o, "verdict", verdict_name(lane->verdict));
	jout_str(o, "reason", lane->reason);
	for (i = 0; i < lane->ndevices; i++)
		jout_push(devices, device_row(&lane->devices[i]));
	jout_put(o, "devices", devices);
	put_count(cycles, "done", lane->cycles_done);
	put_count(cycles, "failed", lane->cycles_failed);
	jout_put(o, "cycles", cycles);
	for (i = 0; i < least(lane->nsteps, cut->steps); i++)
		jout_push(steps, step_json(&lane->steps[i]));
	jout_put(o, "steps", steps);
	return o;
}

static void put_lane(
	struct json_t *obj, const char *key, int32_t lane, const char *const *names, size_t n)
{
	jout_str(obj, key, lane >= 0 && (size_t)lane < n ? names[lane] : NULL);
}

static struct json_t *failure_json(
	const struct failure_row *f, const char *const *lanes, size_t nlanes)
{
	struct json_t *o = jout_object();

	put_lane(o, "lane", f->lane, lanes, nlanes);
	put_ms(o, "cycle", f->cycle);
	jout_str(o, "step", f->step);
	put_ms(o, "step_index", f->step_index);
	jout_str(o, "device", f->device);
	jout_text(o, "outcome", outcome_name(f->outcome));
	jout_str(o, "reason", f->reason);
	jout_str(o, "detail", f->detail);
	jout_str(o, "advice", f->advice);
	return o;
}

static struct json_t *split(const char *text, char separator)
{
	struct json_t *list = jout_array();

	while (*text != '\0') {
		const char *end = strchrnul(text, separator);
		auto_free char *part = xstrndup(text, (size_t)(end - text));

		jout_push_str(list, part);
		text = *end ? end + 1 : end;
	}
	return list;
}

static struct json_t *numbers(const char *text)
{
	struct json_t *list = jout_array();

	while (*text != '\0') {
		const char *end = strchrnul(text, '\n');
		auto_free char *part = xstrndup(text, (size_t)(end - text));
		int64_t number;

		/* "..." where the list was cut */
		if (str_to_i64(part, 10, INT64_MIN, INT64_MAX, &number))
			jout_push_int(list, number);
		else
			jout_push_str(list, part);
		text = *end ? end + 1 : end;
	}
	return list;
}

void json_field(struct json_t *obj, const struct incident_field *f)
{
	int64_t number;

	if (f->kind == VALUE_NULL)
		jout_null(obj, f->name);
	else if (f->kind == VALUE_BOOL)
		jout_bool(obj, f->name, str_eq(f->text, "true"));
	else if (f->kind == VALUE_STRINGS)
		jout_put(obj, f->name, split(f->text, '\n'));
	else if (f->kind == VALUE_INTS)
		jout_put(obj, f->name, numbers(f->text));
	else if (f->kind == VALUE_INT && str_to_i64(f->text, 10, INT64_MIN, INT64_MAX, &number))
		jout_int(obj, f->name, number);
	else
		jout_text(obj, f->name, f->text);
}

static struct json_t *fields_json(const struct incident *inc)
{
	struct json_t *o = jout_object();
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		json_field(o, &inc->fields[i]);
	return o;
}

static void push_line(struct json_t *list, const struct incident_line *line)
{
	struct json_t *o = jout_object();

	put_count(o, "seq", line->seq);
	jout_text(o, "text", line->text);
	jout_push(list, o);
}

static void put_lines(struct json_t *obj, const struct incident *inc, const struct json_cut *cut)
{
	size_t first = least(inc->nfirst, cut->first_lines),
	       last = least(inc->nlast, cut->last_lines);
	struct json_t *list = jout_array();
	size_t i;

	for (i = 0; i < first; i++)
		push_line(list, &inc->first[i]);
	for (i = inc->nlast - last; i < inc->nlast; i++)
		push_line(list, &inc->last[i]);
	jout_put(obj, "lines", list);
	put_count(obj, "lines_omitted",
		inc->lines_omitted + (inc->nfirst - first) + (inc->nlast - last));
}

static struct json_t *candidates_json(
	const struct incident *inc, const char *const *lanes, size_t nlanes)
{
	struct json_t *list = jout_array();
	size_t i;

	for (i = 0; i < nlanes && i < 64; i++)
		if (inc->place.candidates >> i & 1)
			jout_push_str(list, lanes[i]);
	return list;
}

static void put_bdf(struct json_t *obj, const char *key, bool known, struct bdf bdf)
{
	char text[BDF_LEN];

	jout_str(obj, key, known ? bdf_text(bdf, text) : NULL);
}

struct json_t *json_incident(const struct incident *inc, const char *const *lanes, size_t nlanes,
	const struct json_cut *cut)
{
	struct json_t *o = jout_object();

	jout_text(o, "id", inc->id);
	jout_text(o, "severity", severity_name(inc->severity));
	jout_bool(o, "tolerated", inc->tolerated);
	put_bdf(o, "bdf", inc->has_bdf, inc->bdf);
	put_bdf(o, "reporter", inc->has_reporter, inc->reporter);
	put_lane(o, "lane", inc->place.lane, lanes, nlanes);
	jout_put(o, "candidates", candidates_json(inc, lanes, nlanes));
	put_ms(o, "cycle", inc->place.cycle);
	jout_str(o, "step", inc->place.step);
	put_ms(o, "step_index", inc->place.step_index);
	jout_bool(o, "late", inc->place.late);
	put_count(o, "count", inc->count);
	jout_bool(o, "count_is_lower_bound", inc->count_is_lower_bound);
	jout_time(o, "first", inc->first_wall_ns);
	jout_time(o, "last", inc->last_wall_ns);
	jout_put(o, "fields", fields_json(inc));
	put_lines(o, inc, cut);
	jout_str(o, "meaning", inc->meaning);
	jout_str(o, "advice", inc->advice);
	jout_put(o, "seen_by", split(inc->seen_by, ','));
	return o;
}

static struct json_t *reset_json(const struct run_view *run, const struct reset_row *r)
{
	struct json_t *o = jout_object();

	jout_str(o, "lane", run->lanes[r->lane].name);
	jout_str(o, "device", r->device);
	jout_str(o, "method", r->method);
	jout_str(o, "state", device_use_name(r->use));
	put_count(o, "tried", r->tried);
	put_count(o, "worked", r->worked);
	jout_put(o, "ms", spread_json(r->p50_ms, r->p95_ms, r->max_ms));
	return o;
}

static struct json_t *check_json(const struct check_row *c)
{
	struct json_t *o = jout_object();

	jout_text(o, "id", c->id);
	jout_str(o, "device", c->device);
	jout_str(o, "domain", c->domain);
	jout_str(o, "item", c->item);
	jout_text(o, "result", c->result);
	jout_text(o, "asks", c->asks);
	jout_text(o, "seen", c->seen);
	jout_str(o, "meaning", c->meaning);
	jout_str(o, "advice", c->advice);
	return o;
}

static struct json_t *klog_row(const struct run_view *run)
{
	struct json_t *o = jout_object();

	put_count(o, "records", run->klog_records);
	put_count(o, "lost", run->klog_lost);
	jout_bool(o, "blind", run->blind);
	jout_str(o, "blind_reason", run->blind_reason);
	return o;
}

static void say_part(struct str *s, const char *what, uint64_t shown, uint64_t total)
{
	if (shown < total)
		str_addf(s, "%s%" PRIu64 " of %" PRIu64 " %s", s->len ? ", " : "", shown, total,
			what);
}

/* Of preflight's answers, of which the good ones come last. */
static size_t checks_told(const struct run_view *run, const struct json_cut *cut)
{
	size_t n = 0;

	while (n < least(run->nchecks, cut->sentences) &&
		(cut->good_checks || !str_eq(run->checks[n].result, "ok")))
		n++;
	return n;
}

/* One sentence on what this copy leaves out; empty when it is whole. */
static void say_cuts(struct str *out, const struct run_view *run, const struct json_cut *cut)
{
	struct str parts = {0};
	uint64_t steps = 0, steps_shown = 0;
	size_t i;

	for (i = 0; i < least(run->nlanes, cut->lanes); i++) {
		steps += run->lanes[i].nsteps;
		steps_shown += least(run->lanes[i].nsteps, cut->steps);
	}
	say_part(&parts, "failures", least(run->nfailures, cut->failures), run->failures_total);
	say_part(&parts, "incidents", least(run->nincidents, cut->incidents), run->totals.all);
	say_part(&parts, "lanes", least(run->nlanes, cut->lanes), run->nlanes);
	say_part(&parts, "steps", steps_shown, steps);
	say_part(&parts, "resets", least(run->nresets, cut->steps), run->nresets);
	say_part(&parts, "answers of preflight", checks_told(run, cut), run->nchecks);
	say_part(&parts, "blind spots", least(run->blind_spots.n, cut->sentences),
		run->blind_spots.n);
	say_part(&parts, "notes", least(run->notes.n, cut->sentences), run->notes.n);
	say_part(&parts, "changes left on the host", least(run->undo_left.n, cut->sentences),
		run->undo_left.n);
	if (!cut->scenario_text && run->scenario_text != NULL && *run->scenario_text != '\0')
		str_addf(&parts, "%sno scenario text", parts.len ? ", " : "");
	if (parts.len > 0)
		str_addf(out, "this report does not list everything: %s", parts.s);
	str_finish(&parts);
}

static struct json_t *sentences(const struct strings_row *rows, const struct json_cut *cut)
{
	struct json_t *list = jout_array();
	size_t i;

	for (i = 0; i < least(rows->n, cut->sentences); i++)
		jout_push_str(list, rows->v[i]);
	return list;
}

static struct json_t *blind_spots_json(const struct run_view *run, const struct json_cut *cut)
{
	struct json_t *list = sentences(&run->blind_spots, cut);
	struct str said = {0};

	if (run->running)
		jout_push_str(list, "the run is still going on: its verdict is not final");
	say_cuts(&said, run, cut);
	if (said.len > 0)
		jout_push_str(list, said.s);
	str_finish(&said);
	return list;
}

static struct json_t *undo_row(const struct run_view *run, const struct json_cut *cut)
{
	struct json_t *o = jout_object();

	jout_put(o, "left", sentences(&run->undo_left, cut));
	return o;
}

static struct json_t *baseline_row(const struct run_view *run)
{
	struct json_t *o = jout_object();

	jout_text(o, "run", run->baseline->run);
	jout_text(o, "result", run->baseline->result);
	jout_text(o, "text", run->baseline->text);
	return o;
}

static void member(FILE *out, const char *key, struct json_t *value)
{
	fprintf(out, ",\n\"%s\": ", key);
	jout_write(value, out);
}

static void row(FILE *out, size_t i, struct json_t *value)
{
	fputs(i ? ",\n " : "\n ", out);
	jout_write(value, out);
}

static const char **lane_names(const struct run_view *run)
{
	const char **names = xcalloc(run->nlanes, sizeof(*names));
	size_t i;

	for (i = 0; i < run->nlanes; i++)
		names[i] = run->lanes[i].name;
	return names;
}

static void lists(const struct run_view *run, const struct json_cut *cut, FILE *out)
{
	auto_free const char **names = lane_names(run);
	size_t i, checks = checks_told(run, cut);

	fputs(",\n\"lanes\": [", out);
	for (i = 0; i < least(run->nlanes, cut->lanes); i++)
		row(out, i, lane_json(&run->lanes[i], cut));
	fputs("],\n\"preflight\": [", out);
	for (i = 0; i < checks; i++)
		row(out, i, check_json(&run->checks[i]));
	fputs("],\n\"resets\": [", out);
	for (i = 0; i < least(run->nresets, cut->steps); i++)
		row(out, i, reset_json(run, &run->resets[i]));
	fputs("],\n\"failures\": [", out);
	for (i = 0; i < least(run->nfailures, cut->failures); i++)
		row(out, i, failure_json(&run->failures[i], names, run->nlanes));
	fputs("],\n\"incidents\": [", out);
	for (i = 0; i < least(run->nincidents, cut->incidents); i++)
		row(out, i, json_incident(&run->incidents[i], names, run->nlanes, cut));
	fputs("]", out);
}

void json_report(const struct run_view *run, const struct json_cut *cut, FILE *out)
{
	fprintf(out,
		"{\"schema\": \"%s\",\n\"verdict\": \"%s\",\n\"exit_code\": %d,\n"
		"\"simulated\": %s,\n\"boots_proved\": %s",
		SCHEMA, verdict_name(run->verdict), run->exit_code,
		run->simulated ? "true" : "false", run->boots_proved ? "true" : "false");
	member(out, "run", run_row(run, cut));
	member(out, "host", host_row(&run->host));
	lists(run, cut, out);
	member(out, "klog", klog_row(run));
	member(out, "blind_spots", blind_spots_json(run, cut));
	member(out, "notes", sentences(&run->notes, cut));
	member(out, "undo", undo_row(run, cut));
	member(out, "baseline", run->baseline ? baseline_row(run) : jout_none());
	fputs("}\n", out);
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	(void)opts;
	(void)err;
	json_report(run, &json_uncut, out);
	return 0;
}

static const char *const endings[] = {".json", NULL};

const struct reporter reporter_json = {
	.word = {.name = "json",
		.summary = "everything about the run, for machines (vfio-stress/run/1)",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
};

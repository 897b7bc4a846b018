/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "cli/complain.h"
#include "cli/scan.h"
#include "cli/scan_json.h"
#include "cli/scan_text.h"
#include "klog/klog.h"
#include "klog/rules.h"
#include "klog/savedlog.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum scan_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL };

struct scan {
	struct rules *rules;
	struct classifier *classifier; /* --lines */
	enum scan_format format;
	bool by_line, one_device;
	struct bdf device;
	enum severity least;
	bool several; /* files: say which */

	/* the file that is being read */
	struct savedlog *log;
	const char *file;
	size_t file_no;

	struct scan_result result;
};

/* ---- incidents ---- */

/* The least severe one that was kept, if it is less so than `severity`. */
static struct found *make_room(struct scan *s, enum severity severity)
{
	struct found *least = NULL;

	s->result.omitted++;
	vec_foreach (f, &s->result.found)
		if (f->inc.severity < (least ? least->inc.severity : severity))
			least = f;
	if (least != NULL)
		incident_finish(&least->inc);
	return least;
}

static bool is_of_device(const struct scan *s, const struct incident *inc)
{
	return !s->one_device || (inc->has_bdf && bdf_eq(inc->bdf, s->device)) ||
		(inc->has_reporter && bdf_eq(inc->reporter, s->device));
}

/* Called once for each: nothing is asked before it has ended. */
static void take(void *arg, const struct incident *inc)
{
	struct scan *s = arg;
	struct found *f;

	if (!is_of_device(s, inc))
		return;
	if (!s->result.any || inc->severity > s->result.worst)
		s->result.worst = inc->severity;
	s->result.any = true;
	if (inc->severity < s->least) {
		s->result.hidden++;
		return;
	}
	f = s->result.found.n < SCAN_INCIDENTS_MAX ? vec_push(&s->result.found)
						   : make_room(s, inc->severity);
	if (f == NULL)
		return;
	incident_copy(&f->inc, inc);
	f->file = s->several ? s->file : NULL;
	f->file_no = s->file_no;
	f->raw = savedlog_is_raw(s->log);
	savedlog_lines_of(s->log, inc->first_seq, inc->last_seq, &f->first_line, &f->last_line);
}

static int by_place(const void *a, const void *b)
{
	const struct found *f = a, *g = b;

	if (f->file_no != g->file_no)
		return f->file_no < g->file_no ? -1 : 1;
	return f->inc.first_seq < g->inc.first_seq ? -1 : f->inc.first_seq > g->inc.first_seq;
}

/* ---- lines ---- */

/* A record may hold several lines: the one that makes an incident speaks for it. */
static void classify_record(
	struct classifier *c, const struct savedlog_line *line, struct klog_match *out)
{
	const char *s = line->rec.text, *end;
	struct klog_match m;

	*out = (struct klog_match){0};
	for (;;) {
		end = strchrnul(s, '\n');
		if (classify(c, s, (size_t)(end - s), line->source, &m) &&
			(out->rule == NULL || m.rule->role < out->rule->role))
			*out = m;
		if (*end == '\0')
			return;
		s = end + 1;
	}
}

static void write_line(struct scan *s, const struct savedlog_line *line)
{
	struct klog_match m = {0};

	if (line->is_record)
		classify_record(s->classifier, line, &m);
	scan_write_line(s->several ? s->file : NULL, line, &m, stdout);
}

static int read_log(struct scan *s, struct err *err)
{
	struct klog_hooks hooks = {.changed = take, .arg = s};
	struct klog *klog = klog_new(s->rules, &hooks);
	struct savedlog_line line;
	int rc;

	while ((rc = savedlog_next(s->log, &line, err)) > 0) {
		s->result.lines++;
		if (s->by_line)
			write_line(s, &line);
		if (line.is_record)
			klog_feed(klog, &line.rec);
	}
	klog_flush(klog);
	klog_free(klog);
	return rc;
}

/* ---- the command ---- */

static bool is_char_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static int scan_one(struct scan *s, const char *path, bool kmsg, struct err *err)
{
	int rc;

	s->file = path;
	s->file_no++;
	/* at the test seam the kernel's log is a file of records */
	if (kmsg && is_char_device(path))
		rc = savedlog_open_kmsg(path, &s->log, err);
	else
		rc = savedlog_open(path, &s->log, err);
	if (rc != 0)
		return -1;
	rc = read_log(s, err);
	savedlog_close(s->log);
	s->log = NULL;
	return rc;
}

static int parse_severity(const char *word, enum severity *out, struct err *err)
{
	enum severity v;

	for (v = SEV_INFO; v <= SEV_FATAL; v++)
		if (str_eq(word, severity_name(v))) {
			*out = v;
			return 0;
		}
	err_set(err, ERR_USAGE, 0, "--min-severity '%s' is no severity", word);
	return err_hint(err, "one of info, warning, error, fatal");
}

static int parse_format(const char *word, enum scan_format *out, struct err *err)
{
	static const char *const words[] = {"text", "json", "jsonl"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(word, words[i])) {
			*out = (enum scan_format)i;
			return 0;
		}
	err_set(err, ERR_USAGE, 0, "--format '%s' is no format", word);
	return err_hint(err, "one of text, json, jsonl");
}

static int configure(struct scan *s, const struct options *o, struct err *err)
{
	const char *format = options_get(o, "format"), *least = options_get(o, "min-severity"),
		   *device = options_get(o, "device");

	s->by_line = options_get(o, "lines") != NULL;
	s->several = o->nargs > 1;
	if (format != NULL && parse_format(format, &s->format, err) != 0)
		return -1;
	if (least != NULL && parse_severity(least, &s->least, err) != 0)
		return -1;
	if (device != NULL && !bdf_parse(device, &s->device)) {
		err_set(err, ERR_USAGE, 0, "--device '%s' is no PCI address", device);
		return err_hint(err, "such as 0000:41:00.0");
	}
	s->one_device = device != NULL;
	if (s->by_line && (least || device || (format && s->format != FORMAT_JSONL))) {
		err_set(err, ERR_USAGE, 0, "--lines writes every line, as JSONL");
		return err_hint(
			err, "--min-severity, --device and --format text|json are for incidents");
	}
	if (options_get(o, "kmsg") != NULL && o->nargs > 1)
		return err_set(err, ERR_USAGE, 0, "--kmsg reads the running kernel's log, no file");
	if (options_get(o, "kmsg") == NULL && o->nargs == 0 && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, 0, "no log to read");
		return err_hint(err, "name a file, - for standard input, or --kmsg");
	}
	return 0;
}

/* True when everything could be read. */
static bool scan_all(struct scan *s, const struct options *o)
{
	bool kmsg = options_get(o, "kmsg") != NULL, whole = true;
	const char *const otherwise[] = {kmsg ? "/dev/kmsg" : "-"};
	const char *const *paths = o->nargs > 0 ? (const char *const *)o->args : otherwise;
	size_t i, n = o->nargs > 0 ? o->nargs : 1;
	struct err err;

	for (i = 0; i < n; i++) {
		err = (struct err){0};
		if (scan_one(s, paths[i], kmsg, &err) == 0)
			continue;
		complain(&err);
		whole = false;
	}
	return whole;
}

static void write_result(struct scan *s)
{
	if (s->by_line)
		return;
	if (s->result.found.n > 0)
		qsort(s->result.found.v, s->result.found.n, sizeof(s->result.found.v[0]), by_place);
	if (s->format == FORMAT_JSON)
		scan_write_json(&s->result, stdout);
	else if (s->format == FORMAT_JSONL)
		scan_write_jsonl(&s->result, stdout);
	else
		scan_write_text(&s->result, stdout);
}

/* What was found counts more than what could not be read. */
static int exit_code(const struct scan *s, bool whole)
{
	struct err err = {0};

	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_set(&err, ERR_IO, errno, "write the result");
		return complain(&err);
	}
	if (s->result.any && s->result.worst >= SEV_ERROR)
		return EXIT_FAIL;
	return whole ? EXIT_GOOD : EXIT_REFUSED;
}

static int run(const struct host *host, const struct options *o)
{
	struct scan s = {0};
	struct diags diags = {0};
	struct err err = {0};
	bool whole;
	int code;

	(void)host;
	if (configure(&s, o, &err) != 0)
		return complain(&err);
	s.rules = rules_load(NULL, 0, &diags);
	diags_print(&diags, stderr);
	if (s.rules == NULL)
		return EXIT_REFUSED;
	s.classifier = classifier_new(s.rules);
	whole = scan_all(&s, o);
	write_result(&s);
	code = exit_code(&s, whole);
	vec_foreach (f, &s.result.found)
		incident_finish(&f->inc);
	vec_finish(&s.result.found);
	classifier_free(s.classifier);
	rules_free(s.rules);
	return code;
}

static const struct option_spec options[] = {
	{0, "kmsg", NULL, "the running kernel's log, from the oldest record that it holds", false,
		false},
	{'f', "format", "FORMAT", "text (default), json or jsonl (an incident a line)", false,
		false},
	{0, "lines", NULL, "say of every line what it is, as JSONL", false, false},
	{0, "device", "BDF", "only incidents of this device or told by it", false, false},
	{0, "min-severity", "WORD", "show only these and worse: info, warning, error, fatal", false,
		false},
	{0},
};

const struct command cmd_scan = {
	.name = "scan",
	.operands = "[FILE...|-]",
	.summary = "find the faults in a kernel log, and name the culprit",
	.text = "Reads what dmesg (with any option), syslog, journalctl, serial consoles and "
		"pstore\n"
		"save, also gzip and xz, and raw records of /dev/kmsg; without a file, standard "
		"input. A log "
		"without\n"
		"faults proves only what was logged: firmware that keeps errors for itself is "
		"silent.\n\n"
		"  vfio-stress scan dmesg.txt\n"
		"  journalctl -k -b -1 -o short-monotonic | vfio-stress scan -\n"
		"  vfio-stress scan --kmsg --min-severity error\n\n"
		"Exit codes: 0 clean, 1 an error or fatal incident (also one that is not shown "
		"for\n"
		"--min-severity), 2 usage, 3 unreadable.",
	.options = options,
	.max_args = 1000,
	.run = run,
};

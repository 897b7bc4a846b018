/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/complain.h"
#include "cli/scan.h"
#include "cli/scan_follow.h"
#include "cli/scan_json.h"
#include "cli/scan_read.h"
#include "cli/scan_selftest.h"
#include "cli/scan_text.h"
#include "engine/report_out.h"
#include "klog/loglist.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "model/snapshot.h"
#include "model/topology.h"
#include "world/host.h"
#include "world/journal.h"
#include "world/logfile.h"
#include "world/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOTS_MAX        100000
#define SELFTEST_WAIT_MS 10000 /* a firmware that tells of errors by polling does so in seconds */

enum scan_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL };

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

static const char *format_word(size_t i)
{
	static const char *const words[] = {"text", "json", "jsonl"};

	return i < ARRAY_SIZE(words) ? words[i] : NULL;
}

static int parse_format(const char *word, enum scan_format *out, struct err *err)
{
	size_t i;

	for (i = 0; format_word(i) != NULL; i++)
		if (str_eq(word, format_word(i))) {
			*out = (enum scan_format)i;
			return 0;
		}
	err_set(err, ERR_USAGE, 0, "--format '%s' is no format", word);
	return err_hint(err, "one of text, json, jsonl");
}

/* One of these is read. */
enum scan_source { FROM_FILES, FROM_KMSG, FROM_JOURNAL };

static enum scan_source source_of(const struct options *o)
{
	return options_get(o, "kmsg") != NULL       ? FROM_KMSG
		: options_get(o, "journal") != NULL ? FROM_JOURNAL
						    : FROM_FILES;
}

static int check_source(const struct options *o, struct err *err)
{
	enum scan_source source = source_of(o);

	if (source == FROM_KMSG && (options_get(o, "journal") || o->nargs > 1))
		return err_set(
			err, ERR_USAGE, 0, "--kmsg reads the running kernel's log, no other");
	if (source == FROM_JOURNAL && o->nargs > 1)
		return err_set(err, ERR_USAGE, 0, "--journal reads one journal");
	if (options_get(o, "boot") != NULL && source != FROM_JOURNAL) {
		err_set(err, ERR_USAGE, 0, "--boot chooses in a journal");
		return err_hint(err, "vfio-stress scan --journal -b -1");
	}
	if (options_get(o, "follow") != NULL && o->nargs > 1)
		return err_set(err, ERR_USAGE, 0, "--follow follows one log");
	if (source == FROM_FILES && o->nargs == 0 && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, 0, "no log to read");
		return err_hint(err, "name a file, - for standard input, --journal or --kmsg");
	}
	return 0;
}

static int check_topology(const struct options *o, struct err *err)
{
	const char *format = options_get(o, "format");

	if (options_get(o, "topology") == NULL ||
		(options_get(o, "follow") == NULL && options_get(o, "lines") == NULL &&
			(format == NULL || str_eq(format, "text"))))
		return 0;
	return err_set(err, ERR_USAGE, 0,
		"--topology describes devices for people: in the text of a whole log only");
}

static int check_lines(const struct options *o, struct err *err)
{
	const char *format = options_get(o, "format");

	if (options_get(o, "follow") != NULL && str_eq(format, "json")) {
		err_set(err, ERR_USAGE, 0, "--follow does not end, as a JSON document would");
		return err_hint(err, "--format jsonl writes one for each incident");
	}
	if (options_get(o, "lines") == NULL)
		return 0;
	if (options_get(o, "min-severity") == NULL && options_get(o, "device") == NULL &&
		options_get(o, "since") == NULL && (format == NULL || str_eq(format, "jsonl")))
		return 0;
	err_set(err, ERR_USAGE, 0, "--lines writes every line, as JSONL");
	return err_hint(err,
		"--since, --min-severity, --device and --format text|json are for "
		"incidents");
}

static int configure(struct scan_question *q, enum scan_format *format_out, const struct options *o,
	struct err *err)
{
	const char *format = options_get(o, "format"), *least = options_get(o, "min-severity"),
		   *device = options_get(o, "device"), *since = options_get(o, "since");

	q->by_line = options_get(o, "lines") != NULL;
	if (format != NULL && parse_format(format, format_out, err) != 0)
		return -1;
	if (least != NULL && parse_severity(least, &q->least, err) != 0)
		return -1;
	if (device != NULL && !bdf_parse(device, &q->device)) {
		err_set(err, ERR_USAGE, 0, "--device '%s' is no PCI address", device);
		return err_hint(err, "such as 0000:41:00.0");
	}
	q->one_device = device != NULL;
	if (since != NULL && since_parse(since, clock_wall_ns(), &q->since, err) != 0)
		return -1;
	if (options_get(o, "self-test") != NULL)
		return 0;
	if (check_topology(o, err) != 0 || check_source(o, err) != 0)
		return -1;
	return check_lines(o, err);
}

/* ---- what is no list of files ---- */

static bool is_char_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static int open_journal(const struct options *o, struct savedlog **out, struct err *err)
{
	const char *boot = options_get(o, "boot"), *directory = o->nargs > 0 ? o->args[0] : NULL;
	enum journal_boots boots =
		boot == NULL && directory != NULL ? JOURNAL_ALL_BOOTS : JOURNAL_ONE_BOOT;
	struct journal *journal;
	int64_t which = 0;

	if (boot != NULL && !str_to_i64(boot, 10, -BOOTS_MAX, BOOTS_MAX, &which)) {
		err_set(err, ERR_USAGE, 0, "--boot '%s' is no number of a boot", boot);
		return err_hint(err, "0 is the newest, -1 the one before it, 1 the oldest");
	}
	if (journal_open(directory, boots, (int)which, &journal, err) != 0)
		return -1;
	*out = savedlog_of_journal(journal);
	return 0;
}

static int open_pipe(struct savedlog **out, struct err *err)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(err, ERR_IO, errno, "open standard input");
	*out = savedlog_of_file(logfile_of_pipe(fd, "standard input"));
	return 0;
}

/* A file that grows: it need not exist yet. */
static int open_growing(const char *path, struct savedlog **out, struct err *err)
{
	struct tail *tail;

	if (tail_open(path, TAIL_START, &tail, err) != 0)
		return -1;
	*out = savedlog_of_file(logfile_of_tail(tail, path));
	return 0;
}

static bool is_pipe(const char *path)
{
	struct stat st;

	return str_eq(path, "-") && fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
}

/* `name` is for messages. *out NULL: it is a list of files. */
static int open_log(const struct host *host, const struct options *o, struct savedlog **out,
	const char **name, struct err *err)
{
	const char *path = o->nargs > 0 ? o->args[0] : "-";
	enum scan_source source = source_of(o);

	*out = NULL;
	if (source == FROM_KMSG && o->nargs == 0)
		path = host->kmsg;
	*name = source == FROM_JOURNAL && o->nargs == 0 ? "the journal" : path;
	if (source == FROM_JOURNAL)
		return open_journal(o, out, err);
	/* at the test seam the kernel's log is a file of records */
	if (source == FROM_KMSG && is_char_device(path))
		return savedlog_open_kmsg(path, out, err);
	if (options_get(o, "follow") == NULL)
		return 0;
	return is_pipe(path) ? open_pipe(out, err) : open_growing(path, out, err);
}

/* ---- reading: each answers whether everything could be read, and complains by itself ---- */

static bool read_files(struct scan *s, struct loglist *list, const struct options *o, bool by_line)
{
	static const char *const standard[] = {"-"};
	const char *const *paths = o->nargs > 0 ? (const char *const *)o->args : standard;
	size_t n = o->nargs > 0 ? o->nargs : 1, i;
	bool whole = true;
	struct err err;

	for (i = 0; i < n; i++) {
		err = (struct err){0};
		if (loglist_add(list, paths[i], &err) == 0)
			continue;
		complain(&err);
		whole = false;
	}
	/* lines are told in the order of the command line */
	if (!by_line)
		loglist_sort(list);
	return scan_read_list(s, list) && whole;
}

static bool read_log(struct scan *s, struct savedlog *log, const char *name, bool follow,
	enum follow_format format)
{
	struct err err = {0};
	int rc = follow ? scan_follow(s, log, name, format, &err)
			: scan_read_log(s, log, name, &err);

	if (rc != 0)
		complain(&err);
	return rc == 0;
}

static void write_result(
	struct scan_result *r, enum scan_format format, const struct topology *machine)
{
	r->machine = machine;
	if (format == FORMAT_JSON)
		scan_write_json(r, stdout);
	else if (format == FORMAT_JSONL)
		scan_write_jsonl(r, stdout);
	else
		scan_write_text(r, report_colour(STDOUT_FILENO), stdout);
}

/* What was found counts more than what could not be read. */
static int exit_code(const struct scan_result *r)
{
	struct err err = {0};

	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_set(&err, ERR_IO, errno, "write the result");
		return complain(&err);
	}
	if (r->told > 0 && r->worst >= SEV_ERROR)
		return EXIT_FAIL;
	return r->whole ? EXIT_GOOD : EXIT_REFUSED;
}

/* ---- the self-test ---- */

static int check_selftest(const struct options *o, struct err *err)
{
	static const char *const others[] = {"journal", "boot", "follow", "format", "lines",
		"since", "topology", "min-severity"};
	bool inject = options_get(o, "inject") != NULL, device = options_get(o, "device") != NULL;
	size_t i;

	if (options_get(o, "self-test") == NULL) {
		if (!inject)
			return 0;
		err_set(err, ERR_USAGE, 0, "--inject belongs to --self-test");
		return err_hint(err, "vfio-stress scan --self-test --inject --device 0000:41:00.0");
	}
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (options_get(o, others[i]) != NULL)
			return err_set(err, ERR_USAGE, 0,
				"--self-test reads no log: --%s is for logs", others[i]);
	if (o->nargs > (options_get(o, "kmsg") ? 1 : 0))
		return err_set(
			err, ERR_USAGE, 0, "--self-test reads no log: '%s' is one", o->args[0]);
	if (inject == device)
		return 0;
	err_set(err, ERR_USAGE, 0,
		inject ? "--inject needs --device: whose error shall it be?"
		       : "--device is for --inject: the self-test alone touches no device");
	return err_hint(err, "vfio-stress scan --self-test --inject --device 0000:41:00.0");
}

static int run_selftest(const struct host *host, const struct options *o, const struct rules *rules,
	const struct scan_question *q)
{
	const struct selftest_question question = {
		.kmsg = o->nargs > 0 ? o->args[0] : host->kmsg,
		.inject = options_get(o, "inject") != NULL,
		.device = q->device,
		.patience_ms = SELFTEST_WAIT_MS,
	};

	return scan_selftest(host, rules, &question);
}

static struct rules *load_rules(const struct options *o, struct diags *diags)
{
	const char *files[OPTIONS_MAX];
	size_t i, n = 0;

	for (i = 0; i < o->nset; i++)
		if (str_eq(o->set[i].opt->name, "faults"))
			files[n++] = o->set[i].value;
	return rules_load(files, n, diags);
}

static int scan_all(struct scan *s, const struct scan_question *q, enum scan_format format,
	const struct options *o, const struct host *host, const struct topology *machine)
{
	bool follow = options_get(o, "follow") != NULL, whole;
	struct loglist *list = loglist_new();
	struct scan_result *result;
	struct savedlog *log;
	struct err err = {0};
	const char *name;
	int code;

	if (open_log(host, o, &log, &name, &err) != 0) {
		loglist_free(list);
		complain(&err);
		return err.code == ERR_USAGE ? EXIT_USAGE : EXIT_REFUSED;
	}
	whole = log == NULL ? read_files(s, list, o, q->by_line)
			    : read_log(s, log, name, follow,
				      q->by_line                       ? FOLLOW_LINES
					      : format == FORMAT_JSONL ? FOLLOW_JSONL
								       : FOLLOW_TEXT);
	result = scan_finish(s);
	result->whole = whole;
	if (!q->by_line && !follow)
		write_result(result, format, machine);
	else if (!q->by_line && format == FORMAT_TEXT)
		scan_write_live_end(result, stdout);
	code = exit_code(result);
	loglist_free(list);
	return code;
}

static int run(const struct host *host, const struct options *o)
{
	enum scan_format format = FORMAT_TEXT;
	struct scan_question q = {0};
	struct diags diags = {0};
	struct err err = {0};
	struct topology t = {0};
	struct rules *rules;
	struct scan *s;
	int code;

	if (check_selftest(o, &err) != 0 || configure(&q, &format, o, &err) != 0)
		return complain(&err);
	if (options_get(o, "topology") != NULL &&
		snapshot_read(options_get(o, "topology"), &t, &err) != 0)
		return complain(&err);
	rules = load_rules(o, &diags);
	diags_print(&diags, stderr);
	if (rules == NULL) {
		topology_finish(&t);
		return EXIT_USAGE;
	}
	if (options_get(o, "self-test") != NULL) {
		code = run_selftest(host, o, rules, &q);
	} else {
		s = scan_new(rules, &q);
		code = scan_all(s, &q, format, o, host, t.snapshot ? &t : NULL);
		scan_free(s);
	}
	rules_free(rules);
	topology_finish(&t);
	return code;
}

static const struct option_spec options[] = {
	{0, "kmsg", NULL, "the running kernel's log, from the oldest record that it holds", false,
		false},
	{0, "journal", NULL, "the systemd journal: of the running boot, or of a directory", false,
		false},
	{'b', "boot", "N", "of the journal: 0 the newest boot, -1 the one before, 1 the oldest",
		false, false},
	{0, "follow", NULL, "go on with what comes, until interrupted", false, false},
	{'f', "format", "FORMAT", "text (default), json or jsonl (an incident a line)", false,
		false},
	{0, "faults", "FILE", "a file with more log rules, as `faults:` of a scenario", false,
		true},
	{0, "lines", NULL, "say of every line what it is, as JSONL", false, false},
	{0, "device", "BDF", "only incidents of this device or told by it", false, false},
	{0, "self-test", NULL, "prove that the kernel log is seen: a marker must come back", false,
		false},
	{0, "inject", NULL, "and that a corrected error of --device, injected, is found in it",
		false, false},
	{0, "since", "TIME",
		"leave out what is older: '2026-05-30 19:39', -2h, 123.456 (since boot)", false,
		false},
	{0, "topology", "SNAPSHOT", "say which devices these are, by a snapshot of the machine",
		false, false},
	{0, "min-severity", "WORD", "show only these and worse: info, warning, error, fatal", false,
		false},
	{0},
};

const struct command cmd_scan = {
	.name = "scan",
	.operands = "[FILE...|DIRECTORY|-]",
	.summary = "find the faults in a kernel log, and name the culprit",
	.text = "Reads what dmesg (with any option), syslog, journalctl, serial consoles and\n"
		"pstore save, raw records of /dev/kmsg, and QEMU's logs, also compressed; without\n"
		"a file, standard input. Of support bundles (tar, zip) and directories it reads\n"
		"the kernel logs that are in them. Rotated logs are joined, and lines that a mail\n"
		"program wrapped.\n\n"
		"A log without faults proves only what was logged: firmware that keeps errors\n"
		"for itself is silent.\n\n"
		"  vfio-stress scan dmesg.txt\n"
		"  vfio-stress scan sosreport-gpu-07.tar.xz\n"
		"  journalctl -k -b -1 -o short-monotonic | vfio-stress scan -\n"
		"  vfio-stress scan --topology gpu-07.json dmesg.txt\n"
		"  vfio-stress scan --kmsg --min-severity error\n"
		"  vfio-stress scan --journal -b -1\n"
		"  vfio-stress scan --follow --since now --journal\n"
		"  vfio-stress scan --self-test --inject --device 0000:41:00.0\n\n"
		"Exit codes: 0 clean, 1 an error or fatal incident (also one that is not shown\n"
		"for --min-severity), 2 usage, 3 unreadable\n"
		"(--self-test: 0 proved, 3 not).",
	.format = format_word,
	.options = options,
	.max_args = 1000,
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/str.h"
#include "cli/complain.h"
#include "cli/scan.h"
#include "cli/scan_json.h"
#include "cli/scan_read.h"
#include "cli/scan_text.h"
#include "klog/loglist.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "world/host.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int check_options(const struct options *o, struct err *err)
{
	bool kmsg = options_get(o, "kmsg") != NULL;
	const char *format = options_get(o, "format");

	if (options_get(o, "lines") != NULL &&
		(options_get(o, "min-severity") || options_get(o, "device") ||
			(format && !str_eq(format, "jsonl")))) {
		err_set(err, ERR_USAGE, 0, "--lines writes every line, as JSONL");
		return err_hint(
			err, "--min-severity, --device and --format text|json are for incidents");
	}
	if (kmsg && o->nargs > 1)
		return err_set(err, ERR_USAGE, 0, "--kmsg reads the running kernel's log, no file");
	if (!kmsg && o->nargs == 0 && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, 0, "no log to read");
		return err_hint(err, "name a file, - for standard input, or --kmsg");
	}
	return 0;
}

static int configure(struct scan_question *q, enum scan_format *format_out, const struct options *o,
	struct err *err)
{
	const char *format = options_get(o, "format"), *least = options_get(o, "min-severity"),
		   *device = options_get(o, "device");

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
	return check_options(o, err);
}

/* ---- reading: each answers whether everything could be read ---- */

/* Complains by itself. */
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

static bool is_char_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static bool read_kmsg(struct scan *s, const char *path)
{
	struct savedlog *log;
	struct err err = {0};

	if (savedlog_open_kmsg(path, &log, &err) == 0 && scan_read_log(s, log, path, &err) == 0)
		return true;
	complain(&err);
	return false;
}

static bool read_all(
	struct scan *s, struct loglist *list, const struct options *o, const struct host *host)
{
	/* at the test seam the kernel's log is a file of records */
	const char *kmsg = o->nargs > 0 ? o->args[0] : host->kmsg;

	if (options_get(o, "kmsg") != NULL && is_char_device(kmsg))
		return read_kmsg(s, kmsg);
	return read_files(s, list, o, options_get(o, "lines") != NULL);
}

static void write_result(struct scan_result *r, enum scan_format format)
{
	if (format == FORMAT_JSON)
		scan_write_json(r, stdout);
	else if (format == FORMAT_JSONL)
		scan_write_jsonl(r, stdout);
	else
		scan_write_text(r, stdout);
}

/* What was found counts more than what could not be read. */
static int exit_code(const struct scan_result *r, bool whole)
{
	struct err err = {0};

	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_set(&err, ERR_IO, errno, "write the result");
		return complain(&err);
	}
	if (r->any && r->worst >= SEV_ERROR)
		return EXIT_FAIL;
	return whole ? EXIT_GOOD : EXIT_REFUSED;
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

static int run(const struct host *host, const struct options *o)
{
	enum scan_format format = FORMAT_TEXT;
	struct scan_question q = {0};
	struct diags diags = {0};
	struct err err = {0};
	struct scan_result *result;
	struct loglist *list;
	struct rules *rules;
	struct scan *s;
	bool whole;
	int code;

	if (configure(&q, &format, o, &err) != 0)
		return complain(&err);
	rules = load_rules(o, &diags);
	diags_print(&diags, stderr);
	if (rules == NULL)
		return EXIT_USAGE;
	s = scan_new(rules, &q);
	list = loglist_new();
	whole = read_all(s, list, o, host);
	result = scan_finish(s);
	if (!q.by_line)
		write_result(result, format);
	code = exit_code(result, whole);
	scan_free(s);
	loglist_free(list);
	rules_free(rules);
	return code;
}

static const struct option_spec options[] = {
	{0, "kmsg", NULL, "the running kernel's log, from the oldest record that it holds", false,
		false},
	{'f', "format", "FORMAT", "text (default), json or jsonl (an incident a line)", false,
		false},
	{0, "faults", "FILE", "a file with more log rules, as `faults:` of a scenario", false,
		true},
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
	.text = "Reads what dmesg (with any option), syslog, journalctl, serial consoles and\n"
		"pstore save, raw records of /dev/kmsg, and QEMU's logs, also compressed; without\n"
		"a file, standard input. Of support bundles (tar, zip) and directories it reads\n"
		"the kernel logs that are in them. Rotated logs are joined.\n\n"
		"A log without faults proves only what was logged: firmware that keeps errors\n"
		"for itself is silent.\n\n"
		"  vfio-stress scan dmesg.txt\n"
		"  vfio-stress scan sosreport-gpu-07.tar.xz\n"
		"  journalctl -k -b -1 -o short-monotonic | vfio-stress scan -\n"
		"  vfio-stress scan --kmsg --min-severity error\n\n"
		"Exit codes: 0 clean, 1 an error or fatal incident (also one that is not shown\n"
		"for --min-severity), 2 usage, 3 unreadable.",
	.options = options,
	.max_args = 1000,
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/report_out.h"

#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/verdict.h"
#include "model/field.h"
#include "model/reporter.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "reporters/reporters.h"
#include "world/newfile.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMATS_MAX        32
#define REPORT_OPTIONS_MAX 8

/* A path as written, which errors may show, and as expanded, which they must not. */
struct target {
	const char *shown;
	char *path;
};

static int target_init(struct target *t, const char *text, struct err *err)
{
	t->shown = text;
	return scenario_expand_env(text, &t->path, err);
}

static int failed(const struct target *t, const char *verb, struct err *err)
{
	auto_free char *what = xasprintf("report '%s'", t->shown);

	return newfile_failed(verb, what, err);
}

/* ---- writing ---- */

static int write_stream(const struct reporter *type, const struct run_view *run, const void *opts,
	FILE *out, const struct target *t, struct err *err)
{
	if (type->write(run, opts, out, err) != 0)
		return -1;
	if (fflush(out) != 0 || ferror(out))
		return failed(t, "write", err);
	return 0;
}

bool report_to_stdout(const struct report_spec *spec)
{
	const struct file_opts *file = spec->opts;

	return spec->type->hand_over == NULL && str_eq(file->path, "-");
}

static int write_stdout(const struct reporter *type, const struct run_view *run, const void *opts,
	const struct target *t, struct err *err)
{
	if (write_stream(type, run, opts, stdout, t, err) == 0)
		return 0;
	/* this is said now; what is left must not fail once more at the program's end */
	(void)!freopen("/dev/null", "w", stdout);
	return -1;
}

static int write_file(const struct reporter *type, const struct run_view *run, const void *opts,
	const struct target *t, struct err *err)
{
	auto_free char *what = xasprintf("report '%s'", t->shown);
	struct newfile file;

	if (newfile_open(t->path, what, &file, err) != 0)
		return -1;
	if (type->open_to_all)
		newfile_open_to_all(&file);
	if (write_stream(type, run, opts, file.out, t, err) == 0)
		return newfile_commit(&file, err);
	newfile_abandon(&file);
	return -1;
}

static int write_target(const struct reporter *type, const struct run_view *run, const void *opts,
	const struct target *t, struct err *err)
{
	if (str_eq(t->path, "-"))
		return write_stdout(type, run, opts, t, err);
	return write_file(type, run, opts, t, err);
}

int report_write(const struct reporter *type, const struct run_view *run, const void *opts,
	const char *path, struct err *err)
{
	return write_target(
		type, run, opts, &(struct target){.shown = path, .path = (char *)path}, err);
}

/* ---- while the run goes on ---- */

#define FOLLOW_MS 500 /* between two looks at the store */

static int judged_view(const struct run_view *run, struct run_view **out, struct err *err)
{
	if (run_view_load(run->store, run->id, out, err) != 0)
		return -1;
	verdict_judge(*out);
	return 0;
}

/* What came before the run was seen to have ended is all that there is. */
static int follow(const struct reporter *type, const struct run_view *run, FILE *out,
	struct stream *stream, struct err *err)
{
	bool goes_on = true;

	while (goes_on) {
		if (run_view_goes_on(run, &goes_on, err) != 0 ||
			type->stream_more(stream, err) != 0)
			return -1;
		if (fflush(out) != 0)
			return err_set(err, ERR_IO, errno, "write the report");
		if (goes_on)
			(void)poll(NULL, 0, FOLLOW_MS);
	}
	return 0;
}

static int follow_target(const struct reporter *type, const struct run_view *run,
	const struct target *t, struct err *err)
{
	auto_file FILE *file = str_eq(t->path, "-") ? NULL : newfile_grow(t->path);
	FILE *out = str_eq(t->path, "-") ? stdout : file;
	struct run_view *ended = NULL;
	struct stream *stream;
	int rc;

	if (out == NULL)
		return failed(t, "create", err);
	stream = type->stream_begin(run, out);
	rc = follow(type, run, out, stream, err);
	if (rc == 0)
		rc = judged_view(run, &ended, err);
	type->stream_end(stream, ended);
	run_view_free(ended);
	return rc == 0 && fflush(out) != 0 ? failed(t, "write", err) : rc;
}

int report_follow(
	const struct reporter *type, const struct run_view *run, const char *path, struct err *err)
{
	if (type->stream_begin == NULL) {
		err_set(err, ERR_USAGE, 0, "a %s report is written at the end only",
			type->word.name);
		return err_hint(err, "ocp can be followed");
	}
	return follow_target(type, run, &(struct target){.shown = path, .path = (char *)path}, err);
}

static bool may_grow(const struct target *t)
{
	struct stat st;

	return str_eq(t->path, "-") || lstat(t->path, &st) != 0 || S_ISREG(st.st_mode);
}

int report_grow(const struct report_spec *spec, const struct run_view *run, struct err *err)
{
	const struct file_opts *file = spec->opts;
	struct target t;
	int rc;

	if (target_init(&t, file->path, err) != 0)
		return -1;
	rc = may_grow(&t) ? follow_target(spec->type, run, &t, err) : 0;
	free(t.path);
	return rc;
}

int report_make(const struct report_spec *spec, const struct run_view *run, struct store *store,
	struct err *err)
{
	const struct file_opts *file = spec->opts;
	struct target t;
	int rc;

	if (spec->type->hand_over != NULL)
		return spec->type->hand_over(run, spec->opts, store, err);
	if (target_init(&t, file->path, err) != 0)
		return -1;
	rc = write_target(spec->type, run, spec->opts, &t, err);
	free(t.path);
	return rc;
}

/* ---- before the run ---- */

static int check_target(const struct target *t, struct err *err)
{
	auto_free char *what = xasprintf("report '%s'", t->shown);
	struct stat st;

	if (str_eq(t->path, "-"))
		return 0;
	if (*t->path == '\0' || str_ends(t->path, "/"))
		return err_set(err, ERR_INPUT, 0, "report '%s' names no file", t->shown);
	if (stat(t->path, &st) != 0 || S_ISREG(st.st_mode))
		return newfile_try(t->path, what, err);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return failed(t, "write", err);
	}
	return access(t->path, W_OK) == 0 ? 0 : failed(t, "write", err);
}

int report_check(const struct report_spec *spec, struct err *err)
{
	const struct file_opts *file = spec->opts;
	struct target t;
	int rc;

	if (spec->type->check != NULL)
		return spec->type->check(spec->opts, err);
	if (spec->type->hand_over != NULL)
		return 0;
	if (file->every_ms > 0 && str_eq(file->path, "-")) {
		err_set(err, ERR_INPUT, 0, "standard output is written once, not `every` so often");
		return err_hint(err, "name a file for the report");
	}
	if (target_init(&t, file->path, err) != 0)
		return -1;
	rc = check_target(&t, err);
	free(t.path);
	return rc;
}

/* ---- --report FORMAT:FILE[,every=TIME] ---- */

/* By name; NULL-terminated. */
static void formats(const char *names[FORMATS_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; reporters[i] != NULL && n < FORMATS_MAX; i++)
		if (reporters[i]->hand_over == NULL)
			names[n++] = reporters[i]->word.name;
	names[n] = NULL;
}

void report_formats(struct str *out)
{
	const char *names[FORMATS_MAX + 1];
	size_t i;

	formats(names);
	str_add(out, "Formats: ");
	for (i = 0; names[i] != NULL; i++)
		str_addf(out, "%s%s", i ? ", " : "", names[i]);
	str_add(out, ": see `list reporters`.");
}

static int unknown_format(const char *name, struct err *err)
{
	const char *names[FORMATS_MAX + 1], *near;
	struct str all = {0};

	formats(names);
	report_formats(&all);
	near = nearest_word(name, names);
	err_set(err, ERR_USAGE, 0, "unknown report format '%s'", name);
	if (near != NULL)
		err_hint(err, "did you mean '%s'? %s", near, all.s);
	else
		err_hint(err, "%s", all.s);
	str_finish(&all);
	return -1;
}

int report_of(struct arena *arena, const char *format, const char *path, struct report_spec *out,
	struct err *err)
{
	const struct reporter *type = reporter_find(format);
	struct file_opts *file;

	if (type == NULL || type->hand_over != NULL)
		return unknown_format(format, err);
	file = arena_alloc(arena, type->word.args_size);
	file->path = arena_strdup(arena, path);
	*out = (struct report_spec){.type = type, .opts = file};
	return 0;
}

bool report_option(const struct reporter *type, const struct field *f)
{
	return !str_eq(f->name, type->word.main_arg);
}

static int unknown_option(const struct reporter *type, const char *name, struct err *err)
{
	const struct field *f;
	struct str known = {0};

	for (f = type->word.fields; f->name != NULL; f++)
		if (report_option(type, f))
			str_addf(&known, "%s%s", known.len > 0 ? ", " : "", f->name);
	err_set(err, ERR_USAGE, 0, "a report in %s has no option '%s'", type->word.name, name);
	err_hint(err,
		"known options: %s. A file with ',%s=' in its name can be named in the scenario",
		known.s ? known.s : "none", name);
	str_finish(&known);
	return -1;
}

/* Cuts ",NAME=VALUE" off the end: where NAME begins, or NULL when there is none. */
static char *cut_option(char *file)
{
	char *comma = strrchr(file, ',');
	size_t name = comma ? strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz-") : 0;

	if (name == 0 || comma[1 + name] != '=')
		return NULL;
	*comma = '\0';
	return comma + 1;
}

static int read_option(
	struct arena *arena, const struct report_spec *spec, char *option, struct err *err)
{
	char *name = strsep(&option, "=");
	const struct field *f = field_find(spec->type->word.fields, name);

	if (f == NULL || !report_option(spec->type, f))
		return unknown_option(spec->type, name, err);
	return field_read(f, option, spec->opts, arena, err);
}

int report_parse(struct arena *arena, const char *arg, struct report_spec *out, struct err *err)
{
	auto_free char *copy = xstrdup(arg);
	char *file = copy, *format = strsep(&file, ":"), *options[REPORT_OPTIONS_MAX];
	struct report_spec spec;
	size_t n = 0;

	while (file != NULL && n < REPORT_OPTIONS_MAX && (options[n] = cut_option(file)) != NULL)
		n++;
	if (*format == '\0' || file == NULL || *file == '\0') {
		err_set(err, ERR_USAGE, 0, "--report '%s' is not FORMAT:FILE", arg);
		return err_hint(err, "such as: --report json:run.json");
	}
	if (report_of(arena, format, file, &spec, err) != 0)
		return -1;
	while (n > 0)
		if (read_option(arena, &spec, options[--n], err) != 0)
			return err_wrap(err, "--report '%s'", arg);
	spec.asked = arena_strdup(arena, arg);
	*out = spec;
	return 0;
}

/* ---- for people ---- */

bool report_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no == NULL || *no == '\0') && term != NULL && *term != '\0' &&
		!str_eq(term, "dumb");
}

int report_summary(
	const struct run_view *run, FILE *out, const char *files, const char *db, struct err *err)
{
	const struct text_opts opts = {
		.colour = report_colour(fileno(out)), .files = files, .db = db};

	if (out == stdout)
		return report_write(&reporter_text, run, &opts, "-", err);
	return write_stream(
		&reporter_text, run, &opts, out, &(struct target){.shown = "summary"}, err);
}

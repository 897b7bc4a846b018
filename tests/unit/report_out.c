/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/report_out.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "reporters/reporters.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	str_set(folder, "report_out.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	(void)state;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return rmdir(folder);
}

static size_t files(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A reporter that says its options' second word, or fails after half of it. */
struct said {
	struct file_opts file;
	const char *text;
	bool fails;
};

static int say(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	const struct said *s = opts;

	(void)run;
	fputs(s->text, out);
	return s->fails ? err_set(err, ERR_IO, 0, "half way") : 0;
}

static const struct reporter sayer = {
	.word = {.name = "say", .main_arg = "path", .args_size = sizeof(struct said)},
	.write = say,
};

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static const char *get(const char *path)
{
	static char buf[256];
	FILE *f = fopen(path, "r");
	size_t n = fread(buf, 1, sizeof(buf) - 1, f);

	fclose(f);
	buf[n] = '\0';
	return buf;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static int check(const char *path, struct err *err)
{
	struct file_opts file = {.path = path};
	const struct report_spec spec = {.type = &reporter_json, .opts = &file};

	return report_check(&spec, err);
}

static void a_new_report_is_private_and_whole(void **state)
{
	const struct said s = {.text = "all"};
	auto_free char *path = xasprintf("%s/new", folder);
	struct err err;

	(void)state;
	assert_int_equal(check(path, &err), 0);
	assert_int_equal(files(), 0);
	assert_int_equal(report_write(&sayer, NULL, &s, path, &err), 0);
	assert_string_equal(get(path), "all");
	assert_int_equal(mode_of(path) & 0777, 0600);
	assert_int_equal(files(), 1);
}

static void a_report_that_is_there_keeps_its_mode(void **state)
{
	const struct said s = {.text = "new"};
	auto_free char *path = xasprintf("%s/old", folder);
	struct err err;

	(void)state;
	put(path, "old", 0644);
	assert_int_equal(report_write(&sayer, NULL, &s, path, &err), 0);
	assert_string_equal(get(path), "new");
	assert_int_equal(mode_of(path) & 0777, 0644);
}

static void a_report_that_fails_leaves_the_old_one(void **state)
{
	const struct said s = {.text = "half", .fails = true};
	auto_free char *path = xasprintf("%s/old", folder);
	struct err err;

	(void)state;
	put(path, "old", 0644);
	assert_int_equal(report_write(&sayer, NULL, &s, path, &err), -1);
	assert_string_equal(err.msg, "half way");
	assert_string_equal(get(path), "old");
	assert_int_equal(files(), 1);
}

static void a_link_is_replaced_and_not_followed(void **state)
{
	const struct said s = {.text = "mine"};
	auto_free char *path = xasprintf("%s/link", folder);
	auto_free char *target = xasprintf("%s/target", folder);
	struct err err;

	(void)state;
	put(target, "theirs", 0600);
	assert_int_equal(symlink("target", path), 0);
	assert_int_equal(report_write(&sayer, NULL, &s, path, &err), 0);
	assert_true(S_ISREG(mode_of(path)));
	assert_string_equal(get(target), "theirs");
}

static void a_device_is_written_in_place(void **state)
{
	const struct said s = {.text = "gone"};
	struct err err;

	(void)state;
	assert_int_equal(report_write(&sayer, NULL, &s, "/dev/null", &err), 0);
	assert_true(S_ISCHR(mode_of("/dev/null")));
	assert_int_equal(report_write(&sayer, NULL, &s, "/dev/full", &err), -1);
	assert_non_null(strstr(err.msg, "No space left"));
}

static void what_cannot_be_written_is_found_before_the_run(void **state)
{
	auto_free char *absent = xasprintf("%s/no/run.json", folder);
	static const struct {
		const char *path, *msg, *hint;
	} bad[] = {
		{"/dev/null/run.json", "Not a directory", "make its folder first"},
		{"/proc/run.json", "create report '/proc/run.json'", ""},
		{"/", "names no file", ""},
		{"", "names no file", ""},
		{".", "Is a directory", ""},
	};
	struct err err;
	size_t i;

	(void)state;
	assert_int_equal(check(absent, &err), -1);
	assert_string_equal(err.hint, "make its folder first");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check(bad[i].path, &err), -1);
		assert_non_null(strstr(err.msg, bad[i].msg));
		assert_non_null(strstr(err.hint, bad[i].hint));
	}
	assert_int_equal(check("-", &err), 0);
	assert_int_equal(check("/dev/null", &err), 0);
}

static void a_format_and_a_file_make_a_report(void **state)
{
	auto_arena struct arena arena = {0};
	struct report_spec spec;
	struct err err;

	(void)state;
	assert_int_equal(report_parse(&arena, "json:a:b.json", &spec, &err), 0);
	assert_ptr_equal(spec.type, &reporter_json);
	assert_string_equal(((const struct file_opts *)spec.opts)->path, "a:b.json");
	assert_int_equal(report_parse(&arena, "jso:x", &spec, &err), -1);
	assert_string_equal(err.msg, "unknown report format 'jso'");
	assert_non_null(strstr(err.hint, "did you mean 'json'?"));
	assert_int_equal(report_parse(&arena, "webhook:https://x", &spec, &err), -1);
	assert_int_equal(report_parse(&arena, "json", &spec, &err), -1);
	assert_int_equal(report_parse(&arena, "json:", &spec, &err), -1);
	assert_int_equal(report_parse(&arena, ":x", &spec, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void what_stands_behind_the_file_are_its_options(void **state)
{
	auto_arena struct arena arena = {0};
	const struct file_opts *file;
	struct report_spec spec;
	struct err err;

	(void)state;
	assert_int_equal(report_parse(&arena, "html:a,B=1,c.html,every=10m", &spec, &err), 0);
	file = spec.opts;
	assert_string_equal(file->path, "a,B=1,c.html");
	assert_int_equal(file->every_ms, 600000);
	assert_string_equal(spec.asked, "html:a,B=1,c.html,every=10m");
	assert_int_equal(report_parse(&arena, "json:every=1s", &spec, &err), 0);
	file = spec.opts;
	assert_string_equal(file->path, "every=1s");
	assert_int_equal(file->every_ms, 0);
}

static void options_that_are_wrong_are_named(void **state)
{
	static const char *const wrong[][2] = {
		{"html:a,evry=10m", "a report in html has no option 'evry'"},
		{"html:a,path=b", "a report in html has no option 'path'"},
		{"html:a,every=10", "'every' must be a duration, 1s to 1d, not '10'"},
		{"html:a,every=1ms", "'every' must be a duration, 1s to 1d, not '1ms'"},
		{"html:a,every=", "'every' must be a duration, 1s to 1d, not ''"},
		{"html:,every=10m", "is not FORMAT:FILE"},
		{"html,every=10m", "is not FORMAT:FILE"},
	};
	auto_arena struct arena arena = {0};
	struct report_spec spec;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(report_parse(&arena, wrong[i][0], &spec, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.msg, wrong[i][1]));
		assert_non_null(strstr(err.msg, wrong[i][0]));
	}
}

static void a_path_from_the_environment_is_not_shown(void **state)
{
	auto_free char *path = xasprintf("%s/no/such", folder);
	struct said s = {.file.path = "${env:REPORT_OUT_TEST}", .text = "x"};
	const struct report_spec spec = {.type = &sayer, .opts = &s};
	struct err err;

	(void)state;
	assert_int_equal(report_check(&spec, &err), -1);
	assert_string_equal(err.msg, "environment variable 'REPORT_OUT_TEST' is not set");
	setenv("REPORT_OUT_TEST", path, 1);
	assert_int_equal(report_check(&spec, &err), -1);
	assert_null(strstr(err.msg, path));
	path[strlen(folder)] = '\0';
	s.file.path = "${env:REPORT_OUT_TEST}/good";
	setenv("REPORT_OUT_TEST", path, 1);
	assert_int_equal(report_check(&spec, &err), 0);
	assert_int_equal(report_make(&spec, NULL, NULL, &err), 0);
	assert_int_equal(files(), 1);
}

static void a_webhook_is_checked_before_the_run(void **state)
{
	static const char good[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	struct webhook_opts o = {.url = "https://example.org/x", .secret = good};
	const struct report_spec spec = {.type = &reporter_webhook, .opts = &o};
	struct err err;

	(void)state;
	assert_int_equal(report_check(&spec, &err), 0);
	o.url = "http://example.org/x";
	assert_int_equal(report_check(&spec, &err), -1);
	o.url = "${env:REPORT_OUT_URL}";
	assert_int_equal(report_check(&spec, &err), -1);
	setenv("REPORT_OUT_URL", "ftp://secret.example.org", 1);
	assert_int_equal(report_check(&spec, &err), -1);
	assert_null(strstr(err.msg, "secret"));
	setenv("REPORT_OUT_URL", "https://secret.example.org", 1);
	assert_int_equal(report_check(&spec, &err), 0);
	o.secret = "whsec_short";
	assert_int_equal(report_check(&spec, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_report_is_private_and_whole),
		TEST(a_report_that_is_there_keeps_its_mode),
		TEST(a_report_that_fails_leaves_the_old_one),
		TEST(a_link_is_replaced_and_not_followed),
		TEST(a_device_is_written_in_place),
		TEST(what_cannot_be_written_is_found_before_the_run),
		TEST(a_format_and_a_file_make_a_report),
		TEST(what_stands_behind_the_file_are_its_options),
		TEST(options_that_are_wrong_are_named),
		TEST(a_path_from_the_environment_is_not_shown),
		TEST(a_webhook_is_checked_before_the_run),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

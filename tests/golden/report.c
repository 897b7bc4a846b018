/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "base/utf8.h"
#include "fixture_run.h"
#include "golden.h"
#include "reporters/reporters.h"

#include "cmocka_all.h"

#include <string.h>

static char *report_of(const char *fixture, const struct reporter *reporter, const void *opts)
{
	struct run_view *run = fixture_run_new(fixture);
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	struct err err;

	assert_int_equal(reporter->write(run, opts, out, &err), 0);
	fclose(out);
	assert_int_equal(strlen(bytes), len);
	fixture_run_free(run);
	return bytes;
}

static void every_report_of_every_fixture_is_as_it_was_looked_at(void **state)
{
	const struct reporter *const *r;
	const struct fixture *f;

	(void)state;
	for (f = fixtures; f->name != NULL; f++)
		for (r = reporters; *r != NULL; r++) {
			auto_free char *path = NULL, *bytes = NULL;

			bytes = report_of(f->name, *r, NULL);
			path = xasprintf("report/%s.%s.expected", f->name, (*r)->word.name);
			golden_check(path, bytes, strlen(bytes));
		}
}

static void every_text_report_fits_one_screen_of_24_by_80(void **state)
{
	const struct fixture *f;

	(void)state;
	for (f = fixtures; f->name != NULL; f++) {
		auto_free char *bytes = report_of(f->name, &reporter_text, NULL);
		char *line = bytes, *end;
		int n = 0;

		for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			if (utf8_columns(line) >= 80)
				fail_msg("%s: too wide: %s", f->name, line);
			n++;
		}
		assert_string_equal(line, "");
		if (n >= 24)
			fail_msg("%s: %d lines", f->name, n);
	}
}

static void nothing_in_a_text_report_can_move_the_cursor(void **state)
{
	const struct fixture *f;

	(void)state;
	for (f = fixtures; f->name != NULL; f++) {
		auto_free char *bytes = report_of(f->name, &reporter_text, NULL);
		const char *s;

		for (s = bytes; *s != '\0';) {
			uint32_t cp = 0;
			size_t len = utf8_decode(s, strlen(s), &cp);

			assert_int_not_equal(len, 0);
			assert_true(cp == '\n' || (cp >= 0x20 && cp != 0x7f));
			s += len;
		}
	}
}

static void colour_touches_the_verdict_word_only(void **state)
{
	static const char on[] = "\x1b[1;31m", off[] = "\x1b[0m";
	const struct text_opts opts = {.colour = true, .full_report = "out/run.json"};
	const struct text_opts plain = {.full_report = "out/run.json"};
	auto_free char *bytes = report_of("fail", &reporter_text, &opts);
	auto_free char *bare = report_of("fail", &reporter_text, &plain);

	(void)state;
	assert_true(str_starts(bytes, "\x1b[1;31mFAIL\x1b[0m: 0000:41:00.0 NVIDIA"));
	assert_null(strchr(bytes + strlen(on) + 4 + strlen(off), '\x1b'));
	assert_string_equal(bytes + strlen(on) + 4 + strlen(off), bare + 4);
	assert_non_null(strstr(bytes, "out/run.json"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_report_of_every_fixture_is_as_it_was_looked_at),
		cmocka_unit_test(every_text_report_fits_one_screen_of_24_by_80),
		cmocka_unit_test(nothing_in_a_text_report_can_move_the_cursor),
		cmocka_unit_test(colour_touches_the_verdict_word_only),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

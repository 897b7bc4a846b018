/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diags.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "engine/verdict.h"
#include "fixture_run.h"
#include "golden.h"
#include "model/baseline.h"
#include "model/run_view.h"
#include "model/store.h"
#include "reporters/reporters.h"
#include "stored_run.h"

#include "cmocka_all.h"

#include <string.h>
#include <unistd.h>

/* From behind `from` to `to`; both stay. */
static size_t cut(char *bytes, size_t len, const char *from, const char *to)
{
	char *begin = strstr(bytes, from), *end = begin ? strstr(begin, to) : NULL;

	if (end == NULL)
		return len;
	begin += strlen(from);
	memmove(begin, end, len - (size_t)(end - bytes) + 1);
	return len - (size_t)(end - begin);
}

/* What a reporter makes of a run; the caller frees it. Of a page without what every page has. */
static char *written(
	const struct run_view *run, const struct reporter *reporter, const void *opts, size_t *len)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, len);
	struct err err;

	assert_int_equal(reporter->write(run, opts, out, &err), 0);
	fclose(out);
	if (reporter == &reporter_html) {
		*len = cut(bytes, *len, "<style>\n", "</style>");
		*len = cut(bytes, *len, "</main>\n<script>\n", "</script>\n</body>");
	}
	return bytes;
}

static char *report_of(const char *fixture, const struct reporter *reporter, const void *opts)
{
	struct run_view *run = fixture_run_new(fixture);
	size_t len = 0;
	char *bytes = written(run, reporter, opts, &len);

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

			if (*r == &reporter_bundle) /* of a stored run only: others have no log */
				continue;
			bytes = report_of(f->name, *r, NULL);
			path = xasprintf("report/%s.%s.expected", f->name, (*r)->word.name);
			golden_check(path, bytes, strlen(bytes));
		}
}

static void remove_store(const char *db)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		auto_free char *path = xasprintf("%s%s", db, tails[i]);

		unlink(path);
	}
}

/* A report may name the store it came from, which is never in one place. */
static void forget(char *bytes, size_t len, const char *place)
{
	const size_t n = strlen(place);
	char *at = bytes;

	while ((at = memmem(at, len - (size_t)(at - bytes), place, n)) != NULL)
		memset(at + n - 6, 'X', 6);
}

static void check_bodies(const char *name, const struct run_view *run)
{
	int body;

	for (body = BODY_JSON; body < BODY_TEMPLATE; body++) {
		auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
		struct webhook_opts opts = {.body = body, .routing_key = "${env:KEY}"};
		auto_free char *path = NULL, *bytes = NULL;
		auto_arena struct arena arena = {0};
		size_t len = 0;

		if (body != BODY_PAGERDUTY)
			opts.routing_key = NULL;
		reporter_webhook.load(
			&opts, &(struct report_reading){.arena = &arena, .diags = diags});
		assert_int_equal(diags->errors, 0);
		bytes = written(run, &reporter_webhook, &opts, &len);
		path = xasprintf("report/%s.webhook-%s.expected", name, webhook_bodies[body]);
		golden_check(path, bytes, len);
	}
}

/* In every format, from a store that goes away afterwards. */
static void check_stored_run(const char *name, uint32_t cycles, bool died)
{
	char db[] = "/tmp/vfio-stress-golden.XXXXXX";
	const struct reporter *const *r;
	struct run_view *run;
	struct store *store;
	struct err err;
	int fd = mkstemp(db);

	assert_true(fd >= 0);
	close(fd);
	stored_run_make(db, cycles, died);
	assert_int_equal(store_open(db, STORE_READ, &store, &err), 0);
	assert_int_equal(run_view_load(store, "latest", &run, &err), 0);
	verdict_judge(run);
	for (r = reporters; *r != NULL; r++) {
		auto_free char *path = NULL, *bytes = NULL;
		size_t len = 0;

		bytes = written(run, *r, NULL, &len);
		forget(bytes, len, db);
		path = xasprintf("report/%s.%s.expected", name, (*r)->word.name);
		golden_check(path, bytes, len);
	}
	check_bodies(name, run);
	run_view_free(run);
	store_close(store);
	remove_store(db);
}

static void every_report_of_a_stored_run_is_as_it_was_looked_at(void **state)
{
	(void)state;
	check_stored_run("stored", 24, false);
	check_stored_run("stored-died", 4, true);
}

/* The lines of a screen, none of them too wide. */
static void check_screen(const char *name, char *bytes)
{
	char *line = bytes, *end;
	int n = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (utf8_columns(line) >= 80)
			fail_msg("%s: too wide: %s", name, line);
		n++;
	}
	assert_string_equal(line, "");
	if (n >= 24)
		fail_msg("%s: %d lines", name, n);
}

static void every_text_report_fits_one_screen_of_24_by_80(void **state)
{
	const struct fixture *f;

	(void)state;
	for (f = fixtures; f->name != NULL; f++) {
		auto_free char *bytes = report_of(f->name, &reporter_text, NULL);

		check_screen(f->name, bytes);
	}
}

static void with_a_baseline_it_still_fits(void **state)
{
	static const struct baseline_result said = {.run = "20261120-040000-aaaa",
		.result = "worse",
		.text = "lane gpu, reset: flr 0000:41:00.0 (step 3) failed 12 of 300 times, was 0 "
			"of 300; and 7 more"};
	const struct fixture *f;

	(void)state;
	for (f = fixtures; f->name != NULL; f++) {
		struct run_view *run = fixture_run_new(f->name);
		auto_free char *bytes = NULL;
		size_t len;

		run->baseline = &said;
		bytes = written(run, &reporter_text, NULL, &len);
		assert_non_null(strstr(bytes, "worse than baseline 20261120-040000-aaaa: "));
		check_screen(f->name, bytes);
		fixture_run_free(run);
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
	const struct text_opts opts = {.colour = true, .files = "out/run.json"};
	const struct text_opts plain = {.files = "out/run.json"};
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
		cmocka_unit_test(every_report_of_a_stored_run_is_as_it_was_looked_at),
		cmocka_unit_test(every_text_report_fits_one_screen_of_24_by_80),
		cmocka_unit_test(with_a_baseline_it_still_fits),
		cmocka_unit_test(nothing_in_a_text_report_can_move_the_cursor),
		cmocka_unit_test(colour_touches_the_verdict_word_only),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

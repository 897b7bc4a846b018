/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diags.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "engine/verdict.h"
#include "fixture_run.h"
#include "golden.h"
#include "model/baseline.h"
#include "model/db.h"
#include "model/event.h"
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

/* A stored run, in a store that goes away afterwards. */
struct rich {
	char db[40];
	struct store *store;
	struct run_view *run;
};

static void rich_open(struct rich *r, uint32_t cycles, enum stored_end end)
{
	struct err err;
	int fd;

	str_set(r->db, "/tmp/vfio-stress-golden.XXXXXX");
	fd = mkstemp(r->db);
	assert_true(fd >= 0);
	close(fd);
	stored_run_make(r->db, cycles, end);
	assert_int_equal(store_open(r->db, STORE_READ, &r->store, &err), 0);
	assert_int_equal(run_view_load(r->store, "latest", &r->run, &err), 0);
	verdict_judge(r->run);
}

static void rich_close(struct rich *r)
{
	run_view_free(r->run);
	store_close(r->store);
	remove_store(r->db);
}

static void check_stored_run(const char *name, uint32_t cycles, enum stored_end end)
{
	const struct reporter *const *r;
	struct rich rich;

	rich_open(&rich, cycles, end);
	for (r = reporters; *r != NULL; r++) {
		auto_free char *path = NULL, *bytes = NULL;
		size_t len = 0;

		bytes = written(rich.run, *r, NULL, &len);
		forget(bytes, len, rich.db);
		path = xasprintf("report/%s.%s.expected", name, (*r)->word.name);
		golden_check(path, bytes, len);
	}
	check_bodies(name, rich.run);
	rich_close(&rich);
}

static void every_report_of_a_stored_run_is_as_it_was_looked_at(void **state)
{
	(void)state;
	check_stored_run("stored", 24, STORED_CRASHED);
	check_stored_run("stored-died", 4, STORED_DIED);
}

/* ---- the rich run has everything ---- */

static int64_t count(const struct rich *r, const char *sql, int64_t value)
{
	struct query *q;
	struct err err;
	int64_t n;

	if (db_query(store_db(r->store), &q, &err, sql, "i", value) != 0 || db_row(q, &err) != 1)
		fail_msg("%s: %s", sql, err.msg);
	n = db_int(q, 0);
	db_done(q);
	return n;
}

/* A word of the table; NULL = the line is no row of it. The caller frees it. */
static char *word_of(const char *line)
{
	const char *end = str_starts(line, "| `") ? strchr(line + 3, '`') : NULL;

	return end ? xstrndup(line + 3, (size_t)(end - line - 3)) : NULL;
}

_Static_assert(EV_STEP_END == 8, "what is asked of the store");

static void check_outcome(const struct rich *r, const char *word)
{
	enum outcome o = OUTCOME_PASS;

	while (o <= OUTCOME_ABORTED && !str_eq(outcome_name(o), word))
		o++;
	if (o > OUTCOME_ABORTED)
		fail_msg("docs/contracts.md has an outcome '%s' that nothing ends with", word);
	if (count(r, "SELECT count(*) FROM event WHERE kind = 8 AND outcome = ?", o) == 0)
		fail_msg("no step of the rich run ends as '%s'", word);
}

static void every_outcome_of_the_contracts_is_in_the_rich_run(void **state)
{
	auto_file FILE *f = fopen(SOURCE_DIR "/docs/contracts.md", "re");
	char line[400];
	bool inside = false;
	struct rich rich;
	int n = 0;

	(void)state;
	assert_non_null(f);
	rich_open(&rich, 24, STORED_CRASHED);
	while (fgets(line, sizeof(line), f) != NULL) {
		auto_free char *word = inside ? word_of(line) : NULL;

		if (word != NULL) {
			check_outcome(&rich, word);
			n++;
		}
		if (line[0] == '#')
			inside = str_eq(line, "## Outcomes\n");
	}
	assert_int_equal(n, OUTCOME_ABORTED - OUTCOME_PASS + 1);
	rich_close(&rich);
}

static void every_severity_two_lanes_and_a_crash_are_in_the_rich_run(void **state)
{
	struct rich rich;
	int s;

	(void)state;
	rich_open(&rich, 24, STORED_CRASHED);
	for (s = SEV_INFO; s <= SEV_FATAL; s++)
		if (count(&rich, "SELECT count(*) FROM incident WHERE severity = ?", s) == 0)
			fail_msg("no incident of the rich run is '%s'",
				severity_name((enum severity)s));
	assert_int_equal(rich.run->nlanes, 2);
	assert_int_equal(
		count(&rich, "SELECT count(*) FROM event WHERE kind = ?", EV_HOST_DIED), 1);
	assert_int_equal(count(&rich,
				 "SELECT count(*) FROM incident WHERE id = 'host.died' AND"
				 " over_budget = ?",
				 1),
		1);
	assert_int_equal(
		count(&rich,
			"SELECT count(*) FROM event WHERE reason = 'host-died' AND outcome = ?",
			OUTCOME_FAIL),
		1);
	rich_close(&rich);
}

static void every_incident_of_the_rich_run_is_within_it(void **state)
{
	struct rich rich;

	(void)state;
	rich_open(&rich, 24, STORED_CRASHED);
	assert_int_equal(count(&rich,
				 "SELECT count(*) FROM incident JOIN run ON key = run WHERE "
				 "first_ns NOT BETWEEN started_ns AND ended_ns AND ?",
				 1),
		0);
	rich_close(&rich);
}

/* What a kernel, a guest, a firmware or a file of somebody else puts into a store. */
static void text_that_means_ill_is_in_every_field_of_others(void **state)
{
#define FOREIGN(table, column)                                                                     \
	{                                                                                          \
		table "." column,                                                                  \
			"SELECT count(*) FROM " table " WHERE instr(CAST(" column                  \
			" AS BLOB), x'3c') >= ?"                                                   \
	}
	static const struct {
		const char *name, *sql;
	} foreign[] = {
		FOREIGN("run", "scenario_text"),
		FOREIGN("run", "cmdline"),
		FOREIGN("run", "bios"),
		FOREIGN("run", "board"),
		FOREIGN("run", "cpu"),
		FOREIGN("run", "qemu"),
		FOREIGN("run", "libvirt"),
		FOREIGN("lane", "name"),
		FOREIGN("lane_device", "name"),
		FOREIGN("step", "name"),
		FOREIGN("event", "text"),
		FOREIGN("event", "hint"),
		FOREIGN("record", "text"),
		FOREIGN("incident", "fields"),
		FOREIGN("incident", "meaning"),
		FOREIGN("incident", "advice"),
		FOREIGN("incident_line", "text"),
		FOREIGN("undo", "value"),
		FOREIGN("note", "text"),
		FOREIGN("preflight", "domain"),
		FOREIGN("preflight", "seen"),
		FOREIGN("preflight", "meaning"),
		FOREIGN("preflight", "advice"),
		FOREIGN("baseline_result", "text"),
		FOREIGN("snapshot", "text"),
	};
	struct rich rich;
	size_t i;

	(void)state;
	rich_open(&rich, 24, STORED_CRASHED);
	for (i = 0; i < ARRAY_SIZE(foreign); i++)
		if (count(&rich, foreign[i].sql, 1) == 0)
			fail_msg(
				"%s of the rich run holds nothing that means ill", foreign[i].name);
	rich_close(&rich);
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
		cmocka_unit_test(every_outcome_of_the_contracts_is_in_the_rich_run),
		cmocka_unit_test(every_severity_two_lanes_and_a_crash_are_in_the_rich_run),
		cmocka_unit_test(every_incident_of_the_rich_run_is_within_it),
		cmocka_unit_test(text_that_means_ill_is_in_every_field_of_others),
		cmocka_unit_test(every_text_report_fits_one_screen_of_24_by_80),
		cmocka_unit_test(with_a_baseline_it_still_fits),
		cmocka_unit_test(nothing_in_a_text_report_can_move_the_cursor),
		cmocka_unit_test(colour_touches_the_verdict_word_only),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

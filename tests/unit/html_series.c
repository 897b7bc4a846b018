/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_series.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/run_view.h"
#include "model/store.h"
#include "reporters/reporters.h"
#include "stored_run.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stored {
	char db[40];
	struct store *store;
	struct run_view *run;
};

static void stored_open(struct stored *s, uint32_t cycles)
{
	struct err err;
	int fd;

	str_set(s->db, "/tmp/vfio-stress-series.XXXXXX");
	fd = mkstemp(s->db);
	assert_true(fd >= 0);
	close(fd);
	stored_run_make(s->db, cycles, STORED_ENDED);
	assert_int_equal(store_open(s->db, STORE_READ, &s->store, &err), 0);
	assert_int_equal(run_view_load(s->store, "latest", &s->run, &err), 0);
}

static void stored_close(struct stored *s)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	size_t i;

	run_view_free(s->run);
	store_close(s->store);
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		auto_free char *path = xasprintf("%s%s", s->db, tails[i]);

		unlink(path);
	}
}

/* Over all its points: how many times, and the longest. */
static uint64_t count(const struct series *s, int64_t *longest)
{
	uint64_t n = 0;
	size_t i;

	*longest = 0;
	for (i = 0; i < s->npoints; i++) {
		n += s->points[i].n;
		if (s->points[i].n > 0 && s->points[i].max_us > *longest)
			*longest = s->points[i].max_us;
	}
	return n;
}

static void thinning_loses_no_time_and_no_extreme(void **state)
{
	struct run_series series;
	struct stored s;
	struct err err;
	size_t i;

	(void)state;
	stored_open(&s, 5000);
	assert_int_equal(run_series_init(s.run, NULL, &series, &err), 0);
	assert_true(series.lanes[0].per_point > 1);
	assert_true(series.lanes[0].npoints <= 1001);
	for (i = 0; i < s.run->lanes[0].nsteps; i++) {
		const struct step_row *row = &s.run->lanes[0].steps[i];
		int64_t longest;

		assert_int_equal(count(&series.rows[i], &longest), row->count - row->skipped);
		assert_int_equal((longest + 500) / 1000, row->max_ms);
	}
	run_series_finish(&series);
	stored_close(&s);
}

static void a_short_run_has_a_point_for_each_cycle(void **state)
{
	struct run_series series;
	struct stored s;
	struct err err;
	int64_t longest;

	(void)state;
	stored_open(&s, 24);
	assert_int_equal(run_series_init(s.run, NULL, &series, &err), 0);
	assert_int_equal(series.lanes[0].per_point, 1);
	assert_int_equal(count(&series.lanes[0], &longest), 24);
	assert_true(series.lanes[0].points[23].n == 1);
	run_series_finish(&series);
	stored_close(&s);
}

static void a_cycle_that_was_cut_off_has_no_time(void **state)
{
	struct run_series series;
	struct stored s;
	struct err err;
	int64_t longest;

	(void)state;
	stored_open(&s, 24);
	assert_int_equal(run_series_init(s.run, NULL, &series, &err), 0);
	assert_int_equal(count(&series.lanes[1], &longest), s.run->lanes[1].cycles_done);
	run_series_finish(&series);
	stored_close(&s);
}

static char *page_of(const struct stored *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct err err;

	assert_int_equal(reporter_html.write(s->run, NULL, out, &err), 0);
	fclose(out);
	return text;
}

/* The page of a run of which `sql` changed what happened. */
static char *page_with(struct stored *s, uint32_t cycles, const char *sql)
{
	struct err err;

	stored_open(s, cycles);
	run_view_free(s->run);
	store_close(s->store);
	assert_int_equal(store_open(s->db, STORE_CHANGE, &s->store, &err), 0);
	assert_int_equal(db_exec(store_db(s->store), sql, &err), 0);
	assert_int_equal(run_view_load(s->store, "latest", &s->run, &err), 0);
	return page_of(s);
}

/* What a store says of a device may be anybody's text. */
static void a_device_is_no_markup(void **state)
{
	static const char sql[] =
		"DELETE FROM incident;"
		"DELETE FROM event WHERE outcome <> 0 AND subject = '';"
		"UPDATE step SET device = replace(device, '0000:41', '<b>:') WHERE lane = 0;"
		"UPDATE event SET subject = replace(subject, '0000:41', '<b>:')";
	struct stored s;
	char *page = page_with(&s, 24, sql);

	(void)state;
	assert_non_null(strstr(page, "<strong class=\"id\">&lt;b&gt;:"));
	assert_non_null(strstr(page, " &lt;b&gt;::00.1</h3>"));
	assert_null(strstr(page, "<b>"));
	free(page);
	stored_close(&s);
}

/* A chart's data, as the page has it. */
struct chart {
	int time;
	double from, to;
	double marks[64];
	size_t nmarks;
};

static struct chart chart_of(const char *page, int no)
{
	auto_free char *begin = xasprintf("id=\"c%d\">", no);
	const char *at = strstr(page, begin);
	struct chart c = {0};
	int len = 0, severity;

	assert_non_null(at);
	at += strlen(begin);
	assert_int_equal(sscanf(at, "{\"time\":%d,\"range\":[%lf,%lf],\"marks\":[%n", &c.time,
				 &c.from, &c.to, &len),
		3);
	for (at += len; sscanf(at, "[%lf,%d]%n", &c.marks[c.nmarks], &severity, &len) == 2;
		at += len + (at[len] == ','))
		if (++c.nmarks == ARRAY_SIZE(c.marks))
			fail();
	return c;
}

static bool has_mark(const struct chart *c, double x)
{
	size_t i;

	for (i = 0; i < c->nmarks; i++)
		if (c->marks[i] > x - 0.001 && c->marks[i] < x + 0.001)
			return true;
	return false;
}

/* Charts of both lanes, and of steps of the first one: the last step resets two devices. */
enum { GPU, DISK, START, LOAD, RESET, RESET_AUDIO };

static void what_happens_in_the_last_cycle_is_in_a_charts_range(void **state)
{
	struct stored s;
	char *page = page_with(&s, 5000,
		"UPDATE incident SET cycle = 5000, step_index = 0, first_ns = (SELECT ended_ns FROM"
		" run) WHERE no = 3");
	const double end = (double)s.run->ended_ns / 1e9;
	struct chart gpu = chart_of(page, GPU), start = chart_of(page, START);

	(void)state;
	assert_int_equal(gpu.time, 1);
	assert_true(has_mark(&gpu, end) && gpu.to > end - 0.001);
	assert_int_equal(start.time, 0);
	assert_true(has_mark(&start, 5000) && start.to >= 5000);
	free(page);
	stored_close(&s);
}

static void what_happens_in_the_first_cycle_and_before_is_in_a_charts_range(void **state)
{
	struct stored s;
	char *page = page_with(&s, 5000,
		"UPDATE incident SET cycle = 1, step_index = 0 WHERE no = 3;"
		"UPDATE incident SET lane = 0, cycle = 0, step_index = 0, first_ns = (SELECT"
		" started_ns FROM run) WHERE no = 4");
	const double begin = (double)s.run->started_ns / 1e9;
	struct chart gpu = chart_of(page, GPU), start = chart_of(page, START);

	(void)state;
	assert_true(has_mark(&gpu, begin) && gpu.from < begin + 0.001);
	assert_true(has_mark(&start, 1) && start.from <= 1);
	free(page);
	stored_close(&s);
}

static void what_comes_after_the_run_is_in_a_charts_range(void **state)
{
	struct stored s;
	char *page = page_with(&s, 5000,
		"UPDATE incident SET first_ns = (SELECT ended_ns FROM run) + 60000000000"
		" WHERE no = 3");
	const double late = (double)s.run->ended_ns / 1e9 + 60;
	struct chart gpu = chart_of(page, GPU);

	(void)state;
	assert_true(has_mark(&gpu, late) && gpu.to > late - 0.001);
	free(page);
	stored_close(&s);
}

static void an_incident_of_no_single_lane_is_on_the_chart_of_each(void **state)
{
	struct stored s;
	char *page = page_with(&s, 5000,
		"UPDATE incident SET first_ns = (SELECT started_ns FROM run) + 5000000000"
		" WHERE no = 5");
	const double at = (double)s.run->started_ns / 1e9 + 5;
	struct chart gpu = chart_of(page, GPU), disk = chart_of(page, DISK);

	(void)state;
	assert_int_equal(disk.time, 1);
	assert_true(has_mark(&gpu, at) && has_mark(&disk, at));
	free(page);
	stored_close(&s);
}

static void what_one_device_did_is_not_on_the_chart_of_another(void **state)
{
	struct stored s;
	char *page = page_with(&s, 5000,
		"UPDATE incident SET cycle = 11 WHERE no = 3;"
		"UPDATE incident SET lane = 0, cycle = 13, step_index = 2, bdf = NULL WHERE no = 4;"
		"UPDATE incident SET lane = 0, cycle = 15, step_index = 2 WHERE no = 5");
	struct chart gpu = chart_of(page, RESET), audio = chart_of(page, RESET_AUDIO);

	(void)state;
	/* its failed step, and its incident */
	assert_true(has_mark(&gpu, 7) && !has_mark(&audio, 7));
	assert_true(has_mark(&gpu, 11) && !has_mark(&audio, 11));
	/* of no device, and of one that is no lane's */
	assert_true(has_mark(&gpu, 13) && has_mark(&audio, 13));
	assert_true(has_mark(&gpu, 15) && has_mark(&audio, 15));
	free(page);
	stored_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thinning_loses_no_time_and_no_extreme),
		cmocka_unit_test(a_short_run_has_a_point_for_each_cycle),
		cmocka_unit_test(a_cycle_that_was_cut_off_has_no_time),
		cmocka_unit_test(a_device_is_no_markup),
		cmocka_unit_test(what_happens_in_the_last_cycle_is_in_a_charts_range),
		cmocka_unit_test(what_happens_in_the_first_cycle_and_before_is_in_a_charts_range),
		cmocka_unit_test(what_comes_after_the_run_is_in_a_charts_range),
		cmocka_unit_test(an_incident_of_no_single_lane_is_on_the_chart_of_each),
		cmocka_unit_test(what_one_device_did_is_not_on_the_chart_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

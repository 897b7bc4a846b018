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

/* What a store says of a device may be anybody's text. */
static void a_device_is_no_markup(void **state)
{
	static const char sql[] =
		"DELETE FROM incident;"
		"DELETE FROM event WHERE outcome <> 0 AND subject = '';"
		"UPDATE step SET device = replace(device, '0000:41', '<b>:') WHERE lane = 0;"
		"UPDATE event SET subject = replace(subject, '0000:41', '<b>:')";
	struct stored s;
	struct err err;
	char *page;

	(void)state;
	stored_open(&s, 24);
	run_view_free(s.run);
	store_close(s.store);
	assert_int_equal(store_open(s.db, STORE_CHANGE, &s.store, &err), 0);
	assert_int_equal(db_exec(store_db(s.store), sql, &err), 0);
	assert_int_equal(run_view_load(s.store, "latest", &s.run, &err), 0);
	page = page_of(&s);
	assert_non_null(strstr(page, "<strong class=\"id\">&lt;b&gt;:"));
	assert_non_null(strstr(page, " &lt;b&gt;::00.1</h3>"));
	assert_null(strstr(page, "<b>"));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

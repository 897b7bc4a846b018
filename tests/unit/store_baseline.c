/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which run is a baseline, and of what; and what a store knows of the times and faults of a run. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/baseline.h"
#include "model/db.h"
#include "model/run_kinds.h"
#include "model/run_times.h"
#include "model/scenario.h"
#include "model/store_baseline.h"

#include "cmocka_all.h"
#include "fake_words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] = "version: 1\nname: p\nlanes: [{name: a, devices: [\"0000:41:00.0\"]}]\n"
			   "steps: [{hold: 1s}]\n";

struct place_of_runs {
	char dir[32], db[64];
	struct store *store;
	struct scenario *sc;
};

static int open_store(void **state)
{
	struct place_of_runs *p = xcalloc(1, sizeof(*p));
	struct diags diags = {0};
	struct err err;

	str_set(p->dir, "/tmp/baseline.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->db, sizeof(p->db), "%s/runs.db", p->dir);
	assert_int_equal(store_open(p->db, STORE_CREATE, &p->store, &err), 0);
	p->sc = scenario_parse("p.yaml", text, strlen(text), NULL, 0, &fake_words, &diags);
	assert_non_null(p->sc);
	*state = p;
	return 0;
}

static int close_store(void **state)
{
	struct place_of_runs *p = *state;

	store_close(p->store);
	scenario_free(p->sc);
	unlink(p->db);
	rmdir(p->dir);
	free(p);
	return 0;
}

static int64_t add_run(struct place_of_runs *p, const char *id, const char *host, uint16_t device)
{
	struct pcidev dev = {.bdf = {0, 0x41, 0, 0}, .vendor = 0x10de, .device = device};
	const struct lane_begin lane = {&p->sc->lanes[0], &dev, 1};
	const struct run_begin begin = {.id = id,
		.lanes = &lane,
		.scenario = p->sc,
		.settings = "",
		.tool_version = "",
		.boot_id = "",
		.host = {.name = host},
		.pid = 0x7ffffff0};
	struct err err;
	int64_t run;

	assert_int_equal(store_run_begin(p->store, &begin, &run, &err), 0);
	return run;
}

static const char *baseline_of(struct place_of_runs *p, int64_t run)
{
	static char id[RUN_ID_MAX];
	struct run_sort sort;
	struct err err;
	int rc;

	assert_int_equal(store_run_sort(p->store, run, &sort, &err), 0);
	rc = store_baseline_find(p->store, &sort, id, &err);
	assert_true(rc >= 0);
	return rc == 1 ? id : "";
}

static const char *mark(struct place_of_runs *p, int64_t run)
{
	static char was[RUN_ID_MAX];
	struct err err;

	assert_int_equal(store_baseline_mark(p->store, run, was, &err), 0);
	return was;
}

static void there_is_one_for_each_host_scenario_and_model(void **state)
{
	struct place_of_runs *p = *state;
	int64_t one = add_run(p, "one", "h", 0x2684), two = add_run(p, "two", "h", 0x2684);
	int64_t other_host = add_run(p, "far", "k", 0x2684),
		other_model = add_run(p, "new", "h", 0x2b85);
	struct err err;
	bool is;

	/* as a store of before: nobody has marked anything */
	assert_string_equal(baseline_of(p, two), "");
	assert_int_equal(store_baseline_is(p->store, one, &is, &err), 0);
	assert_false(is);
	assert_string_equal(mark(p, one), "");
	assert_string_equal(baseline_of(p, two), "one");
	assert_string_equal(baseline_of(p, other_host), "");
	assert_string_equal(baseline_of(p, other_model), "");
	assert_string_equal(mark(p, other_model), "");
	/* the second of a sort takes the place of the first; to mark it again changes nothing */
	assert_string_equal(mark(p, two), "one");
	assert_string_equal(mark(p, two), "");
	assert_string_equal(baseline_of(p, one), "two");
	assert_string_equal(baseline_of(p, other_model), "new");
	assert_int_equal(store_baseline_clear(p->store, one, &err), 0);
	assert_int_equal(store_baseline_clear(p->store, two, &err), 1);
	assert_string_equal(baseline_of(p, one), "");
}

static bool count_marks(void *arg, const struct run_line *line)
{
	*(int *)arg += line->baseline;
	return true;
}

static void the_list_of_runs_shows_it(void **state)
{
	struct place_of_runs *p = *state;
	int64_t one = add_run(p, "one", "h", 1);
	struct err err;
	int n = 0;

	add_run(p, "two", "h", 1);
	mark(p, one);
	assert_int_equal(store_list_runs(p->store, count_marks, &n, &err), 0);
	assert_int_equal(n, 1);
}

static void its_snapshot_outlives_those_of_other_runs(void **state)
{
	struct place_of_runs *p = *state;
	int64_t first = add_run(p, "first", "h", 1), second = add_run(p, "second", "h", 1);
	char *got = NULL, id[RUN_ID_MAX];
	struct err err;
	size_t n;
	int i;

	assert_int_equal(store_snapshot(p->store, first, "{1}", 3, &err), 0);
	assert_int_equal(store_snapshot(p->store, second, "{2}", 3, &err), 0);
	mark(p, first);
	for (i = 0; i < STORE_SNAPSHOTS_MAX; i++) {
		snprintf(id, sizeof(id), "run-%d", i);
		assert_int_equal(
			store_snapshot(p->store, add_run(p, id, "h", 1), "{3}", 3, &err), 0);
	}
	assert_int_equal(store_snapshot_get(p->store, first, &got, &n, id, &err), 1);
	assert_string_equal(got, "{1}");
	free(got);
	assert_int_equal(store_snapshot_get(p->store, second, &got, &n, id, &err), 0);
}

static void how_a_run_came_out_is_kept_with_it(void **state)
{
	struct baseline_row rows[] = {
		{0, 2, "0000:41:00.0", "time", "worse", "takes 6 s", {3, 1, 2, 3, "4:3"},
			{2, 4, 5, 6, "7:2"}},
		{0, 3, "", "match", "cannot tell", "it is new", {0, -1, -1, -1, ""},
			{0, -1, -1, -1, ""}},
	};
	const struct baseline_result said = {
		"one", "worse", "start is 2 s slower", rows, ARRAY_SIZE(rows)};
	struct place_of_runs *p = *state;
	int64_t run = add_run(p, "two", "h", 1);
	struct run_view *view;
	struct err err;

	assert_int_equal(run_view_load(p->store, "two", &view, &err), 0);
	assert_null(view->baseline);
	run_view_free(view);
	assert_int_equal(store_baseline_result(p->store, run, &said, &err), 0);
	assert_int_equal(store_baseline_result(p->store, run, &said, &err), 0);
	assert_int_equal(run_view_load(p->store, "two", &view, &err), 0);
	assert_string_equal(view->baseline->run, "one");
	assert_string_equal(view->baseline->result, "worse");
	assert_string_equal(view->baseline->text, "start is 2 s slower");
	assert_int_equal(view->baseline->nrows, 2);
	assert_int_equal(view->baseline->rows[0].step, 2);
	assert_string_equal(view->baseline->rows[0].device, "0000:41:00.0");
	assert_int_equal(view->baseline->rows[0].before.max_us, 3);
	assert_string_equal(view->baseline->rows[0].before.bins, "4:3");
	assert_int_equal(view->baseline->rows[0].now.p50_us, 4);
	assert_string_equal(view->baseline->rows[0].now.bins, "7:2");
	assert_int_equal(view->baseline->rows[1].now.max_us, -1);
	run_view_free(view);
	/* of a program that knew the sentence only */
	assert_int_equal(db_exec(store_db(p->store), "DROP TABLE baseline_row", &err), 0);
	assert_int_equal(run_view_load(p->store, "two", &view, &err), 0);
	assert_string_equal(view->baseline->result, "worse");
	assert_int_equal(view->baseline->nrows, 0);
	run_view_free(view);
}

static const char long_name[] =
	"name: a23456789-123456789-123456789-123456789-123456789-123456789-123x";

static bool has_name(void *arg, const struct run_line *line)
{
	*(bool *)arg = str_eq(line->scenario, long_name + strlen("name: "));
	return false;
}

static void a_scenario_may_have_the_longest_name_there_is(void **state)
{
	struct place_of_runs *p = *state;
	auto_free char *longer = xasprintf("version: 1\n%s\n%s", long_name, strstr(text, "lanes"));
	struct diags diags = {0};
	struct run_sort sort;
	bool whole = false;
	struct err err;

	scenario_free(p->sc);
	p->sc = scenario_parse("p.yaml", longer, strlen(longer), NULL, 0, &fake_words, &diags);
	assert_non_null(p->sc);
	assert_int_equal(store_run_sort(p->store, add_run(p, "one", "h", 1), &sort, &err), 0);
	assert_string_equal(sort.scenario, p->sc->name);
	assert_int_equal(store_list_runs(p->store, has_name, &whole, &err), 0);
	assert_true(whole);
}

/* ---- what is compared ---- */

static void add_event(struct place_of_runs *p, int64_t run, struct event ev)
{
	struct err err;

	ev.phase = PHASE_CYCLE;
	assert_int_equal(store_event(p->store, run, &ev, 0, &err), 0);
}

static void times_are_those_of_executions_that_passed(void **state)
{
	struct place_of_runs *p = *state;
	int64_t run = add_run(p, "one", "h", 1);
	struct run_times t;
	struct run_view *view;
	struct err err;

	add_event(p, run, (struct event){.kind = EV_STEP_END, .dur_ns = 9000499});
	add_event(p, run, (struct event){.kind = EV_STEP_END, .dur_ns = 3000500});
	add_event(
		p, run, (struct event){.kind = EV_STEP_END, .dur_ns = 70, .outcome = OUTCOME_FAIL});
	add_event(p, run, (struct event){.kind = EV_STEP_END, .outcome = OUTCOME_SKIPPED});
	add_event(
		p, run, (struct event){.kind = EV_SUBSTEP, .dur_ns = 5000, .text = SUBSTEP_USABLE});
	add_event(p, run, (struct event){.kind = EV_SUBSTEP, .dur_ns = 6000, .text = "vfio open"});
	assert_int_equal(run_view_load(p->store, "one", &view, &err), 0);
	assert_int_equal(
		run_times_load(view, 0, &view->lanes[0].steps[0], TIMES_OF_STEP, &t, &err), 0);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.all, 2);
	assert_int_equal(t.us[0], 3001);
	assert_int_equal(t.us[1], 9000);
	run_times_finish(&t);
	assert_int_equal(
		run_times_load(view, 0, &view->lanes[0].steps[0], TIMES_OF_USABLE, &t, &err), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.us[0], 5);
	run_times_finish(&t);
	run_view_free(view);
}

static void add_incident(struct place_of_runs *p, int64_t run, struct incident inc)
{
	struct err err;

	str_set(inc.id, "aer.correctable");
	inc.severity = inc.severity ? inc.severity : SEV_WARNING;
	assert_int_equal(store_incident(p->store, run, &inc, &err), 0);
}

static struct run_kind *kinds_of(struct place_of_runs *p, const char *run, size_t *n)
{
	struct run_kind *kinds;
	struct run_view *view;
	struct err err;

	assert_int_equal(run_view_load(p->store, run, &view, &err), 0);
	assert_int_equal(run_kinds_load(view, &kinds, n, &err), 0);
	run_view_free(view);
	return kinds;
}

/* What comes again within a minute is one incident with a count: cycles are what it is measured by. */
static void a_storm_is_one_cycle_and_a_steady_drip_is_many(void **state)
{
	struct place_of_runs *p = *state;
	int64_t run = add_run(p, "one", "h", 1), i;
	struct run_kind *kinds;
	size_t n;

	for (i = 0; i < 10; i++)
		add_event(p, run, (struct event){.kind = EV_CYCLE_BEGIN, .wall_ns = i * NS_PER_S});
	/* 1717 lines in the fourth cycle, and four in eight of them */
	add_incident(p, run,
		(struct incident){.no = 1,
			.count = 1717,
			.first_wall_ns = 3 * NS_PER_S + 1,
			.last_wall_ns = 3 * NS_PER_S + 2});
	add_incident(p, run,
		(struct incident){
			.no = 2, .count = 4, .first_wall_ns = 1, .last_wall_ns = 7 * NS_PER_S + 1});
	/* of another device, in three cycles */
	add_incident(p, run,
		(struct incident){.no = 3,
			.count = 90,
			.has_bdf = true,
			.severity = SEV_ERROR,
			.last_wall_ns = 2 * NS_PER_S + 1});
	add_incident(p, run, (struct incident){.no = 4, .expected = true, .count = 1});
	kinds = kinds_of(p, "one", &n);
	assert_int_equal(n, 2);
	assert_string_equal(kinds[0].bdf, "");
	assert_int_equal(kinds[0].cycles, 5);
	assert_string_equal(kinds[1].bdf, "0000:00:00.0");
	assert_int_equal(kinds[1].cycles, 3);
	assert_int_equal(kinds[1].severity, SEV_ERROR);
	free(kinds);
}

static void add_telling(
	struct place_of_runs *p, int64_t run, uint32_t no, int64_t first_s, int64_t last_s)
{
	add_incident(p, run,
		(struct incident){.no = no,
			.count = first_s < last_s ? 2 : 1,
			.first_wall_ns = first_s * NS_PER_S,
			.last_wall_ns = last_s * NS_PER_S});
}

/* What comes again after more than a minute is stored anew. */
static void a_bad_cycle_is_one_however_often_it_is_told(void **state)
{
	struct place_of_runs *p = *state;
	int64_t run = add_run(p, "one", "h", 1), i;
	struct run_kind *kinds;
	size_t n;

	for (i = 0; i < 10; i++)
		add_event(p, run,
			(struct event){.kind = EV_CYCLE_BEGIN, .wall_ns = i * 1000 * NS_PER_S});
	/* twice from the seventh to the ninth, once in the seventh, eight times in the second */
	add_telling(p, run, 1, 6600, 8500);
	add_telling(p, run, 2, 6500, 6500);
	for (i = 0; i < 8; i++)
		add_telling(p, run, (uint32_t)i + 3, 1070 + 70 * i, 1070 + 70 * i);
	kinds = kinds_of(p, "one", &n);
	assert_int_equal(n, 1);
	assert_int_equal(kinds[0].cycles, 3);
	free(kinds);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
	const struct CMUnitTest tests[] = {
		STORE_TEST(there_is_one_for_each_host_scenario_and_model),
		STORE_TEST(the_list_of_runs_shows_it),
		STORE_TEST(its_snapshot_outlives_those_of_other_runs),
		STORE_TEST(how_a_run_came_out_is_kept_with_it),
		STORE_TEST(a_scenario_may_have_the_longest_name_there_is),
		STORE_TEST(times_are_those_of_executions_that_passed),
		STORE_TEST(a_storm_is_one_cycle_and_a_steady_drip_is_many),
		STORE_TEST(a_bad_cycle_is_one_however_often_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

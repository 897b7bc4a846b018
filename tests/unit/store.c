/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store.h"

#include "base/str.h"
#include "model/db.h"
#include "model/pulse.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/unfinished.h"

#include "cmocka_all.h"
#include "fake_words.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One scenario with a lane of one VM and one device, and a store in a folder of its own. */
struct world {
	char dir[64], path[96];
	struct store *store;
	struct scenario *sc;
	int64_t run;
	struct pcidev dev;
};

static const char scenario_text[] = "version: 1\n"
				    "name: store-test\n"
				    "lanes: [{name: gpu, devices: [\"0000:41:00.0\"]}]\n"
				    "steps: [{hold: 1s}, {reset: flr}]\n"
				    "repeat: {until: {cycles: 3}}\n";

#define FIRST  "20261121-040000-abcd"
#define SECOND "20261121-040001-abcd"

static int begin_run(struct world *w, const char *id)
{
	static const struct run_call call = {.cwd = "/root", .path = "/root/s.yaml"};
	const struct lane_begin lane = {&w->sc->lanes[0], &w->dev, 1};
	const struct run_begin begin = {
		.id = id,
		.scenario = w->sc,
		.lanes = &lane,
		.settings = "",
		.tool_version = "0",
		.boot_id = "boot-1",
		.seed = 42,
		.host = {"h", "6.1", "ro rd.iscsi.password=hunter2 quiet", "", "", "", "", "", ""},
		.pid = getpid(),
		.call = &call,
	};
	struct err err;

	return store_run_begin(w->store, &begin, &w->run, &err);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct diags diags = {0};
	struct err err;

	str_set(w->dir, "/tmp/vfio-stress-store.XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/state/runs.db", w->dir);
	w->dev = (struct pcidev){.vendor = 0x10de, .device = 0x2684, .name = "GPU"};
	assert_true(bdf_parse("0000:41:00.0", &w->dev.bdf));
	w->sc = scenario_parse(
		"s.yaml", scenario_text, strlen(scenario_text), NULL, 0, &fake_words, &diags);
	if (w->sc == NULL) {
		diags_print(&diags, stderr);
		return -1;
	}
	*state = w;
	return store_open(w->path, STORE_CREATE, &w->store, &err) != 0 || begin_run(w, FIRST) != 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {
		"state/runs.db", "state/runs.db-wal", "state/runs.db-shm", "state", ""};
	struct world *w = *state;
	char path[160];
	size_t i;

	store_close(w->store);
	scenario_free(w->sc);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		remove(path);
	}
	free(w);
	return 0;
}

static void say(struct world *w, struct event ev)
{
	struct err err;

	ev.wall_ns = 1000;
	assert_int_equal(store_event(w->store, w->run, &ev, 7, &err), 0);
}

static void step_end(struct world *w, uint32_t cycle, int32_t step, enum outcome o, int64_t ms)
{
	struct event ev = {
		.kind = EV_STEP_END,
		.cycle = cycle,
		.step = step,
		.phase = PHASE_CYCLE,
		.outcome = (uint8_t)o,
		.dur_ns = ms * 1000000,
	};

	if (step == 1)
		str_set(ev.subject, "0000:41:00.0");
	if (o == OUTCOME_FAIL)
		str_set(ev.reason, "state-differs");
	say(w, ev);
}

static void usable_after(struct world *w, uint32_t cycle, int64_t ms)
{
	struct event ev = {
		.kind = EV_SUBSTEP,
		.cycle = cycle,
		.step = 1,
		.phase = PHASE_CYCLE,
		.dur_ns = ms * 1000000,
	};

	str_set(ev.subject, "0000:41:00.0");
	str_set(ev.text, SUBSTEP_USABLE);
	say(w, ev);
	str_set(ev.text, "write to reset");
	ev.dur_ns = 1;
	say(w, ev);
}

static void cycle_end(struct world *w, uint32_t cycle, enum outcome o)
{
	say(w,
		(struct event){.kind = EV_CYCLE_END,
			.cycle = cycle,
			.phase = PHASE_CYCLE,
			.outcome = (uint8_t)o});
}

static struct run_view *load_run(struct world *w, const char *which)
{
	struct run_view *view = NULL;
	struct err err = {0};

	if (run_view_load(w->store, which, &view, &err) != 0)
		fail_msg("%s", err.msg);
	return view;
}

static struct run_view *load(struct world *w)
{
	return load_run(w, "latest");
}

static void file_and_folder_are_private(void **state)
{
	struct world *w = *state;
	char folder[96];
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(folder, sizeof(folder), "%s/state", w->dir);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_run_comes_back_with_its_rows_and_times(void **state)
{
	struct world *w = *state;
	struct run_view *v;

	step_end(w, 1, 0, OUTCOME_PASS, 10);
	usable_after(w, 1, 70);
	step_end(w, 1, 1, OUTCOME_PASS, 100);
	cycle_end(w, 1, OUTCOME_PASS);
	step_end(w, 2, 0, OUTCOME_PASS, 30);
	usable_after(w, 2, 90);
	step_end(w, 2, 1, OUTCOME_FAIL, 300);
	cycle_end(w, 2, OUTCOME_FAIL);
	step_end(w, 3, 0, OUTCOME_PASS, 20);
	cycle_end(w, 3, OUTCOME_ABORTED);
	v = load(w);
	assert_string_equal(v->scenario, "store-test");
	assert_int_equal(v->nlanes, 1);
	assert_int_equal(v->lanes[0].cycles_done, 2);
	assert_int_equal(v->lanes[0].cycles_failed, 1);
	assert_int_equal(v->lanes[0].nsteps, 2);
	assert_null(v->lanes[0].steps[0].device);
	assert_int_equal(v->lanes[0].steps[0].count, 3);
	assert_int_equal(v->lanes[0].steps[0].p50_ms, 20);
	assert_int_equal(v->lanes[0].steps[0].p95_ms, 30);
	assert_string_equal(v->lanes[0].steps[1].device, "0000:41:00.0");
	assert_int_equal(v->lanes[0].steps[1].failed, 1);
	assert_int_equal(v->lanes[0].steps[1].max_ms, 300);
	assert_int_equal(v->lanes[0].steps[0].usable.count, 0);
	assert_int_equal(v->lanes[0].steps[1].usable.count, 2);
	assert_int_equal(v->lanes[0].steps[1].usable.p50_ms, 70);
	assert_int_equal(v->lanes[0].steps[1].usable.max_ms, 90);
	assert_int_equal(v->nfailures, 1);
	assert_string_equal(v->failures[0].step, "reset");
	assert_string_equal(v->failures[0].reason, "state-differs");
	assert_int_equal(v->failures[0].cycle, 2);
	assert_false(v->ended);
	run_view_free(v);
}

static void expect_cycles(struct world *w, const char *run, uint64_t done, int64_t longest_ms)
{
	struct run_view *v = load_run(w, run);

	assert_int_equal(v->lanes[0].cycles_done, done);
	assert_int_equal(v->lanes[0].steps[0].count, done);
	assert_int_equal(v->lanes[0].steps[0].max_ms, longest_ms);
	run_view_free(v);
}

static void runs_side_by_side_are_told_apart(void **state)
{
	struct world *w = *state;
	int64_t run[2] = {w->run};
	uint32_t i;

	assert_int_equal(begin_run(w, SECOND), 0);
	run[1] = w->run;
	for (i = 0; i < 10; i++) {
		w->run = run[i == 0 || i == 7 || i == 8];
		step_end(w, i + 1, 0, OUTCOME_PASS, i);
		cycle_end(w, i + 1, OUTCOME_PASS);
	}
	expect_cycles(w, FIRST, 7, 9);
	expect_cycles(w, SECOND, 3, 8);
}

static void numbers_that_are_none_do_not_keep_a_reader_for_ever(void **state)
{
	struct world *w = *state;
	struct run_view *v;
	struct err err;

	step_end(w, 1, 0, OUTCOME_PASS, 3);
	step_end(w, 2, 0, OUTCOME_PASS, 5);
	cycle_end(w, 1, OUTCOME_PASS);
	assert_int_equal(
		db_exec(store_db(w->store), "UPDATE event SET lane = 'x' WHERE id = 2", &err), 0);
	v = load(w);
	assert_int_equal(v->lanes[0].cycles_done, 1);
	run_view_free(v);
}

static void found(struct world *w, uint32_t cycle, enum device_use use)
{
	struct event ev = {.kind = EV_DEVICE_STATE,
		.cycle = cycle,
		.step = 1,
		.phase = PHASE_CYCLE,
		.code = (uint32_t)use};

	str_set(ev.subject, "0000:41:00.0");
	str_set(ev.reason, "before");
	say(w, ev);
	/* how it was afterwards is no matter, nor is how another one was found */
	ev.code = USE_UNBOUND;
	str_set(ev.reason, "after");
	say(w, ev);
	str_set(ev.reason, "before");
	str_set(ev.subject, "0000:41:00.1");
	say(w, ev);
}

static void a_reset_counts_for_the_state_in_which_its_device_was_found(void **state)
{
	struct event expected = {.kind = EV_STEP_END,
		.cycle = 6,
		.step = 1,
		.phase = PHASE_CYCLE,
		.dur_ns = 7 * 1000000,
		.subject = "0000:41:00.0",
		.reason = "state-differs"};
	struct world *w = *state;
	struct run_view *v;

	found(w, 1, USE_VM);
	step_end(w, 1, 1, OUTCOME_PASS, 100);
	found(w, 2, USE_VM);
	step_end(w, 2, 1, OUTCOME_FAIL, 300);
	step_end(w, 3, 1, OUTCOME_PASS, 10);
	found(w, 4, USE_VFIO);
	step_end(w, 4, 1, OUTCOME_PASS, 20);
	found(w, 5, USE_VFIO);
	step_end(w, 5, 1, OUTCOME_ABORTED, 5000);
	found(w, 6, USE_VFIO);
	say(w, expected);
	step_end(w, 7, 1, OUTCOME_SKIPPED, 0);
	found(w, 8, (enum device_use)77);
	step_end(w, 8, 1, OUTCOME_BROKEN, 5000);
	v = load(w);
	assert_int_equal(v->nresets, 3);
	assert_string_equal(v->resets[0].method, "flr");
	assert_string_equal(v->resets[0].device, "0000:41:00.0");
	assert_int_equal(v->resets[0].use, USE_UNKNOWN);
	assert_int_equal(v->resets[0].tried, 1);
	assert_int_equal(v->resets[1].use, USE_VFIO);
	assert_int_equal(v->resets[1].tried, 2);
	assert_int_equal(v->resets[1].worked, 1);
	assert_int_equal(v->resets[1].max_ms, 20);
	assert_int_equal(v->resets[2].use, USE_VM);
	assert_int_equal(v->resets[2].tried, 2);
	assert_int_equal(v->resets[2].worked, 1);
	assert_int_equal(v->resets[2].p50_ms, 100);
	assert_int_equal(v->resets[2].max_ms, 300);
	run_view_free(v);
}

static void what_preflight_answered_comes_back(void **state)
{
	const struct check_row rows[] = {
		{"iommu.groups", "0000:41:00.0", NULL, "acs", "fail", "asks", "seen", "means",
			"do"},
		{"vfio.bound", NULL, "gpu-vm", NULL, "ok", "asks", "seen", NULL, NULL},
	};
	struct world *w = *state;
	struct run_view *v = load(w);
	struct err err;

	assert_int_equal(v->nchecks, 0); /* a store of before has not even a table for it */
	run_view_free(v);
	assert_int_equal(store_preflight(w->store, w->run, rows, 2, &err), 0);
	v = load(w);
	assert_int_equal(v->nchecks, 2);
	assert_string_equal(v->checks[0].id, "iommu.groups");
	assert_string_equal(v->checks[0].device, "0000:41:00.0");
	assert_null(v->checks[0].domain);
	assert_string_equal(v->checks[0].item, "acs");
	assert_string_equal(v->checks[0].result, "fail");
	assert_string_equal(v->checks[0].meaning, "means");
	assert_string_equal(v->checks[0].advice, "do");
	assert_string_equal(v->checks[1].domain, "gpu-vm");
	assert_null(v->checks[1].advice);
	run_view_free(v);
}

static void steps_that_never_ran_have_no_times(void **state)
{
	struct run_view *v = load(*state);

	assert_int_equal(v->lanes[0].steps[0].count, 0);
	assert_int_equal(v->lanes[0].steps[0].p50_ms, -1);
	assert_int_equal(v->lanes[0].steps[0].max_ms, -1);
	run_view_free(v);
}

static struct incident fault_in_cycle(uint32_t no, int32_t cycle)
{
	struct incident inc = {
		.no = no,
		.severity = SEV_ERROR,
		.over_budget = true,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.lane = 0, .cycle = cycle, .step_index = 1, .in_lane = true},
		.count = 3,
		.budget = "3 seen, 2 allowed within 1m",
		.nfirst = 2,
		.telling = 1,
	};

	str_set(inc.id, "dmar.dma-fault");
	str_set(inc.place.step, "reset");
	incident_add_field(&inc, "address", VALUE_STRING, "0x1000");
	incident_add_field(&inc, "reason", VALUE_INT, "5");
	inc.first[0] = (struct incident_line){.seq = 98, .text = strdup("DMAR: DRHD: handling")};
	inc.first[1] =
		(struct incident_line){.seq = 99, .text = strdup("DMAR: [DMA Write] \x1b[2J")};
	return inc;
}

static bool take_line(void *arg, const struct run_line *line)
{
	*(struct run_line *)arg = *line;
	return true;
}

/* The list of runs and the report of a run count the same. */
static void a_cycle_with_an_incident_over_budget_is_listed_as_failed(void **state)
{
	struct world *w = *state;
	struct incident inc = fault_in_cycle(1, 2);
	struct run_line line = {0};
	struct err err;

	cycle_end(w, 1, OUTCOME_FAIL);
	cycle_end(w, 2, OUTCOME_PASS);
	cycle_end(w, 3, OUTCOME_PASS);
	cycle_end(w, 4, OUTCOME_ABORTED);
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	inc.no = 2;
	inc.place.cycle = 3;
	inc.over_budget = false;
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	assert_int_equal(store_list_runs(w->store, take_line, &line, &err), 0);
	assert_int_equal(line.cycles_done, 3);
	assert_int_equal(line.cycles_failed, 2);
	incident_finish(&inc);
}

static void an_incident_comes_back_whole_and_fails_its_cycle(void **state)
{
	struct world *w = *state;
	struct incident inc = fault_in_cycle(1, 1);
	struct run_view *v;
	struct err err;

	cycle_end(w, 1, OUTCOME_PASS);
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	inc.count = 8; /* changed: replaced, not doubled */
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	v = load(w);
	assert_int_equal(v->nincidents, 1);
	assert_int_equal(v->incidents[0].count, 8);
	assert_int_equal(v->incidents[0].nfields, 2);
	assert_string_equal(v->incidents[0].fields[0].text, "0x1000");
	assert_int_equal(v->incidents[0].fields[1].kind, VALUE_INT);
	assert_int_equal(v->incidents[0].nfirst, 2);
	assert_string_equal(incident_line(&v->incidents[0]), "DMAR: [DMA Write] \x1b[2J");
	assert_string_equal(v->incidents[0].budget, "3 seen, 2 allowed within 1m");
	assert_int_equal(v->lanes[0].cycles_failed, 1);
	run_view_free(v);
	incident_finish(&inc);
}

static void expected_and_info_are_counted_not_listed(void **state)
{
	struct world *w = *state;
	struct incident inc = fault_in_cycle(1, 1);
	struct run_view *v;
	struct err err;

	inc.over_budget = false;
	inc.expected = true;
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	inc.no = 2;
	inc.expected = false;
	inc.severity = SEV_INFO;
	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	v = load(w);
	assert_int_equal(v->nincidents, 0);
	assert_int_equal(v->expected_events, 3);
	assert_int_equal(v->info_events, 3);
	run_view_free(v);
	incident_finish(&inc);
}

static void one_boot_that_was_not_proved_spoils_the_proof(void **state)
{
	struct run_view *v = load(*state);

	assert_false(v->boots_proved); /* there was none */
	run_view_free(v);
	say(*state, (struct event){.kind = EV_BOOT_PROOF, .code = 1});
	v = load(*state);
	assert_true(v->boots_proved);
	run_view_free(v);
	say(*state, (struct event){.kind = EV_BOOT_PROOF, .code = 0});
	v = load(*state);
	assert_false(v->boots_proved);
	run_view_free(v);
}

static void broken_steps_are_failures_skipped_ones_are_not(void **state)
{
	struct run_view *v;

	step_end(*state, 1, 0, OUTCOME_BROKEN, 1);
	step_end(*state, 1, 1, OUTCOME_SKIPPED, 0);
	v = load(*state);
	assert_int_equal(v->nfailures, 1);
	assert_int_equal(v->failures[0].outcome, OUTCOME_BROKEN);
	assert_string_equal(v->failures[0].step, "hold");
	run_view_free(v);
}

static void a_secret_of_the_kernel_command_line_is_in_no_store(void **state)
{
	struct run_view *v = load(*state);

	assert_string_equal(v->host.cmdline, "ro rd.iscsi.password=removed quiet");
	run_view_free(v);
}

static void a_step_that_was_cut_off_has_neither_passed_nor_failed(void **state)
{
	struct run_view *v;

	step_end(*state, 1, 1, OUTCOME_PASS, 20);
	step_end(*state, 2, 1, OUTCOME_ABORTED, 3);
	v = load(*state);
	assert_int_equal(v->lanes[0].steps[1].count, 2);
	assert_int_equal(v->lanes[0].steps[1].aborted, 1);
	assert_int_equal(step_row_passed(&v->lanes[0].steps[1]), 1);
	assert_int_equal(v->nfailures, 0);
	run_view_free(v);
}

/* Makes the run that of a process that had this pid before. */
static void kill_run(struct world *w)
{
	struct err err;

	assert_int_equal(db_exec(store_db(w->store), "UPDATE run SET pid_start = 1", &err), 0);
}

static void what_the_run_before_came_to_is_known(void **state)
{
	struct world *w = *state;
	struct store *s = w->store;
	enum verdict v = VERDICT_PASS;
	struct err err;

	assert_int_equal(run_last_verdict(s, "store-test", "h", INT64_MAX, &v, &err), 0);
	kill_run(w);
	assert_int_equal(run_last_verdict(s, "store-test", "h", INT64_MAX, &v, &err), 1);
	assert_int_equal(v, VERDICT_ABORTED);
	assert_int_equal(store_run_end(s, w->run, VERDICT_FAIL, 1, "", &err), 0);
	assert_int_equal(run_last_verdict(s, "store-test", "h", INT64_MAX, &v, &err), 1);
	assert_int_equal(v, VERDICT_FAIL);
	assert_int_equal(run_last_verdict(s, "store-test", "h", w->run, &v, &err), 0);
	assert_int_equal(run_last_verdict(s, "store-test", "other", INT64_MAX, &v, &err), 0);
	assert_int_equal(run_last_verdict(s, "other", "h", INT64_MAX, &v, &err), 0);
}

static void of_a_run_that_died_the_open_step_is_the_suspect(void **state)
{
	struct event begin = {.kind = EV_STEP_BEGIN, .cycle = 1, .step = 1, .phase = PHASE_CYCLE};
	struct run_view *v;

	str_set(begin.subject, "0000:41:00.0");
	step_end(*state, 1, 0, OUTCOME_PASS, 1);
	say(*state, begin);
	v = load(*state);
	assert_true(v->running);
	assert_int_equal(v->nfailures, 0);
	run_view_free(v);
	kill_run(*state);
	v = load(*state);
	assert_false(v->running || v->ended);
	assert_int_equal(v->nfailures, 1);
	assert_int_equal(v->failures[0].outcome, OUTCOME_ABORTED);
	assert_string_equal(v->failures[0].step, "reset");
	assert_string_equal(v->failures[0].device, "0000:41:00.0");
	assert_string_equal(v->failures[0].reason, "run-died");
	run_view_free(v);
	step_end(*state, 1, 1, OUTCOME_PASS, 1);
	v = load(*state);
	assert_int_equal(v->nfailures, 0);
	run_view_free(v);
}

/* What was acknowledged must survive a power cut: sqlite.org/pragma.html#pragma_synchronous */
static void what_is_written_is_on_disk(void **state)
{
	struct world *w = *state;
	struct query *q;
	struct err err;

	assert_int_equal(db_query(store_db(w->store), &q, &err, "PRAGMA synchronous", ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	assert_int_equal(db_int(q, 0), 2); /* FULL */
	db_done(q);
	assert_int_equal(db_query(store_db(w->store), &q, &err, "PRAGMA journal_mode", ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	assert_string_equal(db_text(q, 0), "wal");
	db_done(q);
}

static void an_undo_record_stays_until_it_is_done(void **state)
{
	struct world *w = *state;
	const struct undo_rec rec = {
		.kind = UNDO_WRITE, .path = "/sys/x", .value = "flr", .subject = "0000:41:00.0"};
	struct event ev = {.kind = EV_UNDO};
	struct undo_open *open = NULL;
	uint64_t id = 0;
	struct err err;
	size_t n = 0;

	undo_to_event(&rec, &ev);
	assert_int_equal(store_undo(w->store, w->run, &ev, "boot-1", &id, &err), 0);
	assert_int_equal(store_undo_list(w->store, 0, &open, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(open[0].rec.path, "/sys/x");
	assert_string_equal(open[0].rec.value, "flr");
	assert_string_equal(open[0].boot_id, "boot-1");
	assert_true(open[0].run_alive); /* this very process */
	free(open);
	kill_run(w);
	assert_int_equal(store_undo_list(w->store, w->run, &open, &n, &err), 0);
	assert_false(open[0].run_alive);
	free(open);
	assert_int_equal(store_undo_done(w->store, id, &err), 0);
	assert_int_equal(store_undo_list(w->store, 0, &open, &n, &err), 0);
	assert_int_equal(n, 0);
	free(open);
}

/* A report can be made on another machine, of a file that somebody sent. */
static void numbers_that_mean_nothing_do_no_harm(void **state)
{
	struct world *w = *state;
	struct incident inc = fault_in_cycle(1, 1);
	struct run_view *v;
	struct err err;

	assert_int_equal(store_incident(w->store, w->run, &inc, &err), 0);
	step_end(w, 1, 1, OUTCOME_FAIL, 5);
	assert_int_equal(db_exec(store_db(w->store),
				 "UPDATE incident SET severity = 77, lane = 1000000, cycle = -9,"
				 " fields = x'1f1e'; UPDATE step SET phase = 99;"
				 "UPDATE event SET phase = 200, step = -7, lane = 5",
				 &err),
		0);
	v = load(w);
	assert_int_equal(v->incidents[0].severity, SEV_FATAL);
	assert_int_equal(v->totals.severity[SEV_FATAL], 1);
	assert_string_equal(phase_name(v->lanes[0].steps[0].phase), "");
	assert_string_equal(v->failures[0].step, "");
	run_view_free(v);
	assert_string_equal(severity_name((enum severity) - 1), "unknown");
	assert_string_equal(outcome_name((enum outcome)99), "unknown");
	assert_string_equal(verdict_name((enum verdict)99), "unknown");
	incident_finish(&inc);
}

/* As far as it is stored, a clock that was set back or not; then another boot's log begins. */
static void the_end_of_the_log_is_found_whatever_the_clock_said(void **state)
{
	struct klog_rec rec = {.seq = 7, .usec = 1500000, .wall_ns = 1000000000};
	struct world *w = *state;
	struct unfinished *runs;
	struct err err;
	size_t n;

	assert_int_equal(store_record(w->store, w->run, &rec, &err), 0);
	assert_int_equal(store_unfinished(w->store, w->run, &runs, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(runs[0].last_usec, 1500000);
	assert_int_equal(runs[0].last_seq, 7);
	unfinished_finish(&runs[0]);
	free(runs);
	assert_int_equal(store_run_log_begins(w->store, w->run, &err), 0);
	assert_int_equal(store_unfinished(w->store, w->run, &runs, &n, &err), 0);
	assert_int_equal(runs[0].last_usec, -1);
	unfinished_finish(&runs[0]);
	free(runs);
}

static void runs_are_found_by_prefix_and_latest(void **state)
{
	struct world *w = *state;
	int64_t run = 0;
	struct err err;

	assert_int_equal(store_find_run(w->store, "latest", &run, &err), 0);
	assert_int_equal(run, w->run);
	assert_int_equal(store_find_run(w->store, "20261121", &run, &err), 0);
	assert_int_equal(store_find_run(w->store, "2025", &run, &err), -1);
	assert_string_equal(err.msg, "there is no run '2025'");
}

/* As version 1 had it, with an incident in it. */
static void make_old(struct world *w)
{
	struct err err;

	assert_int_equal(
		db_exec(store_db(w->store),
			"ALTER TABLE incident DROP COLUMN telling;"
			"ALTER TABLE incident DROP COLUMN budget;"
			"ALTER TABLE outbox DROP COLUMN key;"
			"ALTER TABLE run DROP COLUMN machine_id;"
			"ALTER TABLE run DROP COLUMN reports_due;"
			"ALTER TABLE run DROP COLUMN log_began;"
			"ALTER TABLE run DROP COLUMN alive_mono_ns;"
			"INSERT INTO incident (run, no, id, severity, count) VALUES (1, 1, "
			"'aer.fatal', 3, 7);"
			"PRAGMA user_version = 1",
			&err),
		0);
	store_close(w->store);
	w->store = NULL;
}

static int64_t schema_of(const char *path)
{
	struct query *q;
	int64_t version;
	struct err err;
	struct db *db;

	assert_int_equal(db_open(path, DB_READ, &db, &err), 0);
	assert_int_equal(db_query(db, &q, &err, "PRAGMA user_version", ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	version = db_int(q, 0);
	db_done(q);
	db_close(db);
	return version;
}

static void has_the_old_incident(struct world *w)
{
	struct run_view *view = load(w);

	assert_int_equal(view->nincidents, 1);
	assert_string_equal(view->incidents[0].id, "aer.fatal");
	assert_int_equal(view->incidents[0].count, 7);
	run_view_free(view);
}

static void an_older_store_is_read_as_it_is(void **state)
{
	struct world *w = *state;
	struct err err;

	make_old(w);
	assert_int_equal(store_open(w->path, STORE_READ, &w->store, &err), 0);
	has_the_old_incident(w);
	assert_int_equal(schema_of(w->path), 1);
}

static void an_older_store_is_brought_up_to_date_by_who_writes(void **state)
{
	struct world *w = *state;
	struct err err;

	assert_int_equal(db_exec(store_db(w->store), "UPDATE run SET ended_ns = 2000", &err), 0);
	make_old(w);
	assert_int_equal(store_open(w->path, STORE_CHANGE, &w->store, &err), 0);
	assert_true(schema_of(w->path) > 1);
	has_the_old_incident(w);
	cycle_end(w, 1, OUTCOME_PASS);
}

/* Ours: what it starts at its end must understand its store. */
static void a_run_of_an_older_version_keeps_its_store(void **state)
{
	struct world *w = *state;
	struct run_pulse pulse;
	struct err err;

	make_old(w);
	assert_int_equal(store_open(w->path, STORE_CREATE, &w->store, &err), -1);
	assert_non_null(strstr(err.msg, "a run of an older vfio-stress goes on"));
	assert_int_equal(schema_of(w->path), 1);
	assert_int_equal(store_open(w->path, STORE_READ, &w->store, &err), 0);
	assert_int_equal(store_pulse(w->store, w->run, &pulse, &err), 0);
	assert_int_equal(pulse_follows(&pulse, w->store, &err), -1);
	pulse.ended = true;
	assert_int_equal(pulse_follows(&pulse, w->store, &err), 0);
}

static void what_cannot_be_brought_up_to_date_stays(void **state)
{
	struct world *w = *state;
	struct store *second = NULL;
	struct err err;

	assert_int_equal(db_exec(store_db(w->store), "UPDATE run SET ended_ns = 2000", &err), 0);
	assert_int_equal(db_exec(store_db(w->store), "PRAGMA user_version = 1", &err), 0);
	assert_int_equal(store_open(w->path, STORE_CREATE, &second, &err), -1);
	assert_non_null(strstr(err.msg, "duplicate column"));
	assert_int_equal(schema_of(w->path), 1);
}

static void a_newer_store_is_refused(void **state)
{
	struct world *w = *state;
	struct store *second = NULL;
	struct err err;

	assert_int_equal(db_exec(store_db(w->store), "PRAGMA user_version = 99", &err), 0);
	assert_int_equal(store_open(w->path, STORE_CREATE, &second, &err), -1);
	assert_non_null(strstr(err.msg, "a newer vfio-stress"));
	assert_int_equal(store_open(w->path, STORE_READ, &second, &err), -1);
}

static void only_a_run_creates_a_store(void **state)
{
	struct world *w = *state;
	struct store *second = NULL;
	char path[96];
	struct err err;

	snprintf(path, sizeof(path), "%s/absent", w->dir);
	assert_int_equal(store_open(path, STORE_READ, &second, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(store_open(path, STORE_CHANGE, &second, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_open(w->path, STORE_CHANGE, &second, &err), 0);
	store_close(second);
}

/* SQLite keeps what it calls ":memory:" nowhere, and takes "file:..." for an address. */
static void every_name_is_a_files(void **state)
{
	static const char *const names[] = {":memory:", "file:runs?mode=memory"};
	struct world *w = *state;
	struct store *store = NULL;
	char here[PATH_MAX];
	struct query *q;
	struct err err;
	size_t i;

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(w->dir), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(store_open(names[i], STORE_CREATE, &store, &err), 0);
		store_close(store);
		assert_int_equal(store_open(names[i], STORE_READ, &store, &err), 0);
		assert_int_equal(
			db_query(store_db(store), &q, &err, "SELECT count(*) FROM run", ""), 0);
		db_done(q);
		store_close(store);
		assert_int_equal(unlink(names[i]), 0);
	}
	assert_int_equal(chdir(here), 0);
}

static void without_a_home_the_store_must_be_named(void **state)
{
	struct store *store = NULL;
	uid_t me = geteuid();
	struct err err;

	(void)state;
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_int_equal(seteuid(me ? me : 65534), 0); /* root's store needs no home */
	assert_int_equal(store_open(NULL, STORE_CREATE, &store, &err), -1);
	assert_int_equal(seteuid(me), 0);
	assert_non_null(strstr(err.msg, "HOME is not set"));
	assert_non_null(strstr(err.hint, "--db FILE"));
}

/* Somebody names the wrong file: a browser's history, with tables and a version of its own. */
static void a_database_of_another_program_is_refused_and_kept(void **state)
{
	static const char *const pragmas[] = {
		"CREATE TABLE places (url TEXT)",
		"CREATE TABLE places (url TEXT); PRAGMA user_version = 1",
		"CREATE TABLE places (url TEXT); CREATE TABLE run (x); PRAGMA user_version = 99",
	};
	struct world *w = *state;
	struct store *store = NULL;
	char path[96];
	size_t i;

	snprintf(path, sizeof(path), "%s/places.sqlite", w->dir);
	for (i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
		struct db *db;
		struct query *q;
		struct err err;

		assert_int_equal(db_open(path, DB_CREATE, &db, &err), 0);
		assert_int_equal(db_exec(db, pragmas[i], &err), 0);
		assert_int_equal(store_open(path, STORE_CREATE, &store, &err), -1);
		assert_non_null(strstr(err.msg, "of another program"));
		assert_int_equal(store_open(path, STORE_CHANGE, &store, &err), -1);
		assert_int_equal(store_open(path, STORE_READ, &store, &err), -1);
		assert_non_null(strstr(err.msg, "of another program"));
		assert_int_equal(db_query(db, &q, &err, "PRAGMA journal_mode", ""), 0);
		assert_int_equal(db_row(q, &err), 1);
		assert_string_equal(db_text(q, 0), "delete");
		db_done(q);
		db_close(db);
		unlink(path);
	}
}

static int64_t count_runs(struct world *w)
{
	struct query *q;
	struct err err;
	int64_t n;

	assert_int_equal(db_query(store_db(w->store), &q, &err, "SELECT count(*) FROM run", ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	n = db_int(q, 0);
	db_done(q);
	return n;
}

/* As when the pages of that table are found damaged. */
static void a_run_begins_with_all_that_belongs_to_it_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct err err;

	assert_int_equal(db_exec(store_db(w->store),
				 "DELETE FROM run; DELETE FROM lane; DELETE FROM lane_device;"
				 "DELETE FROM step; DROP TABLE note",
				 &err),
		0);
	assert_int_equal(begin_run(w, SECOND), -1);
	assert_int_equal(count_runs(w), 0);
}

/* An index may lead to a row that is not there. */
static void a_row_that_is_missing_is_told(void **state)
{
	struct world *w = *state;
	struct query *q;
	struct err err;

	assert_int_equal(
		db_query(store_db(w->store), &q, &err, "SELECT key FROM run WHERE key = 7", ""), 0);
	assert_int_equal(db_one_row(q, &err), -1);
	db_done(q);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, w->path));
}

static void what_a_damaged_file_says_cannot_move_a_terminal(void **state)
{
	struct world *w = *state;
	struct store *store = NULL;
	struct err err;

	assert_int_equal(db_exec(store_db(w->store),
				 "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'x',"
				 " name = CAST(x'611b5b32d84a' AS TEXT) WHERE name = 'note'",
				 &err),
		0);
	assert_int_equal(store_open(w->path, STORE_CREATE, &store, &err), -1);
	assert_non_null(strstr(err.msg, "a\\x1b[2\\xd8J"));
	assert_null(strchr(err.msg, '\x1b'));
}

static void a_store_without_anything_in_it_says_so(void **state)
{
	struct world *w = *state;
	struct store *store = NULL;
	char path[96];
	struct err err;
	int fd;

	snprintf(path, sizeof(path), "%s/empty", w->dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(store_open(path, STORE_READ, &store, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_non_null(strstr(err.msg, "is empty"));
	close(fd);
	unlink(path);
	assert_int_equal(store_open("", STORE_CREATE, &store, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

static void what_is_no_store_is_refused_and_kept(void **state)
{
	struct world *w = *state;
	struct store *store = NULL;
	char path[96], back[32] = "";
	struct err err;
	int fd;

	snprintf(path, sizeof(path), "%s/not-a-store", w->dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(write(fd, "my precious notes", 17), 17);
	assert_int_equal(store_open(path, STORE_CREATE, &store, &err), -1);
	assert_non_null(strstr(err.msg, "not a database"));
	assert_int_equal(pread(fd, back, sizeof(back) - 1, 0), 17);
	assert_string_equal(back, "my precious notes");
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(file_and_folder_are_private),
		TEST(a_run_comes_back_with_its_rows_and_times),
		TEST(runs_side_by_side_are_told_apart),
		TEST(numbers_that_are_none_do_not_keep_a_reader_for_ever),
		TEST(a_reset_counts_for_the_state_in_which_its_device_was_found),
		TEST(what_preflight_answered_comes_back),
		TEST(steps_that_never_ran_have_no_times),
		TEST(a_cycle_with_an_incident_over_budget_is_listed_as_failed),
		TEST(an_incident_comes_back_whole_and_fails_its_cycle),
		TEST(expected_and_info_are_counted_not_listed),
		TEST(one_boot_that_was_not_proved_spoils_the_proof),
		TEST(broken_steps_are_failures_skipped_ones_are_not),
		TEST(a_secret_of_the_kernel_command_line_is_in_no_store),
		TEST(a_step_that_was_cut_off_has_neither_passed_nor_failed),
		TEST(what_the_run_before_came_to_is_known),
		TEST(of_a_run_that_died_the_open_step_is_the_suspect),
		TEST(what_is_written_is_on_disk),
		TEST(an_undo_record_stays_until_it_is_done),
		TEST(numbers_that_mean_nothing_do_no_harm),
		TEST(the_end_of_the_log_is_found_whatever_the_clock_said),
		TEST(runs_are_found_by_prefix_and_latest),
		TEST(an_older_store_is_read_as_it_is),
		TEST(an_older_store_is_brought_up_to_date_by_who_writes),
		TEST(a_run_of_an_older_version_keeps_its_store),
		TEST(what_cannot_be_brought_up_to_date_stays),
		TEST(a_newer_store_is_refused),
		TEST(only_a_run_creates_a_store),
		TEST(every_name_is_a_files),
		TEST(without_a_home_the_store_must_be_named),
		TEST(a_database_of_another_program_is_refused_and_kept),
		TEST(a_run_begins_with_all_that_belongs_to_it_or_not_at_all),
		TEST(a_row_that_is_missing_is_told),
		TEST(what_a_damaged_file_says_cannot_move_a_terminal),
		TEST(a_store_without_anything_in_it_says_so),
		TEST(what_is_no_store_is_refused_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

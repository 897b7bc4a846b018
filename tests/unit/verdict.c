/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/verdict.h"

#include "model/run_view.h"

#include "cmocka_all.h"

#include <string.h>

/* A run of one lane whose single step ran `count` times. */
struct small_run {
	struct run_view view;
	struct lane_row lane;
	struct step_row step;
	struct failure_row failure;
	struct incident incident;
};

static struct run_view *run_of(struct small_run *r)
{
	*r = (struct small_run){
		.step = {.phase = PHASE_CYCLE, .word = "reset", .count = 3},
		.lane = {.name = "gpu", .reason = "", .ended = true, .end = OUTCOME_PASS},
		.view = {.ended = true, .aborted = "", .blind_reason = ""},
	};
	r->lane.steps = &r->step;
	r->lane.nsteps = 1;
	r->view.lanes = &r->lane;
	r->view.nlanes = 1;
	return &r->view;
}

static void add_failure(struct small_run *r, enum outcome o)
{
	r->failure = (struct failure_row){.cycle = 3,
		.step = "reset",
		.device = "0000:41:00.0",
		.outcome = o,
		.reason = "state-differs",
		.detail = "link width is x8, was x16",
		.advice = ""};
	*(o == OUTCOME_FAIL ? &r->step.failed : &r->step.broken) = 1;
	r->view.failures = &r->failure;
	r->view.nfailures = r->view.failures_total = 1;
}

static void add_incident(struct small_run *r, bool over_budget, int32_t lane)
{
	r->incident = (struct incident){.id = "dmar.dma-fault",
		.over_budget = over_budget,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.lane = lane, .cycle = 3, .step = "reset"}};
	r->view.incidents = &r->incident;
	r->view.nincidents = 1;
}

static void expect(struct small_run *r, enum verdict verdict, int code, const char *reason)
{
	verdict_judge(&r->view);
	assert_string_equal(verdict_name(r->view.verdict), verdict_name(verdict));
	assert_int_equal(r->view.exit_code, code);
	assert_string_equal(r->view.verdict_reason, reason);
	arena_finish(&r->view.arena);
}

static void a_quiet_run_passes(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	expect(&r, VERDICT_PASS, 0, "nothing surprising happened");
}

static void a_failed_step_fails_even_an_aborted_and_blind_run(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r)->aborted = "interrupted";
	r.view.blind = true;
	add_failure(&r, OUTCOME_FAIL);
	expect(&r, VERDICT_FAIL, 1,
		"gpu, cycle 3, reset of 0000:41:00.0: link width is x8, was x16");
}

static void an_incident_over_budget_fails_and_is_named_before_the_step(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	add_failure(&r, OUTCOME_FAIL);
	add_incident(&r, true, 0);
	expect(&r, VERDICT_FAIL, 1, "dmar.dma-fault of 0000:41:00.0 in cycle 3, step reset");
}

static void an_incident_of_no_lane_fails_the_run_but_not_the_lane(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	add_incident(&r, true, -1);
	verdict_judge(&r.view);
	assert_int_equal(r.view.verdict, VERDICT_FAIL);
	assert_int_equal(r.lane.verdict, VERDICT_PASS);
	arena_finish(&r.view.arena);
}

static void a_tolerated_incident_does_not_fail(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	add_incident(&r, false, 0);
	expect(&r, VERDICT_PASS, 0, "nothing surprising happened");
}

static void aborted_comes_before_broken(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r)->aborted = "interrupted";
	add_failure(&r, OUTCOME_BROKEN);
	expect(&r, VERDICT_ABORTED, 4, "interrupted");
}

static void a_run_without_an_end_has_died(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r)->ended = false;
	r.lane.ended = false;
	expect(&r, VERDICT_ABORTED, 4, "the run died: it was killed, or its host went down");
}

static void a_broken_tool_is_no_failed_device(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	add_failure(&r, OUTCOME_BROKEN);
	expect(&r, VERDICT_BROKEN, 4,
		"gpu, cycle 3, reset of 0000:41:00.0: link width is x8, was x16");
}

static void a_blind_run_never_passes(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r)->blind = true;
	r.view.blind_reason = "5 records were lost";
	expect(&r, VERDICT_BROKEN, 4, "blind: 5 records were lost");
}

static void nothing_but_skips_is_skipped(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r);
	r.step.skipped = r.step.count;
	expect(&r, VERDICT_SKIPPED, 4, "no step ran");
}

static void neither_a_run_nor_a_lane_without_an_end_passes(void **state)
{
	struct small_run r;

	(void)state;
	run_of(&r)->ended = false;
	expect(&r, VERDICT_ABORTED, 4, "the run died: it was killed, or its host went down");
	run_of(&r);
	r.lane.ended = false;
	expect(&r, VERDICT_ABORTED, 4, "a lane was stopped before its cycles were done");
	assert_int_equal(r.lane.verdict, VERDICT_ABORTED);
}

static void a_host_that_was_left_changed_is_no_pass(void **state)
{
	static const char *what = "2 changes of the host could not be put back";
	struct small_run r;

	(void)state;
	run_of(&r)->left = (struct strings_row){&what, 1};
	expect(&r, VERDICT_BROKEN, 4, what);
	add_failure(&r, OUTCOME_FAIL);
	expect(&r, VERDICT_FAIL, 1,
		"gpu, cycle 3, reset of 0000:41:00.0: link width is x8, was x16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_run_passes),
		cmocka_unit_test(neither_a_run_nor_a_lane_without_an_end_passes),
		cmocka_unit_test(a_failed_step_fails_even_an_aborted_and_blind_run),
		cmocka_unit_test(an_incident_over_budget_fails_and_is_named_before_the_step),
		cmocka_unit_test(an_incident_of_no_lane_fails_the_run_but_not_the_lane),
		cmocka_unit_test(a_tolerated_incident_does_not_fail),
		cmocka_unit_test(aborted_comes_before_broken),
		cmocka_unit_test(a_run_without_an_end_has_died),
		cmocka_unit_test(a_broken_tool_is_no_failed_device),
		cmocka_unit_test(a_blind_run_never_passes),
		cmocka_unit_test(nothing_but_skips_is_skipped),
		cmocka_unit_test(a_host_that_was_left_changed_is_no_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

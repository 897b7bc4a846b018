/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/crowd.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include "cmocka_all.h"

/* A fault of the n-th device, told once. */
static struct incident fault(unsigned n, bool counts)
{
	struct incident inc = {
		.severity = SEV_ERROR,
		.over_budget = counts,
		.has_bdf = true,
		.bdf = {(uint16_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)(n >> 3 & 31), n & 7},
		.place = {.lane = -1, .cycle = -1, .step_index = -1},
		.count = 1,
		.first_seq = n,
		.last_seq = n,
	};

	str_set(inc.id, "amdvi.io-page-fault");
	return inc;
}

static struct incident fault_in(int32_t lane, int32_t cycle)
{
	struct incident inc = fault(1, true);

	inc.place.lane = lane;
	inc.place.cycle = cycle;
	return inc;
}

/* How many of so many that come at that moment are kept. */
static unsigned kept(struct crowd *c, unsigned n, bool counts, int64_t at_ns)
{
	unsigned i, sum = 0;

	for (i = 0; i < n; i++) {
		struct incident inc = fault(i, counts);

		sum += crowd_keeps(c, &inc, at_ns);
	}
	return sum;
}

static void a_burst_is_kept_and_then_one_now_and_then(void **state)
{
	struct crowd *c = crowd_new();

	(void)state;
	assert_int_equal(kept(c, 5000, false, NS_PER_S), CROWD_BURST);
	assert_int_equal(kept(c, 5000, false, NS_PER_S + 3 * CROWD_EVERY_NS), 3);
	assert_int_equal(
		kept(c, 5000, false, NS_PER_S + 2 * CROWD_BURST * CROWD_EVERY_NS), CROWD_BURST);
	crowd_free(c);
}

static void those_that_count_have_a_place_of_their_own(void **state)
{
	struct crowd *c = crowd_new();

	(void)state;
	assert_int_equal(kept(c, 5000, false, NS_PER_S), CROWD_BURST);
	assert_int_equal(kept(c, 5000, true, NS_PER_S), CROWD_BURST);
	crowd_free(c);
}

static void each_cycle_keeps_what_failed_it(void **state)
{
	struct crowd *c = crowd_new();
	struct incident first = fault_in(0, 7), again = fault_in(0, 7), other = fault_in(1, 7),
			next = fault_in(0, 8), before = fault_in(2, 0), after = fault_in(2, -1);

	(void)state;
	kept(c, CROWD_BURST, true, NS_PER_S);
	assert_true(crowd_keeps(c, &first, NS_PER_S));
	assert_false(crowd_keeps(c, &again, NS_PER_S));
	assert_true(crowd_keeps(c, &other, NS_PER_S));
	assert_true(crowd_keeps(c, &next, NS_PER_S));
	assert_true(crowd_keeps(c, &before, NS_PER_S));
	assert_true(crowd_keeps(c, &after, NS_PER_S));
	crowd_free(c);
}

static void gather(struct crowd *c, const struct incident *inc, const char *line)
{
	struct incident with = *inc;

	with.first[0] = (struct incident_line){inc->first_seq, (char *)line};
	with.nfirst = 1;
	crowd_gather(c, &with, with.count, true);
}

static void the_others_are_one_that_counts_them_all(void **state)
{
	struct crowd *c = crowd_new();
	struct crowd_devices who;
	struct incident *all, inc;
	unsigned i;

	(void)state;
	for (i = 1; i <= 100000; i++) {
		inc = fault(i, false);
		inc.count = 2;
		inc.count_is_lower_bound = i == 7;
		gather(c, &inc, "a line");
	}
	all = crowd_next(c);
	assert_non_null(all);
	assert_null(crowd_next(c)); /* it has not changed since */
	assert_string_equal(all->id, "amdvi.io-page-fault");
	assert_false(all->has_bdf);
	assert_int_equal(all->place.lane, -1);
	assert_int_equal(all->count, 200000);
	assert_true(all->count_is_lower_bound);
	assert_int_equal(all->first_seq, 1);
	assert_int_equal(all->last_seq, 100000);
	assert_int_equal(all->nfirst, CROWD_LINES);
	assert_int_equal(all->lines_omitted, 100000 - CROWD_LINES);
	assert_string_equal(all->fields[0].name, "incidents");
	assert_string_equal(all->fields[0].text, "100000");
	assert_string_equal(all->fields[1].name, "devices");
	assert_true(str_starts(all->fields[1].text, "0000:00:00.1\n0000:00:00.2\n"));
	assert_true(str_ends(all->fields[1].text, "\n..."));
	crowd_devices(all, &who);
	assert_true(who.more);
	assert_true(who.n > 10);
	assert_int_equal(who.v[1].fn, 2);
	/* more of one of them */
	crowd_gather(c, &inc, 5, false);
	assert_ptr_equal(crowd_next(c), all);
	assert_int_equal(all->count, 200005);
	assert_string_equal(all->fields[0].text, "100000");
	crowd_free(c);
}

/* Else a stranger's faults would fail the run, or what was tolerated be lost among them. */
static void what_is_judged_otherwise_is_gathered_apart(void **state)
{
	struct incident counts = fault(1, true), listed = fault(2, false), tolerated = listed,
			expected = listed, ours = listed;
	struct crowd *c = crowd_new();
	unsigned n = 0, over = 0;
	struct incident *inc;

	(void)state;
	tolerated.tolerated = true;
	expected.expected = true;
	ours.place.in_lane = true;
	gather(c, &counts, "a line");
	gather(c, &listed, "a line");
	gather(c, &tolerated, "a line");
	gather(c, &expected, "a line");
	gather(c, &ours, "a line");
	while ((inc = crowd_next(c)) != NULL) {
		assert_int_equal(inc->count, 1);
		over += inc->over_budget;
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(over, 1);
	crowd_free(c);
}

/* A row that names a kind of AER errors would not find its own among the worse of the id. */
static void what_is_worse_is_gathered_apart(void **state)
{
	struct incident bad = fault(1, false), worse = bad;
	struct crowd *c = crowd_new();
	struct incident *inc;

	(void)state;
	worse.severity = SEV_FATAL;
	gather(c, &bad, "a line");
	crowd_gather(c, &worse, 2, false); /* it has become worse */
	inc = crowd_next(c);
	assert_int_equal(inc->severity, SEV_ERROR);
	assert_int_equal(inc->count, 1);
	assert_string_equal(inc->fields[0].text, "1");
	inc = crowd_next(c);
	assert_int_equal(inc->severity, SEV_FATAL);
	assert_int_equal(inc->count, 2);
	assert_string_equal(inc->fields[0].text, "1");
	assert_null(crowd_next(c));
	crowd_free(c);
}

static void whose_an_incident_is_can_be_read(void **state)
{
	struct incident one = fault(8, true), other = fault(3, true), nobodys = fault(1, true);
	struct crowd *c = crowd_new();
	struct crowd_devices who;
	struct incident *all;

	(void)state;
	crowd_devices(&one, &who);
	assert_int_equal(who.n, 1);
	assert_true(bdf_eq(who.v[0], one.bdf));
	nobodys.has_bdf = false;
	crowd_devices(&nobodys, &who);
	assert_int_equal(who.n, 0);
	gather(c, &one, "a line");
	gather(c, &other, "a line");
	all = crowd_next(c);
	crowd_devices(all, &who);
	assert_int_equal(who.n, 2);
	assert_false(who.more);
	assert_true(bdf_eq(who.v[0], one.bdf));
	assert_true(bdf_eq(who.v[1], other.bdf));
	crowd_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_kept_and_then_one_now_and_then),
		cmocka_unit_test(those_that_count_have_a_place_of_their_own),
		cmocka_unit_test(each_cycle_keeps_what_failed_it),
		cmocka_unit_test(the_others_are_one_that_counts_them_all),
		cmocka_unit_test(what_is_judged_otherwise_is_gathered_apart),
		cmocka_unit_test(what_is_worse_is_gathered_apart),
		cmocka_unit_test(whose_an_incident_is_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

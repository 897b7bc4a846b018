/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/budget.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/crowd.h"
#include "model/run_view.h"

#include "cmocka_all.h"

#define S             NS_PER_S
#define NOON_20261121 (INT64_C(1795262400) * S) /* wall clock */

static const struct pcidev gpu = {
	.bdf = {0, 0x41, 0, 0}, .vendor = 0x10de, .device = 0x2684, .class_code = 0x030000};

static struct incident aer(void)
{
	struct incident inc = {.severity = SEV_WARNING, .has_bdf = true, .bdf = {0, 0x41, 0, 0}};

	str_set(inc.id, "aer.bus-error");
	return inc;
}

static enum budget_answer spend(struct budgets *b, uint64_t count, int64_t at_ns)
{
	struct incident inc = aer();

	return budgets_spend(b, &inc, &gpu, count, at_ns, NOON_20261121).answer;
}

static void a_fault_without_a_row_is_judged_by_its_severity(void **state)
{
	const struct tolerate row = {.fault = "dmar.*", .count = 1};
	struct budgets *b = budgets_new(&row, 1);

	(void)state;
	assert_int_equal(spend(b, 100, S), BUDGET_NONE);
	budgets_free(b);
}

static void a_family_and_a_severity_alias_name_it_too(void **state)
{
	const struct tolerate rows[] = {
		{.fault = "aer.correctable", .count = 1}, {.fault = "aer.*", .count = 1}};
	struct budgets *b = budgets_new(&rows[0], 1), *c = budgets_new(&rows[1], 1);

	(void)state;
	assert_int_equal(spend(b, 1, S), BUDGET_WITHIN);
	assert_int_equal(spend(c, 1, S), BUDGET_WITHIN);
	budgets_free(b);
	budgets_free(c);
}

static void the_first_one_above_the_count_is_over(void **state)
{
	const struct tolerate row = {.fault = "aer.bus-error", .count = 3};
	struct budgets *b = budgets_new(&row, 1);

	(void)state;
	assert_int_equal(spend(b, 3, S), BUDGET_WITHIN);
	assert_int_equal(spend(b, 1, 1000 * S), BUDGET_OVER);
	budgets_free(b);
}

/* Before the host died: one at noon, and three within two minutes, the last of them then. */
static void recall(struct budgets *b, int64_t noon_mono_ns)
{
	struct incident seen[] = {aer(), aer()};
	struct run_view run = {.incidents = seen, .nincidents = 2};
	struct pcidev devices[] = {gpu};
	const struct pcidev_list all = {.v = devices, .n = 1};

	seen[0].count = 3;
	seen[0].first_wall_ns = NOON_20261121 - 120 * S;
	seen[0].last_wall_ns = NOON_20261121;
	seen[1].count = 1;
	seen[1].first_wall_ns = seen[1].last_wall_ns = NOON_20261121;
	budgets_recall(b, &run, &all, NOON_20261121 - noon_mono_ns);
}

static void what_was_spent_before_the_host_died_is_spent(void **state)
{
	const struct tolerate row = {
		.fault = "aer.bus-error", .count = 4, .device = (char *)"10de:2684"};
	struct budgets *b = budgets_new(&row, 1);

	(void)state;
	recall(b, 0);
	assert_int_equal(spend(b, 1, 3600 * S), BUDGET_OVER);
	budgets_free(b);
}

/* Half of the three fell into the window's minute, rounded up. */
static void a_window_that_began_before_the_host_died_goes_on(void **state)
{
	const struct tolerate row = {.fault = "aer.bus-error", .count = 3, .per_ms = 60000};
	struct budgets *b = budgets_new(&row, 1), *later = budgets_new(&row, 1);

	(void)state;
	recall(b, -30 * S);
	assert_int_equal(spend(b, 1, 0), BUDGET_OVER);
	recall(later, -90 * S);
	assert_int_equal(spend(later, 3, 0), BUDGET_WITHIN);
	budgets_free(b);
	budgets_free(later);
}

/* So many that were too many to be kept one by one, and of these devices. */
static void recall_gathered(struct budgets *b, const char *devices, uint64_t count, bool tolerated)
{
	const struct pcidev nic = {.bdf = {0, 0x42, 0, 0}, .class_code = 0x020000};
	struct incident seen = {.severity = SEV_WARNING, .tolerated = tolerated, .count = count};
	const struct run_view run = {.incidents = &seen, .nincidents = 1};
	struct pcidev known[] = {gpu, nic};
	const struct pcidev_list all = {.v = known, .n = 2};

	str_set(seen.id, "aer.bus-error");
	seen.first_wall_ns = seen.last_wall_ns = NOON_20261121;
	incident_add_field(&seen, "incidents", VALUE_INT, "3");
	incident_add_field(&seen, "devices", VALUE_STRINGS, devices);
	budgets_recall(b, &run, &all, NOON_20261121);
	incident_finish(&seen);
}

static void what_was_gathered_before_the_host_died_is_spent_on_its_devices_rows(void **state)
{
	static const struct {
		const char *devices;
		bool tolerated;
		enum budget_answer answer;
	} cases[] = {
		{"0000:41:00.0", true, BUDGET_OVER},
		{"0000:42:00.0\n0000:41:00.0\n0000:41:00.0", true, BUDGET_OVER},
		{"0000:42:00.0", true, BUDGET_WITHIN}, {"0000:43:00.0", true, BUDGET_WITHIN},
		{"0000:42:00.0\n...", true, BUDGET_OVER}, /* it may be behind */
		{"0000:42:00.0\n...", false, BUDGET_WITHIN}, /* no row was spent on these */
	};
	const struct tolerate rows[] = {
		{.fault = "dmar.*", .count = 1},
		{.fault = "aer.*", .count = 1000, .device = "class:nic"},
		{.fault = "aer.bus-error", .count = 4, .device = "class:gpu"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct budgets *b = budgets_new(rows, 3);

		recall_gathered(b, cases[i].devices, 4, cases[i].tolerated);
		if (spend(b, 0, S) != BUDGET_WITHIN) /* once, not once a device */
			fail_msg("case %zu: too much", i);
		if (spend(b, 1, S) != cases[i].answer)
			fail_msg("case %zu", i);
		budgets_free(b);
	}
}

static void a_window_slides(void **state)
{
	const struct tolerate row = {.fault = "aer.bus-error", .count = 2, .per_ms = 60000};
	struct budgets *b = budgets_new(&row, 1);

	(void)state;
	assert_int_equal(spend(b, 1, 100 * S), BUDGET_WITHIN);
	assert_int_equal(spend(b, 1, 130 * S), BUDGET_WITHIN);
	assert_int_equal(spend(b, 1, 159 * S), BUDGET_OVER);
	/* 100 s is out of the window at 161 s, 130 s and 159 s are not: 2 and this one */
	assert_int_equal(spend(b, 1, 161 * S), BUDGET_OVER);
	/* at 222 s only this one is left */
	assert_int_equal(spend(b, 1, 222 * S), BUDGET_WITHIN);
	budgets_free(b);
}

static void a_storm_does_not_outgrow_the_window(void **state)
{
	const struct tolerate row = {.fault = "aer.bus-error", .count = 1000000, .per_ms = 1000};
	struct budgets *b = budgets_new(&row, 1);
	int64_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		assert_int_equal(spend(b, 1, S + i * NS_PER_MS / 10), BUDGET_WITHIN);
	assert_int_equal(spend(b, 990000, 11 * S), BUDGET_WITHIN);
	assert_int_equal(spend(b, 10, 11 * S), BUDGET_OVER);
	budgets_free(b);
}

static void a_device_narrows_a_row(void **state)
{
	const struct tolerate row = {.fault = "aer.*", .count = 5, .device = "class:gpu"};
	const struct pcidev nic = {.class_code = 0x020000};
	struct budgets *b = budgets_new(&row, 1);
	struct incident inc = aer();

	(void)state;
	assert_int_equal(budgets_spend(b, &inc, &gpu, 1, S, NOON_20261121).answer, BUDGET_WITHIN);
	assert_int_equal(budgets_spend(b, &inc, &nic, 1, S, NOON_20261121).answer, BUDGET_NONE);
	assert_int_equal(budgets_spend(b, &inc, NULL, 1, S, NOON_20261121).answer, BUDGET_NONE);
	budgets_free(b);
}

static void a_row_is_valid_through_its_last_day(void **state)
{
	const struct tolerate today = {.fault = "aer.*", .count = 5, .expires = "2026-11-21"};
	const struct tolerate past = {.fault = "aer.*", .count = 5, .expires = "2026-11-20"};
	struct budgets *b = budgets_new(&today, 1), *c = budgets_new(&past, 1);

	(void)state;
	assert_int_equal(spend(b, 1, S), BUDGET_WITHIN);
	assert_int_equal(spend(c, 1, S), BUDGET_NONE);
	budgets_free(b);
	budgets_free(c);
}

static void what_was_seen_and_allowed_is_said(void **state)
{
	const struct tolerate rows[] = {
		{.fault = "aer.*", .count = 2, .per_ms = 60000}, {.fault = "aer.*", .count = 2}};
	struct incident inc = aer();
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct budgets *b = budgets_new(&rows[i], 1);
		struct budget_use use = budgets_spend(b, &inc, &gpu, 3, S, NOON_20261121);
		char text[64];

		assert_string_equal(budget_text(&use, text, sizeof(text)),
			i == 0 ? "3 seen, 2 allowed within 1m" : "3 seen, 2 allowed");
		budgets_free(b);
	}
}

/* As many of one id, of that severity and told by that section of a firmware's record ("" = by none). */
static void crowd_of(struct crowd *c, const char *id, enum severity severity, const char *section,
	uint64_t count)
{
	struct incident inc = {.severity = severity, .tolerated = true, .has_bdf = true};

	str_set(inc.id, id);
	inc.last_wall_ns = NOON_20261121;
	if (*section != '\0')
		incident_add_field(&inc, "section", VALUE_STRING, section);
	crowd_gather(c, &inc, count, true);
	incident_finish(&inc);
}

/* What a row that counts up to 1000 of that fault has been spent on, when the run goes on. */
static uint64_t spent_on(const char *fault, struct crowd *c)
{
	const struct tolerate row = {.fault = (char *)fault, .count = 1000};
	struct budgets *b = budgets_new(&row, 1);
	struct incident rows[8], *inc, asked = {.severity = SEV_WARNING};
	struct run_view run = {.incidents = rows};
	const struct pcidev_list none = {0};
	uint64_t seen;

	while ((inc = crowd_next(c)) != NULL)
		rows[run.nincidents++] = *inc;
	budgets_recall(b, &run, &none, NOON_20261121);
	str_set(asked.id, "aer.bus-error");
	seen = budgets_spend(b, &asked, NULL, 0, 0, NOON_20261121).seen;
	budgets_free(b);
	return seen;
}

/* A name for a kind of AER errors means some of an id only: those are not lost among the others. */
static void what_was_gathered_is_spent_on_the_row_that_names_its_kind(void **state)
{
	static const struct {
		const char *fault;
		uint64_t seen;
	} cases[] = {{"aer.correctable", 70}, {"aer.*", 77}, {"aer.bus-error", 35}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct crowd *c = crowd_new();

		crowd_of(c, "aer.bus-error", SEV_WARNING, "", 30);
		crowd_of(c, "aer.bus-error", SEV_ERROR, "", 5);
		crowd_of(c, "ghes.header", SEV_WARNING, "memory error", 1000);
		crowd_of(c, "ghes.header", SEV_WARNING, "PCIe error", 40);
		crowd_of(c, "ghes.header", SEV_FATAL, "PCIe error", 2);
		assert_int_equal(spent_on(cases[i].fault, c), cases[i].seen);
		crowd_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_without_a_row_is_judged_by_its_severity),
		cmocka_unit_test(a_family_and_a_severity_alias_name_it_too),
		cmocka_unit_test(the_first_one_above_the_count_is_over),
		cmocka_unit_test(what_was_spent_before_the_host_died_is_spent),
		cmocka_unit_test(a_window_that_began_before_the_host_died_goes_on),
		cmocka_unit_test(
			what_was_gathered_before_the_host_died_is_spent_on_its_devices_rows),
		cmocka_unit_test(a_window_slides),
		cmocka_unit_test(a_storm_does_not_outgrow_the_window),
		cmocka_unit_test(a_device_narrows_a_row),
		cmocka_unit_test(a_row_is_valid_through_its_last_day),
		cmocka_unit_test(what_was_seen_and_allowed_is_said),
		cmocka_unit_test(what_was_gathered_is_spent_on_the_row_that_names_its_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

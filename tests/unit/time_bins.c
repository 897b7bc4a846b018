/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/time_bins.h"

#include "base/mem.h"

#include "cmocka_all.h"

#include <string.h>

static unsigned bin_of(int64_t us)
{
	struct time_bins b = {0};
	unsigned i = 0;

	time_bins_add(&b, us);
	assert_int_equal(b.n, 1);
	while (b.count[i] == 0)
		i++;
	return i;
}

static void a_time_is_in_the_bin_that_begins_at_or_below_it(void **state)
{
	int64_t us, last = 0;

	(void)state;
	for (us = 1; us < (INT64_C(1) << 39); us += us / 7 + 1) {
		unsigned bin = bin_of(us);

		assert_true(time_bin_us(bin) <= (double)us);
		assert_true(time_bin_us(bin + 1) > (double)us);
		assert_true((int64_t)bin >= last);
		last = bin;
	}
}

static void two_percent_more_is_told_apart(void **state)
{
	(void)state;
	assert_int_not_equal(bin_of(4000000), bin_of(4125000));
	assert_int_equal(bin_of(4000000), bin_of(4001000));
}

static void what_is_too_short_or_too_long_is_at_an_end(void **state)
{
	(void)state;
	assert_int_equal(bin_of(0), 0);
	assert_int_equal(bin_of(-5), 0);
	assert_int_equal(bin_of(INT64_MAX), TIME_BINS - 1);
}

static void bins_come_back_from_their_text(void **state)
{
	struct arena arena = {0};
	struct time_bins b = {0}, back;
	const char *text;
	int64_t us;

	(void)state;
	assert_string_equal(time_bins_text(&b, &arena), "");
	for (us = 1; us < (INT64_C(1) << 39); us += us / 3 + 1)
		time_bins_add(&b, us);
	time_bins_add(&b, 1);
	text = time_bins_text(&b, &arena);
	assert_true(strncmp(text, "0:2 32:1 ", 9) == 0);
	time_bins_read(text, &back);
	assert_memory_equal(&b, &back, sizeof(b));
	arena_finish(&arena);
}

static void of_a_text_that_is_none_what_is_before_the_fault_counts(void **state)
{
	static const char *const wrong[] = {"5:2 x", "5:2 1280:1", "5:2 7:4294967296", "5:2 -1:1",
		"5:2 7", "5:2 7:", "5:2 5:1", "5:2 99999999999999999999:1", "5:2  7:1"};
	struct time_bins b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		time_bins_read(wrong[i], &b);
		assert_int_equal(b.n, 2);
		assert_int_equal(b.count[5], 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_in_the_bin_that_begins_at_or_below_it),
		cmocka_unit_test(two_percent_more_is_told_apart),
		cmocka_unit_test(what_is_too_short_or_too_long_is_at_an_end),
		cmocka_unit_test(bins_come_back_from_their_text),
		cmocka_unit_test(of_a_text_that_is_none_what_is_before_the_fault_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

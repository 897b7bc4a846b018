/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/times.h"

#include "base/clock.h"

#include "cmocka_all.h"

#include <stdlib.h>

#define MANY 200000

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank in all of them, sorted. */
static void expect_spread(struct times *t, int64_t *ms, size_t n)
{
	int64_t p50 = -1, p95 = -1, max = -1;

	qsort(ms, n, sizeof(*ms), compare_i64);
	times_spread(t, &p50, &p95, &max);
	assert_int_equal(t->n, n);
	assert_int_equal(p50, ms[(n * 50 + 99) / 100 - 1]);
	assert_int_equal(p95, ms[(n * 95 + 99) / 100 - 1]);
	assert_int_equal(max, ms[n - 1]);
	times_finish(t);
}

/* n of them, `share` of a hundred longer than what is counted. */
static void check_spread(size_t n, unsigned share)
{
	int64_t *ms = calloc(n, sizeof(*ms));
	struct times t = {0};
	uint32_t seed = 7;
	size_t i;

	for (i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		ms[i] = (seed >> 8) % 100 < share ? 4090 + (seed >> 16) : (seed >> 16) % 4100;
		times_add(&t, ms[i] * NS_PER_MS + 499999);
	}
	expect_spread(&t, ms, n);
	free(ms);
}

static void percentiles_are_exact_however_many_there_are(void **state)
{
	(void)state;
	check_spread(1, 0);
	check_spread(1, 100);
	check_spread(2, 0);
	check_spread(4095, 20);
	check_spread(4096, 20);
	check_spread(4097, 20);
	check_spread(MANY, 0);
	check_spread(MANY, 2);
	check_spread(MANY, 20);
	check_spread(MANY, 97);
}

static void what_is_short_takes_no_memory_each(void **state)
{
	struct times t = {0};
	int i;

	(void)state;
	for (i = 0; i < MANY; i++)
		times_add(&t, i % 4000 * NS_PER_MS);
	assert_int_equal(t.n, MANY);
	assert_int_equal(t.listed, 0);
	assert_true(t.cap <= 4096);
	times_finish(&t);
}

static void half_a_millisecond_is_one_and_less_than_nothing_is_nothing(void **state)
{
	int64_t p50 = -1, p95 = -1, max = -1;
	struct times t = {0};

	(void)state;
	times_spread(&t, &p50, &p95, &max);
	assert_int_equal(max, -1);
	times_add(&t, INT64_MIN);
	times_add(&t, 499999);
	times_add(&t, 500000);
	times_spread(&t, &p50, &p95, &max);
	assert_int_equal(p50, 0);
	assert_int_equal(max, 1);
	times_add(&t, INT64_MAX);
	times_spread(&t, &p50, &p95, &max);
	assert_int_equal(max, INT64_MAX / NS_PER_MS + 1);
	times_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_exact_however_many_there_are),
		cmocka_unit_test(what_is_short_takes_no_memory_each),
		cmocka_unit_test(half_a_millisecond_is_one_and_less_than_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

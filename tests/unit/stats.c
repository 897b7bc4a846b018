/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The statistics against published values, and against what simulation says of them. */
#include "base/mem.h"
#include "engine/stats.h"
#include "engine/stats_rank.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a simulation; `--whole` asks for 20 times as many, `--seed N` for other ones. */
static struct {
	unsigned rounds;
	uint64_t seed;
} asked = {300, 20261121};

static void near(double seen, double known, double off)
{
	if (!(fabs(seen - known) <= off))
		fail_msg("%.10g, not %.10g", seen, known);
}

/* ---- against published values ---- */

static void intervals_of_one_rate_are_those_of_r(void **state)
{
	/* ?binom.test: 682 of 925 (Mendel's peas); ?poisson.test: 137 events */
	const struct interval mendel = stats_rate(COUNT_BINOMIAL, (struct share){682, 925}, 0.95);
	const struct interval crystal = stats_rate(COUNT_POISSON, (struct share){137, 1}, 0.95);

	(void)state;
	near(mendel.low, 0.7076683, 1e-7);
	near(mendel.high, 0.7654066, 1e-7);
	near(crystal.low, 4.753125 * 24.19893, 1e-3);
	near(crystal.high, 6.692709 * 24.19893, 1e-3);
}

/* With nothing seen both have a closed form; 1 - 0.05^(1/n) is nearly the rule of three. */
static void of_nothing_seen_the_upper_limit_is_known(void **state)
{
	static const uint64_t sizes[] = {1, 10, 300, 100000, 10000000};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct share none = {0, sizes[i]};
		double n = (double)sizes[i], high = -expm1(log(0.025) / n);

		assert_true(stats_rate(COUNT_BINOMIAL, none, 0.95).low == 0);
		/* lgamma(10^7) leaves seven digits behind the point */
		near(stats_rate(COUNT_BINOMIAL, none, 0.95).high / high, 1, 1e-7);
		near(stats_rate(COUNT_POISSON, none, 0.95).high, -log(0.025) / n, 1e-12);
		near(stats_rate(COUNT_BINOMIAL, (struct share){sizes[i], sizes[i]}, 0.95).low,
			1 - high, 1e-9);
	}
}

static void equal_rates_are_tested_as_fisher_and_r_do(void **state)
{
	(void)state;
	/* ?fisher.test: Fisher's tea drinker, and his twins (1962) */
	near(stats_rates_equal(COUNT_BINOMIAL, (struct share){3, 4}, (struct share){1, 4}),
		0.4857142857, 1e-9);
	near(stats_rates_equal(COUNT_BINOMIAL, (struct share){2, 17}, (struct share){10, 13}),
		0.0005367241, 1e-9);
	near(stats_rates_equal(COUNT_BINOMIAL, (struct share){0, 300}, (struct share){0, 300}), 1,
		1e-12);
	/* ?poisson.test: eleven to six, eight and seven */
	near(stats_rates_equal(COUNT_POISSON, (struct share){21, 3011}, (struct share){11, 800}),
		0.07967, 5e-6);
}

static void quantiles_are_those_of_the_tables(void **state)
{
	(void)state;
	near(stats_normal_quantile(0.975), 1.959963985, 1e-9);
	near(stats_normal_quantile(0.2), -0.8416212336, 1e-9);
	near(stats_t_two_sided(2.228138852, 10), 0.05, 1e-9);
	near(stats_t_two_sided(0, 5), 1, 1e-12);
}

/* ?p.adjust: the largest of what came before, and never above 1 */
static void holm_raises_p_in_order(void **state)
{
	static const double known[] = {0.05, 0.08, 0.09, 0.09, 0.09};
	double p[] = {0.01, 0.02, 0.03, 0.04, 0.05}, mixed[] = {0.04, 0.6, 0.001}, none;
	size_t i;

	(void)state;
	stats_holm(p, 5);
	for (i = 0; i < 5; i++)
		near(p[i], known[i], 1e-12);
	stats_holm(mixed, 3);
	near(mixed[0], 0.08, 1e-12);
	near(mixed[1], 0.6, 1e-12);
	near(mixed[2], 0.003, 1e-12);
	stats_holm(&none, 0);
}

static const int64_t calm[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 4, 1};
static const int64_t pain[] = {3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4};

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct sample sorted(int64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_i64);
	return (struct sample){v, n};
}

/*
 * Pain scores of Brunner and Munzel 2000 (data of Lumley 1996), as R's lawstat, brunnermunzel and nparcomp
 * have them: heavily tied, and wider in one group.
 */
static void the_rank_test_gives_what_its_authors_printed(void **state)
{
	int64_t a[14], b[11];
	struct rank_test r;

	(void)state;
	memcpy(a, calm, sizeof(a));
	memcpy(b, pain, sizeof(b));
	stats_ranks(sorted(a, 14), sorted(b, 11), 0.95, &r);
	near(r.superiority, 0.788961, 1e-6);
	near(r.statistic, 3.1375, 5e-5);
	near(r.df, 17.683, 5e-4);
	near(r.p, 0.005786, 5e-7);
}

/* ?wilcox.test: permeability of the membranes (Hollander and Wolfe 1973, 69f), in hundredths */
static void the_shift_is_the_median_of_all_differences(void **state)
{
	int64_t term[] = {80, 83, 189, 104, 145, 138, 191, 164, 73, 146};
	int64_t early[] = {115, 88, 90, 74, 121};
	struct rank_test r;

	(void)state;
	stats_ranks(sorted(early, 5), sorted(term, 10), 0.95, &r);
	near(r.shift, 30.5, 1e-12);
	assert_true(r.shift_range.low < 30.5 && r.shift_range.high > 30.5);
}

static void samples_that_do_not_overlap_and_equal_ones_are_no_riddle(void **state)
{
	int64_t a[10], b[10], same[10] = {0};
	struct rank_test r;
	size_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		a[i] = (int64_t)i;
		b[i] = (int64_t)i + 100;
	}
	stats_ranks((struct sample){a, 10}, (struct sample){b, 10}, 0.95, &r);
	near(r.p, 2.0 / 184756, 1e-12); /* of (20 over 10) orders these two are the clearest */
	near(r.superiority, 1, 0);
	near(r.shift, 100, 0);
	stats_ranks((struct sample){same, 10}, (struct sample){same, 10}, 0.95, &r);
	near(r.p, 1, 0);
	near(r.shift, 0, 0);
	near(r.shift_range.low, 0, 0);
	near(r.shift_range.high, 0, 0);
}

/* ---- against simulation ---- */

/* splitmix64 (Steele, Lea and Flood 2014): the same numbers everywhere */
static uint64_t random_bits(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
	return ((double)(random_bits(state) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
	return sqrt(-2 * log(uniform(state))) * cos(2 * M_PI * uniform(state));
}

static struct share draw(uint64_t *state, double rate, uint64_t n)
{
	struct share s = {.n = n};
	uint64_t i;

	for (i = 0; i < n; i++)
		s.k += uniform(state) < rate;
	return s;
}

/* Of so many rounds the share that lies beyond what chance leaves to a rate that is kept. */
static void at_most(unsigned bad, unsigned rounds, double rate, const char *what)
{
	double sigma = sqrt(rate * (1 - rate) / rounds), share = (double)bad / rounds;

	print_message("%s: %u of %u (seed %" PRIu64 ")\n", what, bad, rounds, asked.seed);
	if (share > rate + 3.5 * sigma)
		fail_msg("%s: %.4f, which is more than %.4f", what, share, rate);
}

static void intervals_hold_what_they_promise(void **state)
{
	static const double rates[] = {0.001, 0.01, 0.2};
	uint64_t seed = asked.seed;
	unsigned missed = 0, unequal = 0, round, all = 0;

	(void)state;
	for (round = 0; round < asked.rounds; round++) {
		double p = rates[round % 3], q = rates[round / 3 % 3];
		struct share a = draw(&seed, p, 300), b = draw(&seed, q, 500), c;
		struct interval one = stats_rate(COUNT_BINOMIAL, a, 0.95);
		struct interval change = stats_rate_change(COUNT_BINOMIAL, a, b, 0.95);

		all++;
		missed += one.low > p || one.high < p;
		unequal += change.low > q - p || change.high < q - p;
		c = draw(&seed, p, 500);
		/* of equal rates the test may say otherwise as often as its level */
		unequal += stats_rates_equal(COUNT_BINOMIAL, a, c) < 0.025;
		unequal += stats_rates_equal(COUNT_POISSON, a, c) < 0.025;
	}
	at_most(missed, all, 0.05, "rates outside their 95 % interval");
	at_most(unequal, all, 0.1, "changes outside, and equal rates told apart");
}

/* As long as a boot: a median, a tail of a tenth, and its width. */
static void fill(uint64_t *seed, int64_t *v, size_t n, double median, double width)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = llround(median * exp(width * normal(seed)));
}

/*
 * Equal medians, unequal widths and sizes: where the test of Mann and Whitney says too often that something
 * changed.
 */
static void unequal_widths_raise_no_false_alarm(void **state)
{
	uint64_t seed = asked.seed;
	unsigned alarms = 0, missed = 0, round;
	int64_t a[25], b[60];

	(void)state;
	for (round = 0; round < asked.rounds; round++) {
		struct rank_test r;

		fill(&seed, a, 25, 1000, 0.6);
		fill(&seed, b, 60, 1000, 0.1);
		stats_ranks(sorted(a, 25), sorted(b, 60), 0.95, &r);
		alarms += r.p < 0.05;
		missed += r.superiority_range.low > 0.5 || r.superiority_range.high < 0.5;
	}
	/* the t distribution is an approximation: 0.06 is what it comes to at 25 and 60 */
	at_most(alarms, asked.rounds, 0.06, "false alarms at 5 %");
	at_most(missed, asked.rounds, 0.07, "superiority outside its 95 % interval");
}

static void the_interval_of_the_shift_holds_the_shift(void **state)
{
	uint64_t seed = asked.seed;
	unsigned missed = 0, round;
	int64_t a[40], b[40];

	(void)state;
	for (round = 0; round < asked.rounds; round++) {
		struct rank_test r;
		size_t i;

		fill(&seed, a, 40, 1000, 0.2);
		fill(&seed, b, 40, 1000, 0.2);
		for (i = 0; i < 40; i++)
			b[i] += 70;
		stats_ranks(sorted(a, 40), sorted(b, 40), 0.95, &r);
		missed += r.shift_range.low > 70 || r.shift_range.high < 70;
		assert_true(r.shift_range.low <= r.shift && r.shift <= r.shift_range.high);
		/* what the interval leaves out, the test of no shift refuses, and the other way round */
		assert_int_equal(r.p<0.05, r.shift_range.low> 0 || r.shift_range.high < 0);
	}
	at_most(missed, asked.rounds, 0.06, "shifts outside their 95 % interval");
}

/* What `compare` does: many rows of two equal runs, and one alarm is enough to be wrong. */
static void many_tests_together_keep_the_level(void **state)
{
	uint64_t seed = asked.seed;
	unsigned alarms = 0, round, i;
	int64_t a[30], b[30];

	(void)state;
	for (round = 0; round < asked.rounds; round++) {
		double p[16];
		bool alarm = false;

		for (i = 0; i < 8; i++) {
			struct rank_test r;

			p[i] = stats_rates_equal(COUNT_BINOMIAL, draw(&seed, 0.05 * i, 60),
				draw(&seed, 0.05 * i, 80));
			fill(&seed, a, 30, 1000, 0.3);
			fill(&seed, b, 30, 1000, 0.1);
			stats_ranks(sorted(a, 30), sorted(b, 30), 0.95, &r);
			p[8 + i] = r.p;
		}
		stats_holm(p, 16);
		for (i = 0; i < 16; i++)
			alarm |= p[i] < 0.05;
		alarms += alarm;
	}
	at_most(alarms, asked.rounds, 0.05, "comparisons of 16 rows with a false alarm");
}

/* ---- power ---- */

static void what_is_needed_for_same_is_enough_and_no_more(void **state)
{
	const uint64_t n = stats_need_same(COUNT_BINOMIAL, 0, 0.01, 0.95);
	const struct share enough = {0, n}, less = {0, n - 1};

	(void)state;
	assert_true(stats_rate_change(COUNT_BINOMIAL, enough, enough, 0.95).high <= 0.01);
	assert_true(stats_rate_change(COUNT_BINOMIAL, less, less, 0.95).high > 0.01);
	assert_true(n > 300 && n < 500);
	assert_true(stats_need_same(COUNT_BINOMIAL, 0.02, 0.01, 0.95) > n);
	assert_true(stats_need_same(COUNT_POISSON, 0.5, 1e-9, 0.95) == STATS_NEVER);
}

/* Exact: the probabilities of all outcomes that the test calls different. */
static double power_of(double p, double q, uint64_t n)
{
	double sum = 0;
	uint64_t i, k;

	for (i = 0; i <= n; i++)
		for (k = 0; k <= n; k++) {
			double x = (double)i, y = (double)k, all = (double)n;
			double log_p = 2 * lgamma(all + 1) - lgamma(x + 1) - lgamma(all - x + 1) -
				lgamma(y + 1) - lgamma(all - y + 1) + x * log(p) +
				(all - x) * log1p(-p) + y * log(q) + (all - y) * log1p(-q);

			if (log_p > -25 &&
				stats_rates_equal(COUNT_BINOMIAL, (struct share){i, n},
					(struct share){k, n}) <= 0.05)
				sum += exp(log_p);
		}
	return sum;
}

static void so_many_executions_find_a_change_four_times_out_of_five(void **state)
{
	(void)state;
	near(power_of(0.1, 0.3, stats_need_differ(COUNT_BINOMIAL, 0.1, 0.3, 0.05, 0.8)), 0.8, 0.04);
	near(power_of(0.02, 0.1, stats_need_differ(COUNT_BINOMIAL, 0.02, 0.1, 0.05, 0.8)), 0.8,
		0.05);
	assert_true(stats_need_differ(COUNT_POISSON, 0.1, 0.1, 0.05, 0.8) == STATS_NEVER);
}

static void ask(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "--whole") == 0)
			asked.rounds *= 20;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			asked.seed = strtoull(argv[++i], NULL, 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_of_one_rate_are_those_of_r),
		cmocka_unit_test(of_nothing_seen_the_upper_limit_is_known),
		cmocka_unit_test(equal_rates_are_tested_as_fisher_and_r_do),
		cmocka_unit_test(quantiles_are_those_of_the_tables),
		cmocka_unit_test(holm_raises_p_in_order),
		cmocka_unit_test(the_rank_test_gives_what_its_authors_printed),
		cmocka_unit_test(the_shift_is_the_median_of_all_differences),
		cmocka_unit_test(samples_that_do_not_overlap_and_equal_ones_are_no_riddle),
		cmocka_unit_test(intervals_hold_what_they_promise),
		cmocka_unit_test(unequal_widths_raise_no_false_alarm),
		cmocka_unit_test(the_interval_of_the_shift_holds_the_shift),
		cmocka_unit_test(many_tests_together_keep_the_level),
		cmocka_unit_test(what_is_needed_for_same_is_enough_and_no_more),
		cmocka_unit_test(so_many_executions_find_a_change_four_times_out_of_five),
	};

	ask(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

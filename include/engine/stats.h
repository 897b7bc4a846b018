/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_STATS_H
#define VFIO_STRESS_ENGINE_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* Pure functions: exact tests and intervals for counts, and what power they have. */

struct interval {
	double low, high;
};

/*
 * k of n. A binomial count: k executions of n failed. A Poisson count: k incidents came in n cycles, of
 * which one can have several.
 */
struct share {
	uint64_t k, n;
};

enum count_kind { COUNT_BINOMIAL, COUNT_POISSON };

/* Of k / n: Clopper-Pearson 1934 for binomial counts, Garwood 1936 for Poisson counts. n > 0. */
struct interval stats_rate(enum count_kind kind, struct share s, double level);
/*
 * Of b's rate less a's, of two independent counts: from an interval of each whose levels multiply to
 * `level`. It holds at every size of sample, at the price of being too wide.
 */
struct interval stats_rate_change(
	enum count_kind kind, struct share a, struct share b, double level);
/*
 * Two-sided p of equal rates, given the sum of both counts: Fisher's exact test for binomial counts, the
 * conditional binomial test of Przyborowski and Wilenski 1940 for Poisson counts. Both add up all
 * outcomes that are no likelier than what was seen.
 */
double stats_rates_equal(enum count_kind kind, struct share a, struct share b);

/*
 * Executions in each run that prove the rates to be within `margin` of each other by
 * stats_rate_change, if both are `rate` and each run shows what is expected of it.
 */
#define STATS_NEVER UINT64_MAX /* so many that nobody will ever see them */
uint64_t stats_need_same(enum count_kind kind, double rate, double margin, double level);
/*
 * Executions in each run with which a test at `alpha` finds rates of a and b to differ with that
 * probability: about (Casagrande, Pike and Smith 1978, for Fisher's test).
 */
uint64_t stats_need_differ(enum count_kind kind, double a, double b, double alpha, double power);

double stats_normal_quantile(double p);
double stats_t_two_sided(double t, double df); /* p */

/*
 * Holm 1979: raises the p of n tests so that each may be compared with the level that all of them
 * together are to keep.
 */
void stats_holm(double *p, uint32_t n);

#endif

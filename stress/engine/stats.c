/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/stats.h"

#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define TERMS_MAX 20000 /* of a series or fraction; those of 10^8 trials need some thousands */
#define HALVINGS  200 /* to the last bit of any double between 0 and 10^9 */
/* Outcomes as likely as the one seen count with it, although rounding makes one of them larger. */
#define AS_LIKELY (1 + 1e-7)

/* ---- distributions ---- */

static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* A continued fraction, from its front: h is what it comes to so far (Lentz 1976, Thompson 1986). */
struct fraction {
	double c, d, h;
};

/* Adds a term; false when it changes nothing any more. */
static bool add_term(struct fraction *f, double top, double bottom)
{
	double step;

	f->d = bottom + top * f->d;
	f->c = bottom + top / f->c;
	f->d = 1 / (fabs(f->d) < DBL_MIN ? DBL_MIN : f->d);
	f->c = fabs(f->c) < DBL_MIN ? DBL_MIN : f->c;
	step = f->d * f->c;
	f->h *= step;
	return fabs(step - 1) >= 4 * DBL_EPSILON;
}

/* Of the incomplete beta function (DLMF 8.17.22). */
static double beta_fraction(double x, double a, double b)
{
	double first = 1 - (a + b) * x / (a + 1);
	struct fraction f = {.c = 1, .d = 1 / (fabs(first) < DBL_MIN ? DBL_MIN : first)};
	bool more = true;
	int m;

	f.h = f.d;
	for (m = 1; more && m <= TERMS_MAX; m++) {
		(void)add_term(&f, m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1);
		more = add_term(
			&f, -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1);
	}
	return f.h;
}

/* P(X <= x) of the beta distribution. */
static double beta_below(double x, double a, double b)
{
	double front;

	if (x <= 0 || x >= 1)
		return x >= 1;
	front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* P(X <= x) of the gamma distribution with scale 1: a series below its mean (DLMF 8.7.1). */
static double gamma_series(double x, double a)
{
	double sum = 1 / a, term = sum;
	int n;

	for (n = 1; n <= TERMS_MAX && term > sum * DBL_EPSILON; n++) {
		term *= x / (a + n);
		sum += term;
	}
	return sum * exp(a * log(x) - x - log_gamma(a));
}

/* P(X > x): a continued fraction above its mean (DLMF 8.9.2). */
static double gamma_fraction(double x, double a)
{
	double bottom = x + 1 - a;
	struct fraction f = {.c = 1 / DBL_MIN, .d = 1 / bottom, .h = 1 / bottom};
	bool more = true;
	int n;

	for (n = 1; more && n <= TERMS_MAX; n++) {
		bottom += 2;
		more = add_term(&f, -n * (n - a), bottom);
	}
	return f.h * exp(a * log(x) - x - log_gamma(a));
}

static double gamma_below(double x, double a, double unused)
{
	(void)unused;
	if (x <= 0)
		return 0;
	return x < a + 1 ? gamma_series(x, a) : 1 - gamma_fraction(x, a);
}

/* Where a distribution function comes to p, between 0 and `high`. */
static double quantile(
	double (*below)(double x, double a, double b), double p, double a, double b, double high)
{
	double low = 0;
	int i;

	for (i = 0; i < HALVINGS && high - low > 4 * DBL_EPSILON * high; i++) {
		double middle = low + (high - low) / 2;

		if (below(middle, a, b) < p)
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}

static double normal_below(double x, double unused, double unused2)
{
	(void)unused;
	(void)unused2;
	return erfc(-x / sqrt(2)) / 2;
}

double stats_normal_quantile(double p)
{
	/* by symmetry: beyond 40 a double has no tail left */
	if (p < 0.5)
		return -stats_normal_quantile(1 - p);
	return quantile(normal_below, p, 0, 0, 40);
}

double stats_t_two_sided(double t, double df)
{
	return beta_below(df / (df + t * t), df / 2, 0.5);
}

/* ---- one rate ---- */

static struct interval clopper_pearson(struct share s, double level)
{
	double tail = (1 - level) / 2, k = (double)s.k, n = (double)s.n;

	return (struct interval){
		s.k == 0 ? 0 : quantile(beta_below, tail, k, n - k + 1, 1),
		s.k >= s.n ? 1 : quantile(beta_below, 1 - tail, k + 1, n - k, 1),
	};
}

static struct interval garwood(struct share s, double level)
{
	double tail = (1 - level) / 2, k = (double)s.k, n = (double)s.n;
	double most = k + 20 * sqrt(k + 1) + 200; /* its tail is below 10^-80 */

	return (struct interval){
		s.k == 0 ? 0 : quantile(gamma_below, tail, k, 0, most) / n,
		quantile(gamma_below, 1 - tail, k + 1, 0, most) / n,
	};
}

struct interval stats_rate(enum count_kind kind, struct share s, double level)
{
	return kind == COUNT_BINOMIAL ? clopper_pearson(s, level) : garwood(s, level);
}

/* ---- two rates ---- */

struct interval stats_rate_change(
	enum count_kind kind, struct share a, struct share b, double level)
{
	/* both intervals hold at once with the product of their levels */
	struct interval x = stats_rate(kind, a, sqrt(level)), y = stats_rate(kind, b, sqrt(level));

	return (struct interval){y.low - x.high, y.high - x.low};
}

static double log_choose(double n, double k)
{
	return log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1);
}

/* Of `k` in b, when both have `sum`. */
static double log_probability(
	enum count_kind kind, uint64_t k, uint64_t sum, struct share a, struct share b)
{
	double na = (double)a.n, nb = (double)b.n, x = (double)k, y = (double)(sum - k);

	if (kind == COUNT_BINOMIAL)
		return log_choose(nb, x) + log_choose(na, y) - log_choose(na + nb, x + y);
	return log_choose(x + y, x) + x * log(nb / (na + nb)) + y * log(na / (na + nb));
}

double stats_rates_equal(enum count_kind kind, struct share a, struct share b)
{
	uint64_t sum = a.k + b.k, k, first = 0, last = sum;
	double seen = exp(log_probability(kind, b.k, sum, a, b)), p = 0;

	if (kind == COUNT_BINOMIAL) {
		first = sum > a.n ? sum - a.n : 0;
		last = sum < b.n ? sum : b.n;
	}
	for (k = first; k <= last; k++) {
		double one = exp(log_probability(kind, k, sum, a, b));

		if (one <= seen * AS_LIKELY)
			p += one;
	}
	return p > 1 ? 1 : p;
}

/* ---- power ---- */

#define EXECUTIONS_MOST UINT64_C(1000000000)

static bool proves_same(enum count_kind kind, double rate, uint64_t n, double margin, double level)
{
	struct share s = {(uint64_t)llround(rate * (double)n), n};
	struct interval change = stats_rate_change(kind, s, s, level);

	return change.low >= -margin && change.high <= margin;
}

uint64_t stats_need_same(enum count_kind kind, double rate, double margin, double level)
{
	uint64_t low = 0, high = 1;

	while (!proves_same(kind, rate, high, margin, level)) {
		if (high >= EXECUTIONS_MOST)
			return STATS_NEVER;
		low = high;
		high *= 2;
	}
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (proves_same(kind, rate, middle, margin, level))
			high = middle;
		else
			low = middle;
	}
	return high;
}

static double variance(enum count_kind kind, double rate)
{
	return kind == COUNT_BINOMIAL ? rate * (1 - rate) : rate;
}

uint64_t stats_need_differ(enum count_kind kind, double a, double b, double alpha, double power)
{
	double change = fabs(b - a), mean = (a + b) / 2, n, root;

	if (change <= 0)
		return STATS_NEVER;
	n = stats_normal_quantile(1 - alpha / 2) * sqrt(2 * variance(kind, mean)) +
		stats_normal_quantile(power) * sqrt(variance(kind, a) + variance(kind, b));
	n = n * n / (change * change);
	root = 1 + sqrt(1 + 4 / (n * change));
	n = ceil(n * root * root / 4);
	return n < (double)EXECUTIONS_MOST ? (uint64_t)n : STATS_NEVER;
}

/* ---- many tests ---- */

static int by_p(const void *a, const void *b)
{
	const double *const *x = a, *const *y = b;

	return (**x > **y) - (**x < **y);
}

void stats_holm(double *p, uint32_t n)
{
	auto_free double **sorted = xcalloc((size_t)n + 1, sizeof(*sorted));
	double worst = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sorted[i] = &p[i];
	qsort(sorted, n, sizeof(*sorted), by_p);
	for (i = 0; i < n; i++) {
		double raised = *sorted[i] * (n - i);

		worst = raised > worst ? raised : worst;
		*sorted[i] = worst > 1 ? 1 : worst;
	}
}

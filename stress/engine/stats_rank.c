/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/stats_rank.h"

#include <math.h>

/* What the test says once `a` is moved by so much. */
struct brunner {
	double superiority, error; /* its standard error, 0 = the samples do not overlap */
	double statistic, df;
};

/* How far a value of one sample stands in the other: how many are smaller, and half of the ties. */
struct placements {
	double sum, squares; /* less the mean, so that nothing is lost of large samples */
};

static struct placements place(struct sample s, struct sample in, int64_t shift)
{
	struct placements p = {0};
	size_t i, less = 0, upto = 0;
	double mean = 0;

	for (i = 0; i < s.n; i++) {
		int64_t x = s.v[i] + shift;
		double at, delta;

		while (less < in.n && in.v[less] < x)
			less++;
		upto = upto < less ? less : upto;
		while (upto < in.n && in.v[upto] == x)
			upto++;
		at = ((double)less + (double)upto) / 2;
		/* Welford 1962 */
		delta = at - mean;
		mean += delta / (double)(i + 1);
		p.squares += delta * (at - mean);
	}
	p.sum = mean * (double)s.n;
	return p;
}

static struct brunner brunner_munzel(struct sample a, struct sample b, int64_t shift)
{
	struct placements of_a = place(a, b, shift), of_b = place(b, a, -shift);
	double na = (double)a.n, nb = (double)b.n;
	double va = of_a.squares / (na - 1) / (na * nb * nb);
	double vb = of_b.squares / (nb - 1) / (nb * na * na);
	struct brunner r = {.superiority = of_b.sum / (na * nb), .error = sqrt(va + vb)};

	if (r.error > 0) {
		r.statistic = (r.superiority - 0.5) / r.error;
		r.df = (va + vb) * (va + vb) / (va * va / (na - 1) + vb * vb / (nb - 1));
	} else {
		/* all of one below all of the other, or nothing but ties */
		r.statistic = r.superiority == 0.5 ? 0 : copysign(INFINITY, r.superiority - 0.5);
		r.df = na + nb - 2;
	}
	return r;
}

/* No rank test of these sizes can say less than a clean separation does. */
static double least_p(size_t a, size_t b)
{
	int sign;
	double ways = lgamma_r((double)(a + b + 1), &sign) - lgamma_r((double)(a + 1), &sign) -
		lgamma_r((double)(b + 1), &sign);

	return 2 * exp(-ways);
}

static double p_of(const struct brunner *r, size_t a, size_t b)
{
	double p = isinf(r->statistic) ? 0 : stats_t_two_sided(r->statistic, r->df);

	return fmax(p, least_p(a, b));
}

/* Around it on the scale of log odds, so that it stays between 0 and 1. */
static struct interval superiority_range(const struct brunner *r, double level)
{
	double p = r->superiority, z = stats_normal_quantile((1 + level) / 2), odds, half;

	if (r->error <= 0 || p <= 0 || p >= 1)
		return (struct interval){p, p};
	odds = log(p / (1 - p));
	half = z * r->error / (p * (1 - p));
	return (struct interval){1 / (1 + exp(half - odds)), 1 / (1 + exp(-half - odds))};
}

/* ---- the shift ---- */

/* How many of all differences b - a are not above that. */
static uint64_t differences_upto(struct sample a, struct sample b, int64_t most)
{
	uint64_t n = 0;
	size_t i, j = 0;

	for (i = 0; i < a.n; i++) {
		while (j < b.n && b.v[j] - a.v[i] <= most)
			j++;
		n += j;
	}
	return n;
}

static int64_t middle_of(int64_t low, int64_t high)
{
	return low + (high - low) / 2;
}

/* The difference of that rank, from 1: found among all, which are never listed. */
static int64_t nth_difference(struct sample a, struct sample b, uint64_t rank)
{
	int64_t low = b.v[0] - a.v[a.n - 1], high = b.v[b.n - 1] - a.v[0];

	while (low < high) {
		int64_t middle = middle_of(low, high);

		if (differences_upto(a, b, middle) >= rank)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static double hodges_lehmann(struct sample a, struct sample b)
{
	uint64_t all = (uint64_t)a.n * b.n;

	return ((double)nth_difference(a, b, (all + 1) / 2) +
		       (double)nth_difference(a, b, all / 2 + 1)) /
		2;
}

/* Would the test say, of `a` moved by so much, that it still is below (side 1) or above (-1) b? */
static bool refuses(struct sample a, struct sample b, int64_t shift, double level, int side)
{
	struct brunner r = brunner_munzel(a, b, shift);

	return r.statistic * side > 0 && p_of(&r, a.n, b.n) < 1 - level;
}

/* Beyond the largest difference every shift is refused; between it and the median lies the limit. */
static struct interval shift_range(struct sample a, struct sample b, double shift, double level)
{
	int64_t least = b.v[0] - a.v[a.n - 1] - 1, most = b.v[b.n - 1] - a.v[0] + 1;
	int64_t low = (int64_t)floor(shift), high = (int64_t)ceil(shift);

	while (low - least > 1) {
		int64_t middle = middle_of(least, low);

		if (refuses(a, b, middle, level, 1))
			least = middle;
		else
			low = middle;
	}
	while (most - high > 1) {
		int64_t middle = middle_of(high, most);

		if (refuses(a, b, middle, level, -1))
			most = middle;
		else
			high = middle;
	}
	return (struct interval){(double)low, (double)high};
}

void stats_ranks(struct sample a, struct sample b, double level, struct rank_test *out)
{
	struct brunner r = brunner_munzel(a, b, 0);

	out->p = p_of(&r, a.n, b.n);
	out->statistic = r.statistic;
	out->df = r.df;
	out->superiority = r.superiority;
	out->superiority_range = superiority_range(&r, level);
	out->shift = hodges_lehmann(a, b);
	out->shift_range = shift_range(a, b, out->shift, level);
}

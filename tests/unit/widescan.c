/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/widescan.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 600

#define OTHER_PROCESSOR "this processor has no AVX-512 VBMI"

typedef VEC(size_t) place_list;

static unsigned seed;

static unsigned below(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void add_place(void *arg, size_t end)
{
	*vec_push((place_list *)arg) = end;
}

/* As widescan_text, by looking for each text at each place. */
static void look_for_each(
	const char *const *texts, size_t n, const char *text, size_t len, place_list *out)
{
	bool *ends = xcalloc(len + 1, sizeof(*ends));
	size_t end, i;

	for (i = 0; i < n; i++) {
		const char *one = texts[i];
		const size_t m = strlen(one);

		/* the last byte first: with a sanitizer each call of memcmp takes its time */
		for (end = m; end <= len; end++)
			if (text[end - 1] == one[m - 1] && memcmp(text + end - m, one, m) == 0)
				ends[end] = true;
	}
	for (end = 1; end <= len; end++)
		if (ends[end])
			add_place(out, end);
	free(ends);
}

/* Few letters, so that much is alike; some of them differ only in bits that a lookup leaves out. */
static char any_letter(void)
{
	static const char letters[] = "aaab!bAB \n[{\x81";

	return letters[below(sizeof(letters) - 1)];
}

static char *any_text(void)
{
	size_t n = WIDESCAN_LEN_MAX, i;
	char *s = xcalloc(1, n + 1);

	/* the longest are looked for in another way */
	if (below(2) == 0)
		n = WIDESCAN_LEN_MIN + below(WIDESCAN_LEN_MAX - WIDESCAN_LEN_MIN);
	for (i = 0; i < n; i++)
		s[i] = any_letter();
	return s;
}

/* On the heap and no longer than that: reading outside is seen. */
static char *make_text(const char *const *texts, size_t n, size_t len)
{
	char *s = xmalloc(len + 1), *exact;
	size_t at = 0, m;

	while (at < len) {
		const char *one = texts[below((unsigned)n)];

		m = strlen(one) < len - at ? strlen(one) : len - at;
		if (below(4) == 0)
			memcpy(s + at, one, m);
		else
			memset(s + at, below(8) == 0 ? '\0' : any_letter(), m);
		at += m;
	}
	exact = xmalloc(len);
	memcpy(exact, s, len);
	free(s);
	return exact;
}

static void expect_same(
	const struct widescan *w, const char *const *texts, size_t n, const char *text, size_t len)
{
	place_list want = {0}, got = {0};

	look_for_each(texts, n, text, len, &want);
	widescan_text(w, text, len, add_place, &got);
	assert_int_equal(got.n, want.n);
	if (want.n > 0)
		assert_memory_equal(got.v, want.v, want.n * sizeof(want.v[0]));
	vec_finish(&want);
	vec_finish(&got);
}

static void finds_what_looking_for_each_finds(void **state)
{
	static const size_t counts[] = {1, 1, 1, 2, 2, 5, 30, TEXTS_MAX};
	static const unsigned lengths[] = {1, 9, 64, 130, 4096 + 200, 20000};
	const char *texts[TEXTS_MAX];
	struct widescan *w;
	size_t c, i, round;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		seed = (unsigned)c + 1;
		for (i = 0; i < counts[c]; i++)
			texts[i] = any_text();
		w = widescan_new(texts, counts[c], c % 2 ? "" : "an example of an ordinary line");
		for (round = 0; w != NULL && round < 200; round++) {
			size_t len = 1 + below(lengths[below(ARRAY_SIZE(lengths))]);
			char *text = make_text(texts, counts[c], len);

			expect_same(w, texts, counts[c], text, len);
			free(text);
		}
		for (i = 0; i < counts[c]; i++)
			free((char *)texts[i]);
		widescan_free(w);
		if (round == 0)
			skip_for(OTHER_PROCESSOR);
	}
}

static void counts_newlines(void **state)
{
	static const char *const texts[] = {"abc"};
	struct widescan *w = widescan_new(texts, 1, "");
	size_t len, i, want;

	(void)state;
	if (w == NULL)
		skip_for(OTHER_PROCESSOR);
	seed = 1;
	for (len = 0; len < 1000; len++) {
		char *text = xmalloc(len + 1), *exact = text + 1;

		for (want = 0, i = 0; i < len; i++) {
			exact[i] = below(3) == 0 ? '\n' : any_letter();
			want += exact[i] == '\n';
		}
		assert_int_equal(widescan_newlines(w, exact, len), want);
		free(text);
	}
	widescan_free(w);
}

static void nothing_is_found_in_nothing(void **state)
{
	static const char *const texts[] = {"abc"};
	struct widescan *w = widescan_new(texts, 1, "");
	place_list got = {0};

	(void)state;
	if (w == NULL)
		skip_for(OTHER_PROCESSOR);
	widescan_text(w, "", 0, add_place, &got);
	widescan_text(w, "ab", 2, add_place, &got);
	assert_int_equal(got.n, 0);
	widescan_text(w, "abc", 3, add_place, &got);
	assert_int_equal(got.n, 1);
	vec_finish(&got);
	widescan_free(w);
}

static void texts_of_other_lengths_are_refused(void **state)
{
	static const char *const shorter[] = {"abc", "ab"}, *const longer[] = {"abcdefghi"};

	(void)state;
	assert_null(widescan_new(shorter, 2, ""));
	assert_null(widescan_new(longer, 1, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_looking_for_each_finds),
		cmocka_unit_test(counts_newlines),
		cmocka_unit_test(nothing_is_found_in_nothing),
		cmocka_unit_test(texts_of_other_lengths_are_refused),
	};

	return cmocka_run_group_tests_name("widescan", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include "cmocka_all.h"

#include <string.h>

static void only_valid_sequences_decode(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t cp;
	} cases[] = {
		{"a", 1, 'a'},
		{"\xc3\xa9", 2, 0xe9},
		{"\xe6\xb8\xac", 3, 0x6e2c},
		{"\xf0\x9f\x94\xa5", 4, 0x1f525},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
		{"\xed\xa0\x80", 0, 0}, /* surrogate */
		{"\xc0\xaf", 0, 0}, /* overlong */
		{"\xe0\x80\xaf", 0, 0},
		{"\xf0\x80\x80\xaf", 0, 0},
		{"\xc3", 0, 0}, /* cut off */
		{"\xe6\xb8", 0, 0},
		{"\x80", 0, 0},
		{"\xff", 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t cp = 0;

		assert_int_equal(
			utf8_decode(cases[i].bytes, strlen(cases[i].bytes), &cp), cases[i].len);
		assert_int_equal(cp, cases[i].cp);
	}
}

static void columns_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(utf8_columns(""), 0);
	assert_int_equal(utf8_columns("caf\xc3\xa9"), 4);
	assert_int_equal(utf8_columns("cafe\xcc\x81"), 4); /* combining acute */
	assert_int_equal(utf8_columns("\xe6\xb8\xac\xe8\xa9\xa6"), 4);
	assert_int_equal(utf8_columns("\xf0\x9f\x94\xa5!"), 3);
}

static void a_fitting_beginning_never_splits_a_character(void **state)
{
	(void)state;
	assert_int_equal(utf8_fit("abc", 2), 2);
	assert_int_equal(utf8_fit("abc", 9), 3);
	assert_int_equal(utf8_fit("\xe6\xb8\xac\xe8\xa9\xa6", 3), 3);
	assert_int_equal(utf8_fit("\xe6\xb8\xac", 1), 0);
	assert_int_equal(utf8_fit("e\xcc\x81x", 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_valid_sequences_decode),
		cmocka_unit_test(columns_are_those_of_a_terminal),
		cmocka_unit_test(a_fitting_beginning_never_splits_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

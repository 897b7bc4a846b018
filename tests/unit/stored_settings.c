/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/stored_settings.h"

#include "base/vec.h"
#include "model/scenario.h"

#include "cmocka_all.h"

static void values_come_back_as_they_were(void **state)
{
	static const struct setting given[] = {
		{"note", "a\nb=c\n"}, {"path", "c:\\new\\"}, {"empty", ""}, {"plain", "x=y"}};
	auto_arena struct arena arena = {0};
	struct setting *back;
	struct str text = {0};
	size_t i, n;

	(void)state;
	stored_settings_text(given, ARRAY_SIZE(given), &text);
	n = stored_settings(&arena, text.s, &back);
	assert_int_equal(n, ARRAY_SIZE(given));
	for (i = 0; i < n; i++) {
		assert_string_equal(back[i].name, given[i].name);
		assert_string_equal(back[i].value, given[i].value);
	}
	str_finish(&text);
}

static void none_come_back_as_none(void **state)
{
	auto_arena struct arena arena = {0};
	struct setting *back;
	struct str text = {0};

	(void)state;
	stored_settings_text(NULL, 0, &text);
	assert_int_equal(stored_settings(&arena, text.s, &back), 0);
	str_finish(&text);
}

static void what_an_older_program_stored_is_not_unescaped(void **state)
{
	auto_arena struct arena arena = {0};
	struct setting *back;

	(void)state;
	assert_int_equal(stored_settings(&arena, "path=c:\\new\nnote=a\nb\n", &back), 2);
	assert_string_equal(back[0].value, "c:\\new");
	assert_string_equal(back[1].value, "a\nb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_they_were),
		cmocka_unit_test(none_come_back_as_none),
		cmocka_unit_test(what_an_older_program_stored_is_not_unescaped),
	};

	return cmocka_run_group_tests_name("stored_settings", tests, NULL, NULL);
}

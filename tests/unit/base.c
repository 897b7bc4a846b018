/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bdf.h"
#include "base/clock.h"
#include "base/diags.h"
#include "base/str.h"

#include "cmocka_all.h"

#include <string.h>

static void bdf_reads_both_forms_and_wide_domains(void **state)
{
	char buf[BDF_LEN];
	struct bdf b;

	(void)state;
	assert_true(bdf_parse("41:00.0", &b));
	assert_string_equal(bdf_text(b, buf), "0000:41:00.0");
	assert_true(bdf_parse("10000:80:02.7", &b));
	assert_string_equal(bdf_text(b, buf), "10000:80:02.7");
	assert_int_equal(bdf_rid(b), 0x8017);
	assert_false(bdf_parse("41:00", &b));
	assert_false(bdf_parse("41:20.0", &b));
	assert_false(bdf_parse("41:00.8", &b));
	assert_false(bdf_parse("0000:41:00.0 ", &b));
	assert_false(bdf_parse("", &b));
}

static void durations_need_a_unit(void **state)
{
	char buf[32];
	int64_t ms = 7;

	(void)state;
	assert_true(str_to_duration_ms("1m30s", &ms));
	assert_int_equal(ms, 90000);
	assert_true(str_to_duration_ms("250ms", &ms));
	assert_int_equal(ms, 250);
	assert_false(str_to_duration_ms("10", &ms));
	assert_false(str_to_duration_ms("1s1m", &ms));
	assert_false(str_to_duration_ms("-1s", &ms));
	assert_false(str_to_duration_ms("99999999999d", &ms));
	assert_false(str_to_duration_ms("", &ms));
	assert_int_equal(ms, 250);
	assert_string_equal(duration_text(90000, buf, sizeof(buf)), "1m30s");
	assert_string_equal(duration_text(1250, buf, sizeof(buf)), "1s250ms");
	assert_string_equal(duration_text(86400000, buf, sizeof(buf)), "1d");
	assert_string_equal(duration_text(0, buf, sizeof(buf)), "0ms");
}

static void foreign_text_cannot_move_the_cursor(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(str_printable(buf, sizeof(buf), "a\x1b[2Jb", 6), "a\\x1b[2Jb");
	assert_string_equal(str_printable(buf, sizeof(buf), "caf\xc3\xa9", 5), "caf\xc3\xa9");
	assert_string_equal(str_printable(buf, sizeof(buf), "\xff\xc3", 2), "\\xff\\xc3");
	/* U+202E, right-to-left override */
	assert_string_equal(str_printable(buf, sizeof(buf), "\xe2\x80\xae", 3), "\\xe2\\x80\\xae");
	assert_string_equal(str_printable(buf, 12, "0123456789abcdef", 16), "01234567...");
}

static void a_cut_copy_shows_that_it_is_cut(void **state)
{
	char buf[8];

	(void)state;
	assert_string_equal(str_set(buf, "1234567"), "1234567");
	assert_string_equal(str_set(buf, "12345678"), "1234...");
}

static void the_nearest_word_is_suggested(void **state)
{
	static const char *const words[] = {"flr", "bus", "device_specific", NULL};

	(void)state;
	assert_string_equal(nearest_word("flrr", words), "flr");
	assert_string_equal(nearest_word("device-specific", words), "device_specific");
	assert_null(nearest_word("banana", words));
}

static void diagnostics_show_line_caret_and_hint(void **state)
{
	struct source src = {"s.yaml", "a: 1\n- reset: flrr\n", 19};
	struct diags d = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	diag_error(&d, (struct srcpos){&src, 2, 10, 4}, "unknown reset method 'flrr'");
	diag_hint(&d, "did you mean 'flr'?");
	diags_print(&d, out);
	fclose(out);
	assert_string_equal(text,
		"s.yaml:2:10: error: unknown reset method 'flrr'\n"
		"    2 | - reset: flrr\n"
		"      |          ^~~~\n"
		"      hint: did you mean 'flr'?\n");
	free(text);
}

static void deadlines_round_up(void **state)
{
	(void)state;
	clock_test_set(1000 * NS_PER_MS);
	assert_int_equal(clock_poll_ms(1000 * NS_PER_MS + 1), 1);
	assert_int_equal(clock_poll_ms(999 * NS_PER_MS), 0);
	assert_int_equal(clock_poll_ms(NEVER), -1);
	clock_test_set(0);
}

static void a_diagnostic_is_said_once(void **state)
{
	struct srcpos here = {.line = 3, .col = 1}, there = {.line = 4, .col = 1};
	struct diags d = {0};

	(void)state;
	assert_int_equal(diag_error(&d, here, "wrong %d", 1), -1);
	diag_hint(&d, "first");
	assert_int_equal(diag_error(&d, here, "wrong %d", 1), -1);
	diag_hint(&d, "second");
	assert_int_equal(d.errors, 1);
	assert_string_equal(d.list[0].hint, "first");
	diag_error(&d, here, "wrong %d", 2);
	diag_error(&d, there, "wrong %d", 1);
	assert_int_equal(d.errors, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bdf_reads_both_forms_and_wide_domains),
		cmocka_unit_test(durations_need_a_unit),
		cmocka_unit_test(foreign_text_cannot_move_the_cursor),
		cmocka_unit_test(a_cut_copy_shows_that_it_is_cut),
		cmocka_unit_test(the_nearest_word_is_suggested),
		cmocka_unit_test(diagnostics_show_line_caret_and_hint),
		cmocka_unit_test(deadlines_round_up),
		cmocka_unit_test(a_diagnostic_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

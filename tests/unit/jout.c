/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/jout.h"

#include "cmocka_all.h"

static char *written(struct json_t *tree)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	jout_write(tree, out);
	fclose(out);
	return text;
}

static void members_keep_their_order(void **state)
{
	struct json_t *o = jout_object(), *list = jout_array();
	char *text;

	(void)state;
	jout_int(o, "z", -7);
	jout_bool(o, "a", true);
	jout_null(o, "m");
	jout_push_str(list, "");
	jout_put(o, "list", list);
	jout_str(o, "empty", "");
	jout_text(o, "text", "");
	jout_time(o, "never", 0);
	text = written(o);
	assert_string_equal(text,
		"{\"z\":-7,\"a\":true,\"m\":null,\"list\":[\"\"],\"empty\":null,\"text\":\"\","
		"\"never\":null}");
	free(text);
}

static void what_is_not_utf8_stays_visible(void **state)
{
	struct json_t *o = jout_object();
	char *text;

	(void)state;
	jout_str(o, "t", "caf\xc3\xa9 \xff \xed\xa0\x80 \xc0\xaf \x1b[2J \"\\\n");
	text = written(o);
	assert_string_equal(text,
		"{\"t\":\"caf\xc3\xa9 \\\\xff \\\\xed\\\\xa0\\\\x80 \\\\xc0\\\\xaf \\u001B[2J "
		"\\\"\\\\\\n\"}");
	free(text);
}

/* A terminal obeys U+009B as it does ESC [. */
static void what_moves_the_cursor_or_turns_text_round_stays_visible(void **state)
{
	struct json_t *o = jout_object();
	char *text;

	(void)state;
	jout_str(o, "t",
		"\xc2\x9b"
		"31m \xe2\x80\xae");
	text = written(o);
	assert_string_equal(text, "{\"t\":\"\\\\xc2\\\\x9b31m \\\\xe2\\\\x80\\\\xae\"}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_keep_their_order),
		cmocka_unit_test(what_is_not_utf8_stays_visible),
		cmocka_unit_test(what_moves_the_cursor_or_turns_text_round_stays_visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

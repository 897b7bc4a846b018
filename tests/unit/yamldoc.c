/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/yamldoc.h"

#include "base/mem.h"
#include "base/str.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct diags diags;

static int fresh(void **state)
{
	(void)state;
	arena_finish(&arena);
	diags = (struct diags){0};
	return 0;
}

static const struct ynode *parse_n(const char *text, size_t len)
{
	return yamldoc_parse(&arena, source_keep("t.yaml", text, len), &diags);
}

static const struct ynode *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void refused(const char *text, unsigned line, unsigned col, const char *words)
{
	arena_finish(&arena);
	diags = (struct diags){0};
	assert_null(parse(text));
	assert_int_equal(diags.errors, 1);
	if (strstr(diags.list[0].msg, words) == NULL)
		fail_msg("'%s' does not say '%s'", diags.list[0].msg, words);
	assert_int_equal(diags.list[0].pos.line, line);
	assert_int_equal(diags.list[0].pos.col, col);
}

static void nodes_know_where_they_stand(void **state)
{
	const struct ynode *root, *list, *item;

	(void)state;
	root = parse("# caf\xc3\xa9\nn\xc3\xa4me: \"two words\"\nlist:\n  - {a: 1, b: [x]}\n  -\n");
	assert_non_null(root);
	assert_int_equal(root->kind, YNODE_MAP);
	assert_int_equal(root->n, 2);
	item = ynode_get(root, "n\xc3\xa4me");
	assert_string_equal(item->text, "two words");
	assert_false(item->plain);
	assert_int_equal(item->pos.line, 2);
	assert_int_equal(item->pos.col, 7); /* characters, not bytes */
	assert_int_equal(item->pos.len, 11);
	list = ynode_get(root, "list");
	assert_int_equal(list->kind, YNODE_LIST);
	assert_int_equal(list->n, 2);
	assert_int_equal(list->items[0]->pos.col, 5);
	assert_int_equal(list->items[0]->pos.len, 14);
	assert_true(ynode_is_null(list->items[1]));
	assert_null(ynode_get(root, "absent"));
}

static void scalars_stay_text(void **state)
{
	const struct ynode *root = parse("[41:00.0, 0x10, no, 1e3, null, \"null\", ~]");

	(void)state;
	assert_non_null(root);
	assert_string_equal(root->items[0]->text, "41:00.0");
	assert_string_equal(root->items[2]->text, "no");
	assert_true(ynode_is_null(root->items[4]));
	assert_false(ynode_is_null(root->items[5]));
	assert_true(ynode_is_null(root->items[6]));
}

static void aliases_are_followed(void **state)
{
	const struct ynode *root = parse("a: &x [1, 2]\nb: *x\n");

	(void)state;
	assert_non_null(root);
	assert_ptr_equal(ynode_get(root, "a"), ynode_get(root, "b"));
}

static void billion_laughs_are_refused(void **state)
{
	struct str s = {0};
	int i;

	(void)state;
	str_add(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (i = 1; i < 12; i++)
		str_addf(&s, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(parse(s.s));
	assert_non_null(strstr(diags.list[0].msg, "more than 100000 values"));
	str_finish(&s);
}

static void depth_counts_through_aliases(void **state)
{
	struct str s = {0};
	int i;

	(void)state;
	for (i = 0; i < 33; i++)
		str_add(&s, "[");
	refused(s.s, 1, 33, "nested more than 32");
	str_reset(&s);
	str_add(&s, "- &a0 [x]\n");
	for (i = 1; i < 40; i++)
		str_addf(&s, "- &a%d [*a%d]\n", i, i - 1);
	refused(s.s, 31, 9, "nested more than 32");
	str_finish(&s);
}

static void what_is_wrong_is_said_where_it_is(void **state)
{
	(void)state;
	refused("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key 'a', first in line 1");
	refused("a:\n\t- b\n", 2, 1, "a tab is used as indentation");
	refused("a: \xc3\xa4 \xff\n", 1, 6, "not UTF-8 text");
	refused("a: \x1b[2J\n", 1, 4, "a control character (byte 0x1b)");
	refused("a: b\rc: d\n", 1, 5, "a carriage return without");
	refused("a: x\xe2\x80\xa8y\n", 1, 5, "line separator");
	refused("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here");
	refused("a: 1\n---\n\tb: [2\n", 2, 1, "a second document begins here");
	refused("a: !!int 1\n", 1, 4, "tags are not supported");
	refused("? [a, b]\n: 1\n", 1, 3, "a key must be a single word");
	refused("<<: {a: 1}\n", 1, 1, "merge keys are not supported");
	refused("a: &x [*x]\n", 1, 8, "contains itself");
	refused("a: *y\n", 1, 4, "unknown alias 'y'");
	refused("a: \"x\\0y\"\n", 1, 4, "NUL character");
	refused("a: [1, 2\nb: 3\n", 2, 2, "did not find expected ',' or ']'");
	refused("", 0, 0, "is empty");
	refused("# only words\n", 0, 0, "is empty");
}

static void several_duplicate_keys_are_all_reported(void **state)
{
	(void)state;
	assert_null(parse("a: 1\na: 2\nb: 1\nb: 2\n"));
	assert_int_equal(diags.errors, 2);
}

static void binary_is_not_shown(void **state)
{
	(void)state;
	assert_null(parse_n("\x7f"
			    "ELF\0\0\1",
		7));
	assert_non_null(strstr(diags.list[0].msg, "binary file"));
	assert_int_equal(diags.list[0].pos.line, 0);
}

static void a_byte_order_mark_and_crlf_do_no_harm(void **state)
{
	const struct ynode *root = parse("\xef\xbb\xbf"
					 "a: 1\r\nb: 2\r\n");

	(void)state;
	assert_non_null(root);
	assert_string_equal(ynode_get(root, "a")->text, "1");
	assert_int_equal(ynode_get(root, "b")->pos.line, 2);
}

static void unreadable(const char *path, size_t max, const char *words)
{
	diags = (struct diags){0};
	assert_null(yamldoc_read(path, max, &diags));
	assert_int_equal(diags.errors, 1);
	if (strstr(diags.list[0].msg, words) == NULL)
		fail_msg("'%s' does not say '%s'", diags.list[0].msg, words);
	assert_string_equal(diags.list[0].pos.src->name, path);
}

static void files_that_cannot_be_read_are_named(void **state)
{
	const struct source *src;

	(void)state;
	unreadable("/nonexistent.yaml", 100, "No such file");
	unreadable("/tmp", 100, "is a directory");
	unreadable(SOURCE_DIR "/LICENSE", 100, "is larger than");
	unreadable("/dev/zero", 5000, "is larger than 4 KiB");
	src = yamldoc_read(SOURCE_DIR "/LICENSE", 1 << 20, &diags);
	assert_non_null(src);
	assert_int_equal(strlen(src->text), src->len);
}

static int finish(void **state)
{
	(void)state;
	arena_finish(&arena);
	source_forget_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nodes_know_where_they_stand, fresh),
		cmocka_unit_test_setup(scalars_stay_text, fresh),
		cmocka_unit_test_setup(aliases_are_followed, fresh),
		cmocka_unit_test_setup(billion_laughs_are_refused, fresh),
		cmocka_unit_test_setup(depth_counts_through_aliases, fresh),
		cmocka_unit_test_setup(what_is_wrong_is_said_where_it_is, fresh),
		cmocka_unit_test_setup(several_duplicate_keys_are_all_reported, fresh),
		cmocka_unit_test_setup(binary_is_not_shown, fresh),
		cmocka_unit_test_setup(a_byte_order_mark_and_crlf_do_no_harm, fresh),
		cmocka_unit_test_setup(files_that_cannot_be_read_are_named, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}

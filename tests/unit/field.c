/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/field.h"

#include "base/mem.h"
#include "model/vars.h"
#include "world/yamldoc.h"

#include "cmocka_all.h"

#include <string.h>

struct sample {
	bool flag;
	int64_t count, time_ms;
	const char *text;
	int choice;
	struct strings list;
	const struct ynode *node;
};

struct other {
	const char *extra;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

#define SAMPLE(key, type, member, ...)                                                             \
	{                                                                                          \
		.name = key, .kind = type, .offset = offsetof(struct sample, member), __VA_ARGS__  \
	}

static const struct field sample_fields[] = {
	SAMPLE("flag", FIELD_BOOL, flag),
	SAMPLE("count", FIELD_INT, count, .min = 1, .max = 9),
	SAMPLE("time", FIELD_DURATION, time_ms, .dflt = "1m30s", .min = 1000, .max = 3600000),
	SAMPLE("text", FIELD_STRING, text),
	SAMPLE("colour", FIELD_CHOICE, choice, .dflt = "green", .choices = colours),
	SAMPLE("list", FIELD_STRINGS, list),
	SAMPLE("node", FIELD_NODE, node),
	{0},
};
static const struct field other_fields[] = {
	{.name = "extra", .kind = FIELD_STRING, .offset = offsetof(struct other, extra)},
	{0},
};

static struct arena arena;
static struct diags diags;
static struct reading rd;
static struct sample sample;
static struct other other;

static int fill(const char *text)
{
	const struct field_target targets[] = {{sample_fields, &sample}, {other_fields, &other}};
	const struct ynode *map;

	arena_finish(&arena);
	diags = (struct diags){0};
	sample = (struct sample){0};
	other = (struct other){0};
	rd = (struct reading){.arena = &arena, .diags = &diags};
	map = yamldoc_parse(&arena, source_keep("t.yaml", text, strlen(text)), &diags);
	assert_non_null(map);
	return fields_fill(&rd, "a sample", map, map, targets, 2);
}

static void refused(const char *text, const char *words)
{
	assert_int_equal(fill(text), -1);
	assert_int_equal(diags.errors, 1);
	if (strstr(diags.list[0].msg, words) == NULL)
		fail_msg("'%s' does not say '%s'", diags.list[0].msg, words);
}

static void absent_fields_are_zero_or_their_default(void **state)
{
	(void)state;
	assert_int_equal(fill("{}"), 0);
	assert_false(sample.flag);
	assert_int_equal(sample.count, 0);
	assert_int_equal(sample.time_ms, 90000);
	assert_int_equal(sample.choice, 1);
	assert_null(sample.text);
	assert_int_equal(sample.list.n, 0);
	assert_null(sample.node);
}

static void every_kind_is_read(void **state)
{
	(void)state;
	assert_int_equal(fill("flag: true\ncount: 9\ntime: 1h\ntext: no\ncolour: blue\n"
			      "list: [a, \"\"]\nnode: {x: y}\nextra: \"\"\n"),
		0);
	assert_true(sample.flag);
	assert_int_equal(sample.count, 9);
	assert_int_equal(sample.time_ms, 3600000);
	assert_string_equal(sample.text, "no");
	assert_int_equal(sample.choice, 2);
	assert_int_equal(sample.list.n, 2);
	assert_string_equal(sample.list.v[1], "");
	assert_string_equal(ynode_get(sample.node, "x")->text, "y");
	assert_string_equal(other.extra, "");
}

static void one_scalar_is_a_list_of_one(void **state)
{
	(void)state;
	assert_int_equal(fill("list: a b"), 0);
	assert_int_equal(sample.list.n, 1);
	assert_string_equal(sample.list.v[0], "a b");
}

static void wrong_values_say_what_is_accepted(void **state)
{
	(void)state;
	refused("flag: yes", "'flag' must be true or false, not 'yes'");
	refused("count: 10", "'count' must be a whole number, 1 to 9, not '10'");
	refused("count: 1.5", "not '1.5'");
	refused("count: 99999999999999999999", "'count' must be");
	refused("time: 10", "'time' must be a duration, 1s to 1h, not '10'");
	refused("time: 999ms", "'time' must be a duration, 1s to 1h, not '999ms'");
	refused("text: [a]", "'text' must be a text, not a list");
	refused("text:", "'text' needs a value: a text");
	refused("colour: grean", "unknown colour 'grean'");
	assert_non_null(strstr(diags.list[0].hint, "did you mean 'green'?"));
	refused("list: {a: b}", "'list' must be a list of texts, not a mapping");
	refused("list: [a, ~]", "not of nothing");
	refused("extr: 1", "unknown key 'extr' in a sample");
	assert_string_equal(diags.list[0].hint, "did you mean 'extra'?");
	refused("[a]", "a sample must be a mapping, not a list");
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
		cmocka_unit_test(absent_fields_are_zero_or_their_default),
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(one_scalar_is_a_list_of_one),
		cmocka_unit_test(wrong_values_say_what_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}

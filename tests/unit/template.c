/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Templates of webhooks: what is wrong with one, what it makes, that it fits, that text stays text. */
#include "reporters/template.h"

#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "reporters/life.h"
#include "reporters/message.h"
#include "reporters/template_render.h"
#include "reporters/template_shipped.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static struct incident incidents[30];
static struct lane_row lanes[] = {{.name = "gpu", .cycles_done = 7, .reason = ""}};

static struct run_view run = {
	.verdict = VERDICT_FAIL,
	.exit_code = 1,
	.id = "run-1",
	.scenario = "night",
	.verdict_reason = "it \"broke\"",
	.started_ns = 1000000000,
	.ended_ns = 61000000000,
	.host = {.name = "rack7"},
	.lanes = lanes,
	.nlanes = 1,
	.incidents = incidents,
	.nincidents = ARRAY_SIZE(incidents),
	.totals = {.all = 100},
};

static int fill(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(incidents); i++)
		incidents[i] = (struct incident){
			.id = "aer.fatal", .severity = SEV_FATAL, .count = i, .place.lane = -1};
	return 0;
}

/* ---- what is wrong ---- */

static struct template *compiled(struct arena *arena, const char *text, struct diags *diags)
{
	return template_compile(arena, source_keep("t.json", text, strlen(text)), diags);
}

struct mistake {
	const char *text, *says, *hint;
	unsigned line, col;
};

static const struct mistake mistakes[] = {
	{"{{verdct}}", "no 'verdct'", "'verdict'", 1, 3},
	{"a\n b {{run.idd}}", "no 'run.idd'", "'run.id'", 2, 6},
	{"\xc3\xa9 {{}}", "a name is missing", "comment", 1, 5},
	{"{{verdict | mx 3}}", "'mx' is no filter", "'max'", 1, 13},
	{"{{verdict | max}}", "'max' needs a number", "max 300", 1, 16},
	{"{{verdict | max 0}}", "'max' needs a number", "max 300", 1, 17},
	{"{{verdict | slack | html}}", "one way", "", 1, 21},
	{"{{verdict and more}}", "'and' was not expected", "", 1, 11},
	{"{{if verdict is fial}}{{end}}", "never 'fial'", "'fail'", 1, 17},
	{"{{if verdict is}}{{end}}", "'is' needs a word", "", 1, 16},
	{"{{if sample is true}}{{end}}", "only there or not", "", 1, 16},
	{"{{if verdict}}", "no {{end}}", "", 1, 3},
	{"x {{end}}", "'end' closes nothing", "", 1, 5},
	{"{{if verdict}}{{else}}{{else}}{{end}}", "no {{end}}", "", 1, 3},
	{"{{for verdict}}{{end}}", "is no list", "", 1, 7},
	{"{{incidents}}", "is a list", "{{for incidents}}", 1, 3},
	{"{{for incidents max 0}}{{end}}", "number of rows", "", 1, 21},
	{"{{incident.id}}", "no 'incident.id'", "list templates", 1, 3},
	{"{{last}}", "no 'last'", "list templates", 1, 3},
	{"{{for incidents}}{{incident.di}}{{end}}", "no 'incident.di'", "'incident.id'", 1, 20},
	{"a {{verdict", "not closed", "", 1, 3},
	{"{{run.id}}{{form text}}", "must come first", "", 1, 13},
	{"{{form xml}}", "json or text", "", 1, 8},
	{"a\xff", "not UTF-8", "", 1, 2},
};

static void every_mistake_is_found_where_it_is(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		auto_free struct diags *d = xcalloc(1, sizeof(*d));
		const struct mistake *m = &mistakes[i];
		auto_arena struct arena arena = {0};

		assert_null(compiled(&arena, m->text, d));
		if (d->errors == 0 || strstr(d->list[0].msg, m->says) == NULL ||
			strstr(d->list[0].hint, m->hint) == NULL ||
			d->list[0].pos.line != m->line || d->list[0].pos.col != m->col)
			fail_msg("%s: %u:%u: %s (%s)", m->text, d->list[0].pos.line,
				d->list[0].pos.col, d->list[0].msg, d->list[0].hint);
	}
}

static void what_stands_in_each_other_is_bounded(void **state)
{
	auto_free struct diags *d = xcalloc(1, sizeof(*d));
	auto_arena struct arena arena = {0};
	struct str deep = {0};
	int i;

	(void)state;
	for (i = 0; i < 100000; i++)
		str_add(&deep, "{{if verdict}}");
	assert_null(compiled(&arena, deep.s, d));
	assert_non_null(strstr(d->list[0].msg, "in each other"));
	str_finish(&deep);
}

static void parts_are_bounded(void **state)
{
	auto_free struct diags *d = xcalloc(1, sizeof(*d));
	auto_arena struct arena arena = {0};
	struct str wide = {0};
	int i;

	(void)state;
	for (i = 0; i < 100000; i++)
		str_add(&wide, "{{verdict}}");
	assert_null(compiled(&arena, wide.s, d));
	assert_int_equal(d->errors, 1);
	assert_non_null(strstr(d->list[0].msg, "more than 4096 parts"));
	str_finish(&wide);
}

/* No room is left for what opens a block. */
static void a_block_behind_all_parts_is_refused(void **state)
{
	static const char *const blocks[] = {"{{if key}}x{{end}}",
		"{{if key}}x{{else if key}}y{{else}}z{{end}}", "{{for incidents}}x{{end}}"};
	size_t b;

	(void)state;
	for (b = 0; b < ARRAY_SIZE(blocks); b++) {
		auto_free struct diags *d = xcalloc(1, sizeof(*d));
		auto_arena struct arena arena = {0};
		struct str text = {0};
		int i;

		for (i = 0; i < TEMPLATE_NODES_MAX; i++)
			str_add(&text, "{{key}}");
		str_add(&text, blocks[b]);
		assert_null(compiled(&arena, text.s, d));
		assert_int_equal(d->errors, 1);
		assert_non_null(strstr(d->list[0].msg, "more than 4096 parts"));
		str_finish(&text);
	}
}

/* ---- what it makes ---- */

static char *made_of(const char *text, const struct message *m, size_t max, struct err *err)
{
	auto_free struct diags *d = xcalloc(1, sizeof(*d));
	auto_arena struct arena arena = {0};
	struct template *t = compiled(&arena, text, d);
	char *made;
	size_t len = 0;

	if (t == NULL)
		fail_msg("%s: %s", text, d->list[0].msg);
	made = template_render(t, m, max, &len, err);
	if (made != NULL)
		assert_int_equal(strlen(made), len);
	return made;
}

static void check_made(const char *text, const char *expected)
{
	struct message m;
	struct err err;
	char *made;

	message_of_run(&m, &run, false);
	made = made_of(text, &m, 65536, &err);
	if (made == NULL)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(made, expected);
	free(made);
	message_finish(&m);
}

static void values_stand_where_they_are_named(void **state)
{
	(void)state;
	check_made("{{form text}}{{verdict}} of {{run.scenario}} on {{host.name}}, {{cycles.done}}",
		"fail of night on rack7, 7");
	check_made(
		"{{form text}}{{# a {{ comment}}{{elapsed}} {{exit_code}} {{sample}} {{number}}.",
		"1m 1 false .");
}

static void json_is_escaped_without_being_asked(void **state)
{
	(void)state;
	check_made("[\"{{why}}\"]", "[\"it \\\"broke\\\"\"]");
	check_made("[{{why | json}}, {{previous | json}}, {{exit_code | json}}, {{number | json}}]",
		"[\"it \\\"broke\\\"\", null, 1, null]");
}

static void branches_are_taken(void **state)
{
	static const char chain[] = "{{form text}}{{if verdict is pass}}a{{else if verdict is "
				    "broken or fail}}b{{else}}c{{end}}";

	(void)state;
	check_made(chain, "b");
	run.verdict = VERDICT_PASS;
	check_made(chain, "a");
	run.verdict = VERDICT_ABORTED;
	check_made(chain, "c");
	run.verdict = VERDICT_FAIL;
	check_made("{{form text}}{{if not verdict is pass}}a{{end}}{{if previous}}b{{end}}"
		   "{{if not sample}}c{{end}}{{if count.fatal}}d{{end}}{{if exit_code}}e{{end}}",
		"ace");
}

static void loops_say_what_they_leave_out(void **state)
{
	(void)state;
	check_made("{{form text}}{{for incidents max 3}}{{if first}}<{{end}}{{incident.count}}{{if "
		   "not last}},{{end}}{{if rest}} and {{rest}} more{{end}}{{end}}",
		"<0,1,2 and 97 more");
	check_made("{{form text}}{{for failures}}x{{end}}{{for lanes}}{{lane.name}}{{for "
		   "incidents max 2}}-{{incident.id}}{{end}}{{end}}",
		"gpu-aer.fatal-aer.fatal");
}

static void nothing_but_blanks_is_nothing_to_say(void **state)
{
	(void)state;
	check_made("\n{{if verdict is pass}}{\"a\": 1}{{end}}\n\t", "");
	check_made("\n {{if verdict is fail}}{\"a\": 1}{{end}}\n", "{\"a\": 1}");
}

static void what_is_no_json_is_not_sent(void **state)
{
	struct message m;
	struct err err;

	(void)state;
	message_of_run(&m, &run, false);
	assert_null(made_of("[1,]", &m, 100, &err));
	assert_non_null(strstr(err.msg, "template t.json makes no JSON"));
	message_finish(&m);
}

static void a_run_that_lives_has_its_own_words(void **state)
{
	const struct life_lane lane = {.name = "gpu", .cycle = 3, .step = "reset"};
	const struct life life = {.kind = LIFE_ALIVE,
		.number = 7,
		.run = "r",
		.scenario = "night",
		.lanes = &lane,
		.nlanes = 1,
		.next_ms = 1500};
	struct message m;
	struct err err;
	char *made;

	(void)state;
	message_of_life(&m, &life, true);
	made = made_of(
		"{{form text}}{{title}} {{number}} {{next_within_s}} {{verdict | json}}{{for "
		"lanes}} {{lane.step}} {{lane.cycle}}{{end}}",
		&m, 1000, &err);
	assert_string_equal(made, "SAMPLE, not real: running: night on unknown 7 2 null reset 3");
	free(made);
	message_finish(&m);
}

/* ---- text of others ---- */

static void check_why(const char *why, const char *text, const char *expected)
{
	const char *before = run.verdict_reason;

	run.verdict_reason = why;
	check_made(text, expected);
	run.verdict_reason = before;
}

#define WJ "\xe2\x81\xa0"

static void nobodys_markup_is_left(void **state)
{
	(void)state;
	check_why("<!channel> *b* `c` a_b", "{{form text}}{{why | slack}}",
		"&lt;!channel&gt; " WJ "*b" WJ "* " WJ "`c" WJ "` a" WJ "_b");
	check_why("``` <@U1> a_b", "{{form text}}{{why | slack-code}}",
		WJ "`" WJ "`" WJ "` &lt;@U1&gt; a_b");
	check_why("[x](http://e) <at>", "{{form text}}{{why | markdown}}",
		WJ "[x" WJ "]" WJ "(http:" WJ "/" WJ "/e" WJ ") " WJ "<at" WJ ">");
	check_why("<a b='\"&", "{{form text}}{{why | html}}", "&lt;a b=&#39;&quot;&amp;");
	check_why("a b/\xc3\xa9", "{{form text}}{{why | url}}", "a%20b%2F%C3%A9");
}

static void control_bytes_become_visible(void **state)
{
	(void)state;
	check_why("a\x1b[31m\x80\n\xe2\x80\xae", "[\"{{why}}\"]",
		"[\"a\\\\x1b[31m\\\\x80\\\\x0a\\\\xe2\\\\x80\\\\xae\"]");
}

static void nothing_is_cut_in_the_middle(void **state)
{
	(void)state;
	check_why("abcdef", "{{form text}}{{why | max 6}}", "abcdef");
	check_why("abcdefg", "{{form text}}{{why | max 6}}", "abcde\xe2\x80\xa6");
	check_why(
		"\xc3\xa9\xc3\xa9\xc3\xa9", "{{form text}}{{why | max 2}}", "\xc3\xa9\xe2\x80\xa6");
	check_why("a<<<", "{{form text}}{{why | slack | max 8}}", "a&lt;\xe2\x80\xa6");
	check_why("\x01\x02", "{{form text}}{{why | max 5}}", "\\x01\xe2\x80\xa6");
	check_why("abc", "{{form text}}{{why | max 1}}", "\xe2\x80\xa6");
}

/* ---- that it fits ---- */

static void a_message_becomes_shorter_until_it_fits(void **state)
{
	static const char text[] = "[{{for incidents max 30}}{\"id\": \"{{incident.id}}\"}{{if not "
				   "last}},{{end}}{{if rest}}, \"{{rest}} more\"{{end}}{{end}}]";
	struct message m;
	size_t max, last = 0;

	(void)state;
	message_of_run(&m, &run, false);
	for (max = 2; max < 1000; max++) {
		struct err err;
		char *made = made_of(text, &m, max, &err);

		assert_non_null(made);
		assert_true(strlen(made) <= max);
		assert_true(strlen(made) >= last);
		last = strlen(made);
		free(made);
	}
	assert_true(last > 500);
	message_finish(&m);
}

static void loops_in_loops_come_to_an_end(void **state)
{
	struct str text = {0};
	struct message m;
	struct err err;
	char *made;
	int i;

	(void)state;
	str_add(&text, "{{form text}}begin");
	for (i = 0; i < TEMPLATE_DEPTH_MAX; i++)
		str_add(&text, "{{for incidents max 1000}}");
	for (i = 0; i < TEMPLATE_DEPTH_MAX; i++)
		str_add(&text, "{{end}}");
	message_of_run(&m, &run, false);
	made = made_of(text.s, &m, 100, &err);
	assert_string_equal(made, "begin");
	free(made);
	message_finish(&m);
	str_finish(&text);
}

static void what_can_never_fit_is_refused(void **state)
{
	struct message m;
	struct err err;

	(void)state;
	message_of_run(&m, &run, false);
	assert_null(made_of("[\"0123456789\"]", &m, 10, &err));
	assert_non_null(strstr(err.msg, "does not fit into 10 bytes"));
	assert_non_null(strstr(err.hint, "max"));
	message_finish(&m);
}

static void every_template_that_is_shipped_is_right(void **state)
{
	const struct shipped_template *s;

	(void)state;
	for (s = shipped_templates; s->name != NULL; s++) {
		auto_free struct diags *d = xcalloc(1, sizeof(*d));
		auto_arena struct arena arena = {0};
		const struct source *src =
			template_source(&arena, s->name, NULL, (struct srcpos){0}, d);

		assert_non_null(template_compile(&arena, src, d));
		assert_int_equal(d->errors, 0);
	}
}

static void who_names_a_template_that_is_not_there_is_told_what_to_write(void **state)
{
	static const struct {
		const char *name, *hint;
	} wrong[] = {
		{"my.tmpl", "a file of yours has a slash: ./my.tmpl"},
		{"slack", "did you mean 'slack.json'?"},
		{"slak.json", "did you mean 'slack.json'?"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		auto_free struct diags *d = xcalloc(1, sizeof(*d));
		auto_arena struct arena arena = {0};

		assert_null(template_source(&arena, wrong[i].name, NULL, (struct srcpos){0}, d));
		assert_int_equal(d->errors, 1);
		assert_non_null(strstr(d->list[0].hint, wrong[i].hint));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_found_where_it_is),
		cmocka_unit_test(what_stands_in_each_other_is_bounded),
		cmocka_unit_test(parts_are_bounded),
		cmocka_unit_test(a_block_behind_all_parts_is_refused),
		cmocka_unit_test(values_stand_where_they_are_named),
		cmocka_unit_test(json_is_escaped_without_being_asked),
		cmocka_unit_test(branches_are_taken),
		cmocka_unit_test(loops_say_what_they_leave_out),
		cmocka_unit_test(nothing_but_blanks_is_nothing_to_say),
		cmocka_unit_test(what_is_no_json_is_not_sent),
		cmocka_unit_test(a_run_that_lives_has_its_own_words),
		cmocka_unit_test(nobodys_markup_is_left),
		cmocka_unit_test(control_bytes_become_visible),
		cmocka_unit_test(nothing_is_cut_in_the_middle),
		cmocka_unit_test(a_message_becomes_shorter_until_it_fits),
		cmocka_unit_test(loops_in_loops_come_to_an_end),
		cmocka_unit_test(what_can_never_fit_is_refused),
		cmocka_unit_test(every_template_that_is_shipped_is_right),
		cmocka_unit_test(who_names_a_template_that_is_not_there_is_told_what_to_write),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}

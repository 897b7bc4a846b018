/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "base/vec.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA SOURCE_DIR "/tests/klog/"

static struct rules *catalogue;
static struct classifier *classifier;

static int load(void **state)
{
	struct diags diags = {0};

	(void)state;
	catalogue = rules_load(NULL, 0, &diags);
	diags_print(&diags, stderr);
	if (catalogue == NULL)
		return -1;
	classifier = classifier_new(catalogue);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	classifier_free(classifier);
	rules_free(catalogue);
	return 0;
}

static void the_catalogue_has_no_lint(void **state)
{
	struct diags diags = {0};

	(void)state;
	rules_lint(catalogue, false, &diags);
	diags_print(&diags, stderr);
	assert_int_equal(diags.errors + diags.warnings, 0);
}

/* Each row of the list has its rule. Returns their number. */
static size_t judge_ids(const char *path)
{
	char line[256], id[64], severity[16], role[16];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f)); /* the head */
	while (fgets(line, sizeof(line), f) != NULL) {
		const struct rule *r;

		assert_int_equal(sscanf(line, "%63s %15s %15s", id, severity, role), 3);
		if (strcmp(id, "none") == 0)
			continue;
		n++;
		r = rules_find(catalogue, id);
		if (r == NULL)
			fail_msg("no rule for %s", id);
		assert_string_equal(rule_role_name(r->role), role);
		/* what the text decides may differ */
		if (r->by_text == NULL)
			assert_string_equal(severity_name(r->severity), severity);
	}
	fclose(f);
	return n;
}

/* ids.tsv: the vocabulary; ids-more.tsv: what was added to it. Others' budgets name them. */
static void every_id_of_the_vocabulary_has_its_rule_and_every_rule_is_of_it(void **state)
{
	size_t more;

	(void)state;
	assert_int_equal(judge_ids(DATA "ids.tsv"), 181);
	more = judge_ids(DATA "ids-more.tsv");
	assert_int_equal(rules_count(catalogue), 181 + more);
}

static bool same_value(const json_t *want, const struct incident_field *got)
{
	char text[200] = "";
	size_t i, used = 0;

	switch (json_typeof(want)) {
	case JSON_NULL:
		return got->kind == VALUE_NULL;
	case JSON_STRING:
		return got->kind == VALUE_STRING && strcmp(got->text, json_string_value(want)) == 0;
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%lld", json_integer_value(want));
		return got->kind == VALUE_INT && strcmp(got->text, text) == 0;
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(want); i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld",
				i ? "\n" : "", json_integer_value(json_array_get(want, i)));
		return got->kind == VALUE_INTS && strcmp(text, got->text) == 0;
	default:
		return got->kind == VALUE_BOOL &&
			(strcmp(got->text, "true") == 0) == json_is_true(want);
	}
}

static bool same_fields(json_t *want, const struct incident_field *got, size_t n)
{
	size_t i;

	if (json_object_size(want) != n)
		return false;
	for (i = 0; i < n; i++) {
		const json_t *value = json_object_get(want, got[i].name);

		if (value == NULL || !same_value(value, &got[i]))
			return false;
	}
	return true;
}

struct score {
	size_t lines, wrong, alarms;
};

static void complain(const char *line, const char *what, const char *got)
{
	print_message("wrong %s '%s': %s\n", what, got, line);
}

static void judge(json_t *label, struct score *score)
{
	const char *line = json_string_value(json_object_get(label, "line"));
	const char *id = json_string_value(json_object_get(label, "id"));
	const char *bdf = json_string_value(json_object_get(label, "bdf"));
	struct incident_field fields[RULE_FIELDS_MAX];
	char text[BDF_LEN];
	struct logline l;
	struct klog_match m;
	bool right;
	size_t n;

	score->lines++;
	logline_parse(line, strlen(line), &l);
	classify(classifier, l.text, l.len, l.source, &m);
	if (m.rule == NULL) {
		if (strcmp(id, "none") != 0) {
			complain(line, id, "none");
			score->wrong++;
		}
		return;
	}
	if (strcmp(id, "none") == 0 && m.severity >= SEV_WARNING)
		score->alarms++;
	right = strcmp(id, m.rule->id) == 0;
	if (!right)
		complain(line, id, m.rule->id);
	if (right && strcmp(bdf ? bdf : "null", m.has_bdf ? bdf_text(m.bdf, text) : "null") != 0) {
		complain(line, "bdf", m.has_bdf ? text : "null");
		right = false;
	}
	n = match_fields(&m, false, fields, RULE_FIELDS_MAX);
	if (right && !same_fields(json_object_get(label, "fields"), fields, n)) {
		complain(line, "fields", m.rule->id);
		right = false;
	}
	score->wrong += !right;
}

static void judge_file(const char *path, struct score *score)
{
	FILE *f = fopen(path, "r");
	json_error_t error;
	json_t *label;

	assert_non_null(f);
	while ((label = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error)) != NULL) {
		judge(label, score);
		json_decref(label);
	}
	fclose(f);
}

static void labelled_lines_are_told_right(void **state)
{
	struct score score = {0};

	(void)state;
	judge_file(DATA "lines.jsonl", &score);
	judge_file(DATA "lines-from-formats.jsonl", &score);
	judge_file(DATA "lines-more.jsonl", &score);
	print_message(
		"%zu lines, %zu wrong, %zu false alarms\n", score.lines, score.wrong, score.alarms);
	assert_true(score.lines > 1700);
	assert_int_equal(score.alarms, 0);
	/* 99.5 % */
	assert_true(score.wrong * 200 <= score.lines);
}

/* ---- users' files ---- */

static struct rules *load_text(const char *yaml, struct diags *diags)
{
	char path[] = "/tmp/klog-rules-XXXXXX";
	const char *files[] = {path};
	int fd = mkstemp(path);
	struct rules *rules;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	rules = rules_load(files, 1, diags);
	unlink(path);
	return rules;
}

static void a_users_rule_comes_before_the_catalogue(void **state)
{
	static const char line[] = "riser 0000:41:00.0: sensor 3 says 101 C";
	struct diags diags = {0};
	struct rules *rules = load_text("rules:\n"
					"- id: site.riser\n"
					"  severity: fatal\n"
					"  pattern: '^sensor (?<n>\\d+) says (?<c>\\d+) C'\n"
					"  fields: {n: int, c: int}\n"
					"  meaning: The riser is hot.\n"
					"  advice: Look at the fan.\n"
					"  samples: ['riser 0000:41:00.0: sensor 3 says 101 C']\n"
					"- {id: aer.recovery-failed, severity: warning}\n",
		&diags);
	struct incident_field fields[4];
	struct classifier *c;
	struct klog_match m;

	(void)state;
	diags_print(&diags, stderr);
	assert_non_null(rules);
	assert_int_equal(rules_find(rules, "aer.recovery-failed")->severity, SEV_WARNING);
	c = classifier_new(rules);
	assert_true(classify(c, line, strlen(line), SOURCE_KERNEL, &m));
	assert_string_equal(m.rule->id, "site.riser");
	assert_int_equal(m.bdf.bus, 0x41);
	assert_int_equal(match_fields(&m, true, fields, 4), 2);
	assert_string_equal(fields[1].text, "101");
	classifier_free(c);
	rules_free(rules);
}

static void expect_complaint(const char *yaml, unsigned line, const char *words)
{
	struct diags diags = {0};
	struct rules *rules = load_text(yaml, &diags);

	assert_null(rules);
	assert_true(diags.errors > 0);
	if (strstr(diags.list[0].msg, words) == NULL)
		fail_msg("'%s' does not say '%s'", diags.list[0].msg, words);
	assert_int_equal(diags.list[0].pos.line, line);
}

#define RULE "rules:\n- id: site.x\n  severity: error\n  meaning: m\n  advice: a\n"

static void a_wrong_users_file_is_refused_with_its_place(void **state)
{
	(void)state;
	expect_complaint("rules: 3\n", 1, "a rule file is a mapping");
	expect_complaint(RULE "  pattern: 'a(b'\n  samples: [ab]\n", 6, "does not compile");
	expect_complaint(RULE "  pattern: abc\n  samples: [xyz]\n", 7, "its own sample");
	expect_complaint(RULE "  pattern: abc\n", 2, "no samples");
	expect_complaint(RULE "  patern: abc\n", 6, "unknown key 'patern'");
	expect_complaint(RULE "  pattern: abc\n  samples: [abc]\n  fields: {x: int}\n", 8,
		"takes group 'x'");
	expect_complaint(RULE "  pattern: abc\n  samples: [abc]\n  fields: {x: number}\n", 8,
		"unknown field type");
	expect_complaint("rules:\n- {id: site.x, severity: severe}\n", 2, "unknown severity");
	expect_complaint("rules:\n- {id: site.x, severity: error}\n", 2, "has no pattern");
	expect_complaint("rules:\n- {id: aer.bus-error, severity: error, role: info}\n", 2,
		"only the severity");
	expect_complaint("rules:\n- {id: Site X, severity: error}\n", 2, "an id is");
	/* a line that the catalogue knows as a fault: two rules would claim it */
	expect_complaint(RULE "  pattern: device recovery failed\n  samples: ['pcieport "
			      "0000:80:1b.4: AER: device recovery failed']\n",
		7, "also matches 'aer.recovery-failed'");
	/* tried first, it would take lines that are faults or parts of them */
	expect_complaint(RULE "  pattern: '^DMAR: .*'\n  samples: ['DMAR: nothing known']\n", 2,
		"hides 'dmar.");
	expect_complaint(RULE "  culprit: above\n  pattern: abc\n  samples: [abc]\n", 6,
		"unknown culprit 'above'");
}

static void a_runaway_pattern_does_not_hang(void **state)
{
	struct diags diags = {0};
	struct rules *rules = load_text(RULE "  pattern: '^(a+)+$'\n  samples: [aaa]\n", &diags);
	struct classifier *c;
	struct klog_match m;
	char line[1000];

	(void)state;
	assert_non_null(rules);
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = 'b';
	c = classifier_new(rules);
	assert_false(classify(c, line, sizeof(line), SOURCE_KERNEL, &m));
	classifier_free(c);
	rules_free(rules);
}

static void what_must_stand_in_a_line_is_found_out(void **state)
{
	/* needles in order, each with a '|' behind it */
	static const struct {
		const char *regex, *needles;
	} cases[] = {
		{"^DMAR: \\[DMA (?<d>Read|Write)\\] Req",
			"DMAR: [DMA Read] Req|DMAR: [DMA Write] Req|"},
		{"abcd?efgh", "abcdefgh|abcefgh|"},
		{"abc|def", "abc|def|"},
		{"abc|d.f", ""},
		{"(abc|defg)hij", "abchij|defghij|"},
		{"(?:vwx )?abcdef", "abcdef|"},
		{"(?|(?<a>Xy)|(?<a>Zt)) abc", "Xy abc|Zt abc|"},
		{"(?P<n>abc)(?'m'def)", "abcdef|"},
		{"(?i)abcdef", ""},
		{"(?x)abc def", ""},
		{"abc(?i:def)ghi", ""},
		{"(*ANYCRLF)abcdef", ""},
		{"ab[cd]efgh{2}", "abcefghh|abdefghh|"},
		{"ab[^c]defg", "defg|"},
		{"ab[]c]defg", "ab]defg|abcdefg|"},
		{"ab[[:digit:]]defg", "defg|"},
		{"ab[a-f]defg", "defg|"},
		{"ab[\\d]defg", "defg|"},
		{"ab[\\]x]defg", "ab]defg|abxdefg|"},
		{"ab[\\Qx]defg]abc\\E]", ""},
		{"(ab[c[:d]defg)", ""},
		{"a\\.b\\.c\\dxx", "a.b.c|"},
		{"abc\\x41defghi", ""},
		{"(abc)(def)\\2", ""},
		{"\\Qabc.\\Edef", ""},
		{"ab", ""},
		{"abcd+", "abcd|"},
		{"abcd+efgh", "defgh|"},
		{"(?:ab|cd)+efgh", "abefgh|cdefgh|"},
		{"abc {2,}efgh", "  efgh|"},
		{"(?:abcd){3}", "abcdabcdabcd|"},
		{"x(?:abcdefghijkl){2}y", "xabcdefghijkl|"},
		{"x(?:abcdefghijkl|mno)y", "xabcdefghijkly|xmnoy|"},
		{"0123456789(?:abcdefghijklmno|p)q", "23456789abcdefghijklmno|0123456789p|"},
		{"AB(?:C[0-9]+|D)\\d", "ABC|ABD|"},
		{"xyz(?<n>(?:Ab|Cd)[a-z]+)", "xyzAb|xyzCd|"},
		{"(?:abcd){0}xyz", "xyz|"},
		{"(?:abcd)*xyz", "xyz|"},
		{"abcd{,3}", "abcd{,3}|"},
		{"(?!abcdef)xyz", "xyz|"},
		{"abc(?<=abcdef)xyz", "abcxyz|"},
		{"abc\\bdef", "abcdef|"},
		{"abc\\?defg", "defg|"},
		{"abc\ndefg", "defg|"},
		{"abc\\tdefg", "defg|"},
		{"abc\\\\defg", "defg|"},
		{"abc\xc3\xa9"
		 "defg",
			"defg|"},
		{"(?#abc)defg", ""},
		{"(abcd)?(?(1)efgh|ijkl)", ""},
		{"[ab][ab][ab][ab][ab]cdef", "acdef|bcdef|"},
		{"0123456789012345678901234567xyz", "01234567890123456789012|"},
		{"^$", ""},
		{"", ""},
	};
	size_t i, k, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char all[200] = "";
		const char *const *needles;
		struct pattern *p;
		struct err err;
		size_t at;

		if (pattern_compile(cases[i].regex, &p, &at, &err) != 0)
			fail_msg("%s: %s", cases[i].regex, err.msg);
		needles = pattern_needles(p, &n);
		for (k = 0; k < n; k++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s|", needles[k]);
		if (strcmp(all, cases[i].needles) != 0)
			fail_msg("%s: %s, not %s", cases[i].regex, all, cases[i].needles);
		pattern_free(p);
	}
}

/* Else the prefilter would keep its line from it. */
static void what_a_pattern_matches_has_a_needle_of_it(void **state)
{
	size_t i, s, k, n, found, matched = 0;

	(void)state;
	for (i = 0; i < rules_count(catalogue); i++) {
		const struct rule *r = rules_at(catalogue, i);

		for (s = 0; s < r->nsamples; s++) {
			struct logline line;
			struct klog_match m;
			const char *const *needles;

			logline_parse(r->samples[s], strlen(r->samples[s]), &line);
			assert_true(classify_as(r, line.text, line.len, &m));
			needles = pattern_needles(m.pattern, &n);
			for (k = 0, found = 0; k < n; k++)
				found += memmem(m.groups[0].s, m.groups[0].n, needles[k],
						 strlen(needles[k])) != NULL;
			if (n == 0 || found == 0)
				fail_msg("%s: no needle in '%s'", r->id, r->samples[s]);
			matched++;
		}
	}
	assert_true(matched > 300);
}

/* An expression of a few atoms, groups, alternatives and quantifiers. */
static void make_regex(struct str *out, unsigned *seed, int depth)
{
	static const char *const atoms[] = {"a", "b", "cab", "abc", "[ab]", "[^a]", "[bc]", ".",
		"\\w", "\\b", "(?=a)", "(?!b)", "^", "$", "[a-c]", "\\?"};
	static const char *const opens[] = {"(", "(?:", "(?|", "(?>", "(?<=", "(?!"};
	static const char *const times[] = {"?", "*", "+", "{2}", "{1,2}", "{0}", "{2,}?", "++"};
	int i, n = 1 + rand_r(seed) % 4;

	for (i = 0; i < n; i++) {
		if (depth > 0 && rand_r(seed) % 3 == 0) {
			str_add(out, opens[rand_r(seed) % ARRAY_SIZE(opens)]);
			make_regex(out, seed, depth - 1);
			str_add(out, ")");
		} else {
			str_add(out, atoms[rand_r(seed) % ARRAY_SIZE(atoms)]);
		}
		if (rand_r(seed) % 3 == 0)
			str_add(out, times[rand_r(seed) % ARRAY_SIZE(times)]);
		if (rand_r(seed) % 5 == 0)
			str_add(out, "|");
	}
}

static void no_expression_matches_without_its_needles(void **state)
{
	unsigned seed = 7, round, try, certain = 0, matched = 0;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct span groups[PATTERN_GROUPS_MAX];
		struct str regex = {0};
		char text[13] = "";
		const char *const *needles;
		struct pattern *p;
		struct err err;
		size_t at, n, k;

		make_regex(&regex, &seed, 2);
		if (pattern_compile(regex.s, &p, &at, &err) != 0) {
			/* what cannot be repeated, a look behind without a length */
			str_finish(&regex);
			continue;
		}
		needles = pattern_needles(p, &n);
		certain += n > 0;
		for (try = 0; n > 0 && try < 10; try++) {
			bool found = false;

			for (k = 0; k < 12; k++)
				text[k] = "aaabbbccc?  "[rand_r(&seed) % 12];
			if (!pattern_match(p, text, 12, groups))
				continue;
			matched++;
			for (k = 0; k < n; k++)
				found = found || strstr(text, needles[k]) != NULL;
			if (!found)
				fail_msg("'%s' matches '%s' without a needle", regex.s, text);
		}
		pattern_free(p);
		str_finish(&regex);
	}
	assert_true(certain > 1000 && matched > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_catalogue_has_no_lint),
		cmocka_unit_test(every_id_of_the_vocabulary_has_its_rule_and_every_rule_is_of_it),
		cmocka_unit_test(labelled_lines_are_told_right),
		cmocka_unit_test(a_users_rule_comes_before_the_catalogue),
		cmocka_unit_test(a_wrong_users_file_is_refused_with_its_place),
		cmocka_unit_test(a_runaway_pattern_does_not_hang),
		cmocka_unit_test(what_must_stand_in_a_line_is_found_out),
		cmocka_unit_test(what_a_pattern_matches_has_a_needle_of_it),
		cmocka_unit_test(no_expression_matches_without_its_needles),
	};

	return cmocka_run_group_tests(tests, load, unload);
}

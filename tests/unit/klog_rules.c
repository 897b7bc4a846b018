/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logline.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <jansson.h>
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

static void every_id_of_the_vocabulary_has_its_rule(void **state)
{
	char line[256], id[64], severity[16], role[16];
	FILE *f = fopen(DATA "ids.tsv", "r");
	size_t n = 0;

	(void)state;
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
	assert_int_equal(n, 181);
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
	print_message(
		"%zu lines, %zu wrong, %zu false alarms\n", score.lines, score.wrong, score.alarms);
	assert_true(score.lines > 590);
	assert_int_equal(score.alarms, 0);
	/* 99.5 % */
	assert_true(score.wrong * 200 <= score.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_catalogue_has_no_lint),
		cmocka_unit_test(every_id_of_the_vocabulary_has_its_rule),
		cmocka_unit_test(labelled_lines_are_told_right),
	};

	return cmocka_run_group_tests(tests, load, unload);
}

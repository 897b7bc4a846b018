/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_KLOG_CORPUS_H
#define VFIO_STRESS_TESTS_KLOG_CORPUS_H

#include "base/diags.h"
#include "base/vec.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <jansson.h>
#include <stdio.h>

static void klog_corpus_file(const char *path, void (*take)(const char *line))
{
	FILE *f = fopen(path, "r");
	json_error_t error;
	json_t *label;

	assert_non_null(f);
	while ((label = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error)) != NULL) {
		take(json_string_value(json_object_get(label, "line")));
		json_decref(label);
	}
	fclose(f);
}

/* Every labelled line and every sample of the rules, as it was saved. */
static void klog_corpus(const struct rules *rules, void (*take)(const char *line))
{
	static const char *const files[] = {SOURCE_DIR "/tests/klog/lines.jsonl",
		SOURCE_DIR "/tests/klog/lines-from-formats.jsonl",
		SOURCE_DIR "/tests/klog/lines-more.jsonl"};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		klog_corpus_file(files[i], take);
	for (i = 0; i < rules_count(rules); i++)
		for (k = 0; k < rules_at(rules, i)->nsamples; k++)
			take(rules_at(rules, i)->samples[k]);
}

/* The catalogue, and `take` for each line once both are there. The caller frees them. */
static inline int klog_corpus_load(
	struct rules **rules, struct classifier **classifier, void (*take)(const char *line))
{
	struct diags diags = {0};

	*rules = rules_load(NULL, 0, &diags);
	if (*rules == NULL)
		return -1;
	*classifier = classifier_new(*rules);
	klog_corpus(*rules, take);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/pattern.h"

#include "base/mem.h"
#include "klog/needles.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* steps of the matcher; the longest honest match of the catalogue needs a few hundred */
#define MATCH_LIMIT 20000

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	bool jit_tried; /* compiled on first use: most rules never see a candidate line */
	char **needles;
	size_t nneedles;
	char *names[PATTERN_GROUPS_MAX];
};

static void learn_names(struct pattern *p)
{
	uint32_t count = 0, entry = 0, i;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	for (i = 0; i < count; i++, table += entry) {
		int number = table[0] << 8 | table[1];

		if (p->names[number] == NULL)
			p->names[number] = xstrdup((const char *)table + 2);
	}
}

static void learn_needles(struct pattern *p, const char *regex)
{
	struct needles found;
	size_t i;

	needles_find(regex, &found);
	p->needles = xcalloc(found.n + 1, sizeof(*p->needles));
	for (i = 0; i < found.n; i++)
		p->needles[i] = xstrdup(found.v[i]);
	p->nneedles = found.n;
}

int pattern_compile(const char *regex, struct pattern **out, size_t *at_out, struct err *err)
{
	struct pattern *p = xcalloc(1, sizeof(*p));
	uint32_t groups = 0;
	PCRE2_SIZE at = 0;
	int code = 0;

	p->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
		PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
	if (p->code == NULL) {
		PCRE2_UCHAR why[160];

		pcre2_get_error_message(code, why, sizeof(why));
		pattern_free(p);
		*at_out = at;
		return err_set(err, ERR_INPUT, 0, "%s", (const char *)why);
	}
	pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups >= PATTERN_GROUPS_MAX) {
		pattern_free(p);
		*at_out = 0;
		return err_set(err, ERR_INPUT, 0, "more than %d groups: make some '(?:'",
			PATTERN_GROUPS_MAX - 1);
	}
	p->data = pcre2_match_data_create(PATTERN_GROUPS_MAX, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (p->data == NULL || p->limits == NULL)
		abort();
	pcre2_set_match_limit(p->limits, MATCH_LIMIT);
	learn_names(p);
	learn_needles(p, regex);
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < PATTERN_GROUPS_MAX; i++)
		free(p->names[i]);
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	for (i = 0; i < p->nneedles; i++)
		free(p->needles[i]);
	free(p->needles);
	free(p);
}

const char *pattern_group_name(const struct pattern *p, int number)
{
	return number < PATTERN_GROUPS_MAX ? p->names[number] : NULL;
}

const char *const *pattern_needles(const struct pattern *p, size_t *n_out)
{
	*n_out = p->nneedles;
	return (const char *const *)p->needles;
}

bool pattern_match(
	struct pattern *p, const char *text, size_t len, struct span groups[PATTERN_GROUPS_MAX])
{
	const PCRE2_SIZE *at;
	int n, i;

	if (!p->jit_tried) {
		/* without JIT (no executable memory) the interpreter gives the same answers */
		pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
		p->jit_tried = true;
	}
	n = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, p->data, p->limits);
	if (n < 0)
		return false;
	at = pcre2_get_ovector_pointer(p->data);
	for (i = 0; i < PATTERN_GROUPS_MAX; i++) {
		bool took_part = i < n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

		groups[i] = took_part ? (struct span){text + at[2 * i], at[2 * i + 1] - at[2 * i]}
				      : (struct span){NULL, 0};
	}
	return true;
}
